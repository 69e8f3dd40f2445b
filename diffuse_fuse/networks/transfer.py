"""Arrays on their way to a device and back: on a GPU of NVIDIA, copies that nobody waits for.

From ordinary memory the driver copies while the thread waits. From pinned memory the GPU copies by itself. Each thread
has a stream of its own there: what one thread's pictures are copied overlaps with what another's are computed. Within
a stream everything happens in its order, so only ``to_host`` waits, for all that its thread has asked for.

PyTorch keeps pinned memory for the next picture, and hands it out again once the copies from or to it are done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch


class _Own(threading.local):
    stream: torch.cuda.Stream | None = None


_OWN = _Own()


def staging(shape: Sequence[int], dtype: torch.dtype, device: str) -> torch.Tensor:
    """Memory of the host that is to be filled and sent by ``to_device``, and not to be written to afterwards."""
    return torch.empty(tuple(shape), dtype=dtype, pin_memory=device == "cuda")


def to_device(host: torch.Tensor, device: str) -> torch.Tensor:
    """What ``staging`` gave, on the device once the thread's stream comes to use it; itself on a CPU."""
    return host.to(device, non_blocking=device == "cuda")


def to_host(made: torch.Tensor) -> torch.Tensor:
    """A tensor of the thread's stream in memory of the host, for whoever reads it; itself on a CPU."""
    if made.device.type != "cuda":
        return made.cpu()
    host = staging(made.shape, made.dtype, "cuda")
    host.copy_(made.contiguous(), non_blocking=True)
    torch.cuda.current_stream(made.device).synchronize()  # lets go of Python's lock
    return host


@contextmanager
def own_stream(device: str) -> Iterator[None]:
    """The thread's own stream on ``device``, if that has streams, for what is asked for within.

    Tensors that it makes are to stay within. It begins when what the thread has asked for before is done: weights may
    still be on their way.
    """
    if device != "cuda":
        yield
        return
    if _OWN.stream is None:
        _OWN.stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # PyTorch gives it no types
    _OWN.stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(_OWN.stream):
        yield
