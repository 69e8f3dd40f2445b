"""One progress bar for a training run: loss, steps a second, time left."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress


class Progress:
    """A rich bar on stderr that counts steps or minutes, whichever is the budget."""

    def __init__(self, steps: int | None, minutes: float | None, step: int, seconds: float, quiet: bool) -> None:
        self._by_steps = steps is not None
        self._total = steps if steps is not None else 60 * (minutes or 0.0)
        self._first_step, self._first_seconds = step, seconds
        self._smooth: float | None = None
        self._bar = RichProgress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("step {task.fields[step]} · loss {task.fields[loss]} · {task.fields[rate]} steps/s"),
            TextColumn("{task.fields[left]} left"),
            console=Console(stderr=True),
            disable=quiet,
        )
        done = step if self._by_steps else seconds
        self._task = self._bar.add_task(
            "", total=self._total, completed=int(done), step=step, loss="–", rate="–", left="?"
        )

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, step: int, loss: float, seconds: float) -> None:
        """After each step: its number, its loss, the seconds trained so far."""
        self._smooth = loss if self._smooth is None else 0.98 * self._smooth + 0.02 * loss
        rate = (step - self._first_step) / max(1e-9, seconds - self._first_seconds)
        left = (self._total - step) / max(rate, 1e-9) if self._by_steps else self._total - seconds
        self._bar.update(
            self._task,
            completed=step if self._by_steps else seconds,
            step=step,
            loss=f"{self._smooth:.4f}",
            rate=f"{rate:.2f}",
            left=f"{max(0, int(left)) // 60}:{max(0, int(left)) % 60:02d}",
        )

    def note(self, text: str) -> None:
        """A line above the bar."""
        self._bar.console.print(text, highlight=False)
