"""Progress on stderr: a bar over units with rate and time left, and one over the rows of a large picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_LONG = 1.0  # seconds after which the rows of a picture are worth a line
_QUIET = 30.0  # seconds after which a log gets a line


class RateColumn(ProgressColumn):
    """ "2.4 pairs/s", or "3.1 s/pair" for what takes longer than a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed or "rows" in task.fields:
            return Text("")
        return Text(f"{speed:.1f} {self._unit}s/s" if speed >= 1 else f"{1 / speed:.1f} s/{self._unit}")


class Rows:
    """What is called with the rows of a picture that are done and those there are: a line of its own, from when the
    picture takes longer than a second until it is done."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._begun, self._done = 0.0, 0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < self._done or not self._begun:
            self.end()  # one before may have failed on its way
            self._begun = now
        self._done = done
        if done >= total:
            self.end()
        elif self._task is not None:
            self._bar.update(self._task, completed=done)
        elif now - self._begun > _LONG:
            if not self._bar.live.is_started:
                self._bar.start()
            self._task = self._bar.add_task("rows", total=total, completed=done, rows=True)

    def end(self) -> None:
        """Takes the line away."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task, self._begun, self._done = None, 0.0, 0


class Advance:
    """What is called after each unit; ``more`` when there turns out to be another one; ``rows`` while a large picture
    is under way."""

    def __init__(self, bar: Progress, what: str, total: int, unit: str) -> None:
        self._bar, self._what, self._total, self._unit = bar, what, total, unit
        self._task = bar.add_task(what, total=total)
        self.rows = Rows(bar)
        self._done, self._begun = 0, time.monotonic()
        self._said = self._begun

    def __call__(self) -> None:
        self._bar.advance(self._task)
        self._done += 1
        now = time.monotonic()
        if self._bar.disable or self._bar.console.is_terminal or now - self._said < _QUIET:
            return
        self._said = now
        left = (now - self._begun) / self._done * (self._total - self._done)
        text = f"{self._what}: {self._done} of {self._total} {self._unit}s, about {_duration(left)} left"
        print(text, file=self._bar.console.file, flush=True)

    def more(self) -> None:
        """One unit more than was said."""
        self._total += 1
        self._bar.update(self._task, total=self._total)
        self._bar.start()


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


@contextmanager
def progress_bar(what: str, total: int, unit: str, hidden: bool = False) -> Iterator[Advance]:
    """A bar over ``total`` units; yields the function to call after each of them.

    Where stderr is no terminal, a line is printed every half a minute and the finished bar at the end. Over no units
    there is no bar until there are ``more``.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(unit),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    bar = Progress(*columns, console=Console(stderr=True), disable=hidden)
    advance = Advance(bar, what, total, unit)
    try:
        if total:
            bar.start()
        yield advance
    finally:
        advance.rows.end()
        if bar.live.is_started:
            bar.stop()


@contextmanager
def rows_bar() -> Iterator[Rows]:
    """For a single picture on a terminal: yields ``Rows``, whose bar leaves nothing behind."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    rows = Rows(bar)
    try:
        yield rows
    finally:
        rows.end()
        if bar.live.is_started:
            bar.stop()
