"""Three stages that overlap: threads read ahead, the caller's thread or several work, threads finish what was made.

The network stays in the caller's thread, which has the processor's other cores through it, or has several small
pictures at once, a thread each, which never wait for each other; decoding, encoding and metrics let go of Python's lock
for most of their time. What is under way at once is limited in number and in bytes, so memory does not grow with the
number of items, and results come in the order of the items, whichever thread was faster.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from diffuse_fuse.machine import available_cores

T = TypeVar("T")

# Of pairs that wait for the network, and again of those behind it: a hundred-megapixel pair goes through by itself.
_HELD_BYTES = 1 << 29
_SMALL_BYTES = 1 << 25  # a pair with larger pictures has the network for itself: it needs memory of its own
_MOST_WORKERS = 4  # by default; the threads of one Python get in each other's way when there are more


@dataclass(frozen=True)
class Done(Generic[T]):
    """The outcome of an item; it skips the stages that are left."""

    value: T


class Workers:
    """Threads that work off calls in the order in which they were given.

    Daemons, unlike those of concurrent.futures: a second Ctrl-C must not wait for a file on a network drive that does
    not answer.
    """

    def __init__(self, count: int) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], Any] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"dfuse-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def call(self, function: Callable[[Any], Any], argument: Any) -> Future[Any]:
        """Has ``function(argument)`` called; the future holds what it gives or raises."""
        future: Future[Any] = Future()
        self._calls.put((future, function, argument))
        return future

    def end(self) -> None:
        """The threads end after the calls that were given before.

        Waits for them, but not long: one that is still in a library when the interpreter ends may crash the process,
        and one that reads from a drive that does not answer must not hold it.
        """
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            future, function, argument = given
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(argument))
                except BaseException as error:
                    future.set_exception(error)
            del given, future, argument  # a waiting thread holds no pictures


def default_workers() -> int:
    """How many threads read and finish unless it is said: one a core, up to four."""
    return min(_MOST_WORKERS, available_cores())


def overlapped(
    items: Iterable[T],
    read: Callable[[T], Any],
    work: Callable[[Any], Any],
    finish: Callable[[Any], Any],
    emit: Callable[[Any], None],
    workers: int,
    stop: Callable[[], bool] = lambda: False,
    at_once: int = 1,
) -> None:
    """Every item through ``read`` (threads), ``work`` (this thread) and ``finish`` (threads); ``emit`` in order.

    ``read`` and ``work`` give what the next stage takes, or a ``Done``; what they give says its size in bytes as
    ``nbytes`` if it is large. ``finish`` gives what is emitted, in this thread.
    ``at_once``: so many items are worked on at the same time, where they are small; if more than one, by threads.
    Once ``stop`` says so nothing new is worked on; what has been is finished and emitted. So it is when a stage raises,
    KeyboardInterrupt too, before the exception goes on; a further KeyboardInterrupt leaves at once.
    """
    pool = Workers(workers)
    network = Workers(at_once) if at_once > 1 else None
    waiting: deque[Future[Any]] = deque()  # read, or being read
    working: deque[Future[Any]] = deque()
    finishing: deque[Future[Any]] = deque()
    source, largest = iter(items), 0

    def ahead() -> int:
        """How many may wait; none before it is known how large they are, or where one is as large as all may be."""
        return min(workers + 1, _HELD_BYTES // largest) if largest else 0

    def fill(least: int) -> None:
        while len(waiting) < max(least, ahead()):
            try:
                item = next(source)
            except StopIteration:
                return
            waiting.append(pool.call(read, item))

    def begin(given: Any) -> None:
        if isinstance(given, Done):
            working.append(_held(given))
        elif network:
            working.append(network.call(work, given))
        else:
            working.append(_held(work(given)))

    def hand_on(leave: int) -> None:
        while len(working) > leave or (working and working[0].done()):
            made = working.popleft().result()
            finishing.append(_held(made.value) if isinstance(made, Done) else pool.call(finish, made))

    def drain(leave: int) -> None:
        while finishing and (len(finishing) > leave or finishing[0].done()):
            emit(finishing.popleft().result())

    def settle() -> None:
        try:
            hand_on(0)
        except Exception:  # of a picture beside the one whose exception is on its way
            drain(0)
            raise
        drain(0)

    def end() -> None:
        for future in (*working, *finishing):  # none but after an exception in what follows
            future.cancel()
        for threads in (network, pool):
            if threads:
                threads.end()

    with contextlib.ExitStack() as at_last:  # in the opposite order
        at_last.callback(end)
        at_last.callback(settle)
        at_last.callback(lambda: [future.cancel() for future in waiting])
        while not stop():
            fill(1)
            if not waiting:
                break
            given = waiting.popleft().result()
            if not isinstance(given, Done):
                largest = max(largest, getattr(given, "nbytes", 1))
                fill(0)
                if stop():
                    break
            elif not largest:
                largest = 1  # nothing that says its size: read on
            begin(given)
            del given
            hand_on(at_once - 1 if largest <= _SMALL_BYTES else 0)
            drain(ahead())


def read_all(items: Iterable[T], read: Callable[[T], Done[Any]], emit: Callable[[Any], None], workers: int) -> None:
    """The first stage alone: what ``read`` gives for every item, in order."""

    def nothing(_: Any) -> Any:
        raise AssertionError("read gives what is done")

    overlapped(items, read, nothing, nothing, emit, workers)


def _held(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future
