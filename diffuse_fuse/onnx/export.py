"""A fusion model as one ONNX graph: pair in, colour picture out."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

import diffuse_fuse
from diffuse_fuse import models
from diffuse_fuse.checkpoint import Weights, load_weights
from diffuse_fuse.errors import UsageError, WeightsError
from diffuse_fuse.extras import need
from diffuse_fuse.fusion.model import AnyModel, FusionModel, model_of
from diffuse_fuse.fusion.student_colour import tint
from diffuse_fuse.fusion.tiles import reach
from diffuse_fuse.images.write import write_bytes
from diffuse_fuse.networks.colour import recolour
from diffuse_fuse.networks.student import StudentModel
from diffuse_fuse.onnx.facts import LARGEST_SIDE, GraphFacts

OPSET = 20
TOLERANCE = 1.0  # of 255: what onnxruntime may differ by from PyTorch
# The bisection of base's colours ends elsewhere at a few pixels (1 of 307200 of the probe, by 1.16 of 255) where luma
# differs in its last digit: so many of a probe's pixels may differ by more; none of a small one, none of students.
UNDECIDED = 1e-5


class Picture(nn.Module):
    """A fusion model with its colours: (ir, vis) → fused RGB (1, 3, H, W) in [0, 1]."""

    def __init__(self, model: AnyModel) -> None:
        super().__init__()
        self.model = model
        self.is_student = isinstance(model, StudentModel)

    def forward(self, ir: torch.Tensor, vis: torch.Tensor) -> torch.Tensor:
        """``ir`` (1, 1, H, W) and ``vis`` (1, 3, H, W) in [0, 1]; H and W multiples of the model's ``multiple``."""
        y = self.model(ir, vis).clamp(0, 1)
        return tint(y, vis) if self.is_student else recolour(y, vis)


def export(
    weights: str | os.PathLike[str],
    out: str | os.PathLike[str],
    size: tuple[int, int] | None,
    expected: str | None = None,
) -> tuple[GraphFacts, float]:
    """Writes the fusion model ``weights`` (a shipped name or a file) to ``out`` as ONNX, whole or not at all.

    ``size``: the (height, width) of all its pictures, each rounded up to the model's multiple; None: any size.
    Returns the file's facts, and the largest difference to PyTorch, of 255, that onnxruntime showed on a probe, but for
    the few pixels of ``UNDECIDED``. ``expected``: the SHA-256 that the weights must have, None for any.
    Raises UsageError where packages are missing, WeightsError for weights that are no fusion model, cannot be exported
    so, or whose graph computes something else, ImageWriteError for a file that cannot be written, FileNotFoundError
    where there is no folder for temporary files.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        need(package, "onnx")
    tempfile.gettempdir()  # where there is none, PyTorch's exporter says something else
    path = models.locate(os.fspath(weights))
    loaded = load_weights(path, models.FUSES)
    if expected is not None:
        models.require_same(loaded.sha256, expected, str(path))
    picture = Picture(model_of(loaded, path)).eval()
    facts = _facts(picture.model, loaded, path, size)
    data = _graph(picture, facts)
    difference = largest_difference(picture, data, facts)
    if not difference <= TOLERANCE:
        raise WeightsError(
            f"The exported graph of {facts.model} differs from PyTorch by {difference:.2g} of 255, more than "
            f"{TOLERANCE:g}: nothing was written."
        )
    write_bytes(Path(out), data)
    return facts, difference


def largest_difference(picture: Picture, data: bytes, facts: GraphFacts) -> float:
    """How far onnxruntime's and PyTorch's pictures of a synthetic pair are apart at most, of 255; see ``UNDECIDED``."""
    ort = need("onnxruntime", "onnx")
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    # not the size of the trace: what was taken for constant would show
    height, width = facts.size or (5 * facts.multiple, 3 * facts.multiple)
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 1, width, dtype=np.float32) * np.linspace(1, 0.2, height, dtype=np.float32)[:, None]
    noise = rng.random((1, 4, height, width), dtype=np.float32)
    pair = (0.7 * np.stack([slope, slope[::-1], slope, slope[:, ::-1]])[None] + 0.3 * noise).astype(np.float32)
    ir, vis = pair[:, :1], pair[:, 1:]
    with torch.inference_mode():
        expected = picture(torch.from_numpy(ir), torch.from_numpy(vis)).numpy()
    found = session.run(["fused"], {"ir": ir, "vis": vis})[0]
    return largest_but_undecided(np.abs(found - expected)[0] * 255, 0.0 if picture.is_student else UNDECIDED)


def largest_but_undecided(apart: np.ndarray, share: float) -> float:
    """The largest value of (3, H, W) without those pixels, ``share`` of all at most, that have still larger ones.

    NaN where one is anywhere.
    """
    pixels = np.sort(apart.max(axis=0), axis=None)  # which puts NaN at the end
    return float(pixels[-1] if np.isnan(pixels[-1]) else pixels[-1 - int(share * pixels.size)])


def _facts(model: AnyModel, weights: Weights, path: Path, size: tuple[int, int] | None) -> GraphFacts:
    multiple = model.multiple
    if size is None and isinstance(model, FusionModel) and model.features.noise != "none":
        raise WeightsError(
            f"{models.name_of(path)} adds a noise field that depends on the place: its graph can be for one size only."
        )
    if size is not None:
        if not all(1 <= side <= LARGEST_SIDE for side in size):
            raise UsageError(f"A graph for pictures of {size[1]}×{size[0]} pixels cannot be made.")
        height, width = size
        size = (height + -height % multiple, width + -width % multiple)
    return GraphFacts(
        model=models.name_of(path),
        weights=weights.sha256,
        multiple=multiple,
        reach=model.hyper.reach if isinstance(model, StudentModel) else reach(model),
        size=size,
        card=weights.card,
        dfuse=diffuse_fuse.__version__,
    )


def _graph(picture: Picture, facts: GraphFacts) -> bytes:
    """The serialised ONNX model."""
    # A trace takes sides of 1 cell, and equal sides, for constants.
    height, width = facts.size or (2 * facts.multiple, 3 * facts.multiple)
    pair = (torch.rand(1, 1, height, width), torch.rand(1, 3, height, width))
    shapes = None
    if facts.size is None:
        cells = [torch.export.Dim(name, min=1, max=LARGEST_SIDE // facts.multiple) for name in ("rows", "columns")]
        sides = {axis: facts.multiple * cell for axis, cell in zip((2, 3), cells, strict=True)}
        shapes = (sides, sides)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            picture,
            pair,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=["ir", "vis"],
            output_names=["fused"],
            dynamic_shapes=shapes,
        )
    assert program is not None  # as dynamo is true
    proto = program.model_proto
    proto.producer_name, proto.producer_version = "dfuse", facts.dfuse
    proto.doc_string = "Infrared and visible image fusion: ir and vis in [0, 1], fused RGB."
    for key, value in facts.as_properties().items():
        proto.metadata_props.add(key=key, value=value)
    return proto.SerializeToString(deterministic=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks on stdout, warns of its own deprecations and of packages that have no part in this."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.onnx._internal.exporter._registration")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
