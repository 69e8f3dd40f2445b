"""The network alone at one shape, as it is, as a CUDA graph and by ``torch.compile``: what ``gpu.py --fixed`` prints.

A network of small layers waits for Python to ask for them; a graph asks for all of them at once, and a compiler makes
fewer of them. Both hold for one shape only, and compiling takes long. Neither is part of dfuse.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from diffuse_fuse.diffusion.features import feature_input
from diffuse_fuse.fusion.model import AnyModel
from diffuse_fuse.networks.student import StudentModel, to_cells

HEADER = "| model | size | batch | as it is, ms a pair | CUDA graph | torch.compile |"
_RUNS, _WARM = 20, 3

Network = Callable[..., torch.Tensor]


def row(model: AnyModel, size: tuple[int, int], batch: int, device: str, runs: int = _RUNS) -> str:
    """The rest of a line of the table, for a ``model`` on ``device`` at a ``size`` of width and height."""
    network, given = prepared(model, size, batch, device)
    cells = [_milliseconds(network, given, runs) / batch]
    for way in (graph_of if device == "cuda" else None, compiled):
        try:
            found = _milliseconds(way(network, given), given, runs) / batch if way else None
        except Exception as error:  # no compiler here, or what cannot be captured: the table says so
            found = type(error).__name__
        cells.append(found)
    texts = ("–" if cell is None else cell if isinstance(cell, str) else f"{cell:.3g}" for cell in cells)
    return f"| {size[0]}×{size[1]} | {batch} | {' | '.join(texts)} |"


def prepared(
    model: AnyModel, size: tuple[int, int], batch: int, device: str
) -> tuple[Network, tuple[torch.Tensor, ...]]:
    """The network without what copies or decides, to its raw luma, and what it is given."""
    width, height = (side + -side % model.multiple for side in size)
    generator = torch.Generator().manual_seed(0)
    ir, vis = (torch.rand(batch, channels, height, width, generator=generator).to(device) for channels in (1, 3))
    if isinstance(model, StudentModel):
        return model.fuse_cells, (to_cells(ir), to_cells(vis[:, :1]))
    step = model.features.steps[0]
    x_0 = torch.cat([vis, ir], dim=1) * 2 - 1
    x_t = feature_input(x_0, step, model.schedule, model.features.noise).contiguous(memory_format=torch.channels_last)
    t = torch.full((1,), step, device=device)

    def network(x_t: torch.Tensor, t: torch.Tensor, ir: torch.Tensor, vis: torch.Tensor) -> torch.Tensor:
        return model.head(model.unet.decode(x_t, t), ir, vis)

    return network, (x_t, t, ir, vis)


def graph_of(network: Network, given: tuple[torch.Tensor, ...]) -> Network:
    """The network on this very memory, as a graph that is asked for at once."""
    side = torch.cuda.Stream()  # PyTorch wants the first runs on another stream than the one of the capture
    side.wait_stream(torch.cuda.current_stream())
    with torch.inference_mode(), torch.cuda.stream(side):
        for _ in range(_WARM):
            network(*given)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode(), torch.cuda.graph(graph):
        made = network(*given)

    def replay(*_: torch.Tensor) -> torch.Tensor:
        graph.replay()
        return made

    return replay


def compiled(network: Network, given: tuple[torch.Tensor, ...]) -> Network:
    """The network by ``torch.compile``, for these shapes."""
    torch._dynamo.reset()
    return torch.compile(network, dynamic=False)


def _milliseconds(network: Network, given: tuple[torch.Tensor, ...], runs: int) -> float:
    """The median of some runs, after some that warm up."""
    seconds = []
    with torch.inference_mode():
        for number in range(_WARM + runs):
            start = time.perf_counter()
            network(*given)
            if given[0].is_cuda:
                torch.cuda.synchronize()
            if number >= _WARM:
                seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)
