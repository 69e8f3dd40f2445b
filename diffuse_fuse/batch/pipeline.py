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
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from diffuse_fuse.machine import available_cores

T = TypeVar("T")

# Of pairs that wait for the network, and again of those behind it: a hundred-megapixel pair goes through by itself.
_HELD_BYTES = 1 << 29
_SMALL_BYTES = 1 << 25  # a pair with larger pictures has the network for itself: it needs memory of its own
_TOGETHER_BYTES = 1 << 27  # of pairs that are worked on in one call
_MOST_WORKERS = 4  # by default; the threads of one Python get in each other's way when there are more


@dataclass(frozen=True)
class Done(Generic[T]):
    """The outcome of an item; it skips the stages that are left."""

    value: T


@dataclass(frozen=True)
class Together(Generic[T]):
    """Work that takes neighbours in the order of the items in one call, which are alike and have been read by then.

    work: what it gives for some of them, in their order. most: how many of them may go with this one, and itself.
    """

    work: Callable[[list[Any]], list[Any]]
    alike: Callable[[Any, Any], bool]
    most: Callable[[Any], int]


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
    work: Callable[[Any], Any] | Together[Any],
    finish: Callable[[Any], Any],
    emit: Callable[[Any], None],
    workers: int,
    stop: Callable[[], bool] = lambda: False,
    at_once: int = 1,
) -> None:
    """Every item through ``read`` (threads), ``work`` (this thread) and ``finish`` (threads); ``emit`` in order.

    ``read`` and ``work`` give what the next stage takes, or a ``Done``; what they give says its size in bytes as
    ``nbytes`` if it is large. ``finish`` gives what is emitted, in this thread.
    ``at_once``: so many items are worked on at the same time, where they are small; if more than one, by threads. A
    ``Together`` gets several of them in a call.
    Once ``stop`` says so nothing new is worked on; what has been is finished and emitted. So it is when a stage raises,
    KeyboardInterrupt too, before the exception goes on; a further KeyboardInterrupt leaves at once.
    """
    under_way = _UnderWay(items, (read, work, finish), emit, workers, at_once)
    with contextlib.ExitStack() as at_last:  # in the opposite order
        at_last.callback(under_way.end)
        at_last.callback(under_way.settle)
        at_last.callback(under_way.stop_reading)
        while not stop() and (given := under_way.next_read()) is not None:
            if under_way.read_ahead(given) and stop():
                break
            under_way.begin(given)
            del given  # what is worked on is held by nobody else
            under_way.hand_on()


class _UnderWay(Generic[T]):
    """The items of one call of ``overlapped`` that are under way: read or being read, worked on, being finished."""

    def __init__(
        self,
        items: Iterable[T],
        stages: tuple[Callable[[T], Any], Callable[[Any], Any] | Together[Any], Callable[[Any], Any]],
        emit: Callable[[Any], None],
        workers: int,
        at_once: int,
    ) -> None:
        self._read, work, self._finish = stages
        self._together = work if isinstance(work, Together) else Together(_each(work), _never, lambda _: 1)
        self._emit, self._workers = emit, workers
        self._pool = Workers(workers)
        self._network = Workers(at_once) if at_once > 1 else None
        self._waiting: deque[Future[Any]] = deque()  # read, or being read
        self._working: deque[Future[Any]] = deque()
        self._finishing: deque[Future[Any]] = deque()
        self._groups: deque[int] = deque(maxlen=at_once - 1)  # how many the last calls have, which need not be done
        self._source, self._largest, self._most = iter(items), 0, 1

    def next_read(self) -> Any:
        """What the first stage gave for the next item, once it is there; None after the last."""
        self._fill(1)
        return self._waiting.popleft().result() if self._waiting else None

    def read_ahead(self, given: Any) -> bool:
        """By the size of what was read, has more read; False for what is ``Done``."""
        if isinstance(given, Done):
            self._largest = self._largest or 1  # nothing that says its size: read on
            return False
        self._largest = max(self._largest, getattr(given, "nbytes", 1))
        self._fill(0)
        return True

    def begin(self, given: Any) -> None:
        """Has what was read worked on, with what goes with it."""
        if isinstance(given, Done):
            self._working.append(_held(given))
            return
        fit = max(1, _TOGETHER_BYTES // max(1, getattr(given, "nbytes", 1)))
        self._most = max(1, min(fit, self._together.most(given)))
        self._fill(0)
        group = [given, *self._alike(given)]
        self._groups.append(len(group))
        self._fill(0)
        if self._network is None:
            self._working.extend(map(_held, self._together.work(group)))
            return
        slots: list[Future[Any]] = [Future() for _ in group]
        self._working.extend(slots)
        self._network.call(self._work_on, (slots, group))

    def _alike(self, given: Any) -> Iterator[Any]:
        """The next ones, as far as they are alike and there."""
        for _ in range(self._most - 1):
            if not (self._waiting and self._waiting[0].done()) or self._waiting[0].exception():
                return
            following = self._waiting[0].result()
            if isinstance(following, Done) or not self._together.alike(given, following):
                return
            self._waiting.popleft()
            yield following

    def _work_on(self, call: tuple[list[Future[Any]], list[Any]]) -> None:
        """Fills the slots with what the work gives for the group; what it raises is raised by each of them."""
        slots, group = call
        if not all([slot.set_running_or_notify_cancel() for slot in slots]):
            return
        try:
            made = self._together.work(group)
        except BaseException as error:
            for slot in slots:
                slot.set_exception(error)
            return
        for slot, one in zip(slots, made, strict=True):
            slot.set_result(one)

    def hand_on(self) -> None:
        """Finishes and emits what is ready, and what there is no room to leave."""
        self._to_finish(sum(self._groups) if self._largest <= _SMALL_BYTES else 0)
        self._drain(self._ahead())

    def stop_reading(self) -> None:
        """What is not read yet will not be."""
        for future in self._waiting:
            future.cancel()

    def settle(self) -> None:
        """Finishes and emits all that has been worked on."""
        try:
            self._to_finish(0)
        except Exception:  # of a picture beside the one whose exception is on its way
            self._drain(0)
            raise
        self._drain(0)

    def end(self) -> None:
        """Ends the threads."""
        for future in (*self._working, *self._finishing):  # none but after an exception in ``settle``
            future.cancel()
        for threads in (self._network, self._pool):
            if threads:
                threads.end()

    def _ahead(self) -> int:
        """How many may wait; none before it is known how large they are, or where one is as large as all may be."""
        return min(max(self._workers + 1, self._most), _HELD_BYTES // self._largest) if self._largest else 0

    def _fill(self, least: int) -> None:
        while len(self._waiting) < max(least, self._ahead()):
            try:
                item = next(self._source)
            except StopIteration:
                return
            self._waiting.append(self._pool.call(self._read, item))

    def _to_finish(self, leave: int) -> None:
        while len(self._working) > leave or (self._working and self._working[0].done()):
            made = self._working.popleft().result()
            self._finishing.append(_held(made.value) if isinstance(made, Done) else self._pool.call(self._finish, made))

    def _drain(self, leave: int) -> None:
        while self._finishing and (len(self._finishing) > leave or self._finishing[0].done()):
            self._emit(self._finishing.popleft().result())


def read_all(items: Iterable[T], read: Callable[[T], Done[Any]], emit: Callable[[Any], None], workers: int) -> None:
    """The first stage alone: what ``read`` gives for every item, in order."""

    def nothing(_: Any) -> Any:
        raise AssertionError("read gives what is done")

    overlapped(items, read, nothing, nothing, emit, workers)


def _each(work: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    return lambda items: [work(item) for item in items]


def _never(one: Any, other: Any) -> bool:
    return False


def _held(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future
