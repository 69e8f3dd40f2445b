"""One progress bar on stderr, with rate and time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class RateColumn(ProgressColumn):
    """ "2.4 pairs/s", or "3.1 s/pair" for what takes longer than a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f} {self._unit}s/s" if speed >= 1 else f"{1 / speed:.1f} s/{self._unit}")


class Advance:
    """What is called after each unit; ``more`` when there turns out to be another one."""

    def __init__(self, bar: Progress, what: str, total: int) -> None:
        self._bar, self._total = bar, total
        self._task = bar.add_task(what, total=total)

    def __call__(self) -> None:
        self._bar.advance(self._task)

    def more(self) -> None:
        """One unit more than was said."""
        self._total += 1
        self._bar.update(self._task, total=self._total)
        self._bar.start()


@contextmanager
def progress_bar(what: str, total: int, unit: str, hidden: bool = False) -> Iterator[Advance]:
    """A bar over ``total`` units; yields the function to call after each of them.

    Where stderr is no terminal, only the finished bar is printed, so that logs stay short. Over no units there is no
    bar until there are ``more``.
    """
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(unit),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    bar = Progress(*columns, console=Console(stderr=True), disable=hidden)
    advance = Advance(bar, what, total)
    try:
        if total:
            bar.start()
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
