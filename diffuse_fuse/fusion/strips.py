"""A student's wide picture in strips of columns, made side by side: cores with a strip each never wait for each other.

A student's layers are so small that a core waits for the others, at the end of each, a tenth of the time.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from diffuse_fuse.fusion.model import AnyModel
from diffuse_fuse.fusion.spans import Span, spans
from diffuse_fuse.networks.student import StudentModel

_MOST_MORE = 1 / 15  # of the picture's columns: what strips compute twice, as they see ``reach`` of their neighbours


def strips(model: AnyModel, width: int, device: str = "cpu") -> list[Span]:
    """The columns of a picture in 1, 2, 4, … strips: a power of two, which most numbers of cores share evenly.

    By the width alone and not by the cores, so that the picture does not depend on these. One strip for a FusionModel,
    whose layers are large and whose reach is long, and on a GPU.
    """
    parts, overlap = 1, 0
    if isinstance(model, StudentModel) and device == "cpu":
        overlap = model.hyper.reach + -model.hyper.reach % model.multiple
        while (2 * parts - 1) * 2 * overlap <= _MOST_MORE * width:
            parts *= 2
    return list(spans(width, parts, overlap, model.multiple))


def at_once(parts: int) -> int:
    """How many of so many works ``side_by_side`` does at once: as many as share PyTorch's threads evenly."""
    return math.gcd(parts, torch.get_num_threads())


def side_by_side(works: Sequence[Iterator[int]]) -> Iterator[int]:
    """What all the ``works`` yield, as it comes; ``at_once`` of them at a time, each by threads of its own.

    What one of them raises is raised; the others then end at their next step.
    """
    threads, workers = torch.get_num_threads(), at_once(len(works))
    if workers == 1:
        for work in works:
            yield from work
        return
    made: queue.SimpleQueue[int | Future[None]] = queue.SimpleQueue()
    ended = threading.Event()

    def run(work: Iterator[int]) -> None:
        for step in work:
            if ended.is_set():
                return
            made.put(step)

    pool = ThreadPoolExecutor(workers, "dfuse-strip", torch.set_num_threads, (threads // workers,))
    try:
        for work in works:
            pool.submit(run, work).add_done_callback(made.put)
        running = len(works)
        while running:
            step = made.get()
            if isinstance(step, Future):
                step.result()
                running -= 1
            else:
                yield step
    finally:
        ended.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # the workers' number has become that of every new thread
