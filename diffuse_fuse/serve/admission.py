"""How many requests there may be at once: each holds a body in memory and asks for a core."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NEWEST = 0.2  # part of the newest request in the mean of their times
_LONGEST_WAIT = 60


class BusyError(Exception):
    """There are as many requests as may wait; ``seconds``: after which to come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


Take = Callable[[int], None]


class Admission:
    """Lets ``most`` requests in, of which ``at_once`` are worked on, with bodies of ``most_bytes`` together.

    For one event loop.
    """

    def __init__(self, at_once: int, queue: int, most_bytes: int) -> None:
        self.at_once, self.most, self.most_bytes = at_once, at_once + queue, most_bytes
        self.inside = self.nbytes = 0
        self._mean = 0.1  # seconds of work a request

    @contextmanager
    def place(self) -> Iterator[Take]:
        """A place for a request, which tells what it takes how many bytes of its body have come.

        Raises BusyError where there is none, and where there is no room for more bytes.
        """
        if self.inside >= self.most:
            raise BusyError(self.wait())
        self.inside += 1
        own = 0

        def take(size: int) -> None:
            nonlocal own
            if self.nbytes + size > self.most_bytes:
                raise BusyError(self.wait())
            own += size
            self.nbytes += size

        try:
            yield take
        finally:
            self.inside -= 1
            self.nbytes -= own

    def took(self, seconds: float) -> None:
        """Told how long the work on a request took."""
        self._mean += _NEWEST * (seconds - self._mean)

    def wait(self) -> int:
        """Whole seconds in which those inside will about be done."""
        return min(_LONGEST_WAIT, max(1, math.ceil(self._mean * self.inside / self.at_once)))
