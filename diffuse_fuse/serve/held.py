"""What is held in memory for a while: least recently used goes first, and all of it goes with time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """Values by key, as many as ``most`` bytes allow, each for ``seconds`` after it was last asked for.

    For any number of threads. A value that alone is larger is not kept.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._values: OrderedDict[Hashable, tuple[T, int, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = 0

    def get(self, key: Hashable) -> T | None:
        """The value, which is fresh again; None where it is not held, or no longer."""
        with self._lock:
            self._expire()
            found = self._values.get(key)
            if found is None:
                return None
            self._values[key] = (found[0], found[1], self._clock())
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: T, size: int) -> None:
        """Keep ``value``, which takes ``size`` bytes, as long as there is room."""
        with self._lock:
            self._drop(key)
            if size <= self._most:
                self._values[key] = (value, size, self._clock())
                self._bytes += size
            self._expire()
            while self._bytes > self._most:
                self._drop(next(iter(self._values)))

    def expire(self) -> None:
        """Let go of what nobody asked for in time."""
        with self._lock:
            self._expire()

    @property
    def nbytes(self) -> int:
        """What is held now."""
        return self._bytes

    def _expire(self) -> None:
        oldest = self._clock() - self._seconds
        while self._values and next(iter(self._values.values()))[2] < oldest:
            self._drop(next(iter(self._values)))

    def _drop(self, key: Hashable) -> None:
        found = self._values.pop(key, None)
        self._bytes -= found[1] if found else 0
