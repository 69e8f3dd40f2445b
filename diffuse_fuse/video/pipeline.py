"""Three stages at the same time: one thread reads, the caller's or several work, another finishes. Each in order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")

AHEAD = 3  # items that wait between two stages: enough to even out, few enough that memory stays small
_END = object()


def overlapped(
    items: Iterator[T],
    work: Callable[[T], U],
    finish: Callable[[U], None],
    stop: Callable[[], bool] = lambda: False,
    at_once: int = 1,
) -> None:
    """Every item through ``work`` (this thread) and ``finish`` (another), while a third takes them from ``items``.

    ``at_once``: so many items are worked on at the same time, where it is more than one by threads of their own; they
    are finished in their order all the same.

    Once ``stop`` says so no new item is worked on; those that have been are finished. So it is when ``items`` or
    ``work`` raises, or on Ctrl-C, before the exception goes on. Once ``finish`` has raised it is not called again.
    """
    todo: queue.Queue[Any] = queue.Queue(AHEAD)
    done: queue.Queue[Any] = queue.Queue(max(AHEAD, at_once))
    over = threading.Event()
    failed: list[BaseException] = []
    pool = ThreadPoolExecutor(at_once) if at_once > 1 else None
    reader = threading.Thread(target=_read, args=(items, todo, over, failed), daemon=True)
    finisher = threading.Thread(target=_complete, args=(finish, done, over, failed), daemon=True)
    reader.start()
    finisher.start()
    try:
        while not (over.is_set() or stop()):
            try:
                item = todo.get(timeout=0.2)
            except queue.Empty:
                continue
            if item is _END:
                break
            done.put(pool.submit(work, item) if pool else work(item))
            del item  # what waits for the next one holds no pictures
    finally:
        over.set()
        done.put(_END)
        finisher.join()
        reader.join()
        if pool:
            pool.shutdown(cancel_futures=True)
    if failed:
        raise failed[0]


def _read(items: Iterator[T], todo: queue.Queue[Any], over: threading.Event, failed: list[BaseException]) -> None:
    """Puts the items and an end into ``todo``."""
    try:
        for item in items:
            if not _put(todo, item, over):
                return
    except BaseException as error:
        failed.append(error)
    _put(todo, _END, over)


def _complete(
    finish: Callable[[U], None], done: queue.Queue[Any], over: threading.Event, failed: list[BaseException]
) -> None:
    """Finishes what comes into ``done`` up to its end."""
    broken = False
    while (item := done.get()) is not _END:
        if broken:
            continue  # the other side must not wait for room
        try:
            finish(item.result() if isinstance(item, Future) else item)
        except BaseException as error:
            failed.insert(0, error)
            broken = True
            over.set()


def _put(where: queue.Queue[Any], item: Any, over: threading.Event) -> bool:
    """False when it was over before there was room."""
    while not over.is_set():
        try:
            where.put(item, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False
