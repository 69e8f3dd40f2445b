"""A student grown to a larger one that writes the same, to be trained further: Net2WiderNet and Net2DeeperNet of
Chen et al. 2016, with the new parts giving nothing at first instead of copies of the old ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from diffuse_fuse.errors import UsageError
from diffuse_fuse.networks.layers import bias_of, silence
from diffuse_fuse.networks.student import CELL, FINE, FINE_CELLS, OUTPUTS, FineLevel, StudentConfig, StudentModel


def grown(student: StudentModel, config: StudentConfig) -> StudentModel:
    """The student as one of a larger ``config``: as many levels, no fewer channels, blocks and octaves, a fine level as
    wide as its own or where there was none. What is new adds nothing to what there was, and is there to be learnt.
    Raises UsageError for another shape.
    """
    old = student.hyper
    sizes = [(*c.channels, *c.blocks, c.octaves, c.fine and c.fine_blocks) for c in (old, config)]
    alike = len(old.channels) == len(config.channels) and old.fine in (0, config.fine)
    if not alike or any(new < has for has, new in zip(*sizes, strict=True)):
        raise UsageError(f"A student of {old} cannot grow to one of {config}.")
    if config.fine and not old.fine:
        return grown(_refined(student, config), config)
    larger = StudentModel(config)
    stages, counts = [*larger.blocks], [*old.blocks]
    if config.fine:
        stages, counts = [*stages, larger.fine.blocks], [*counts, old.fine_blocks]
    for blocks, count in zip(stages, counts, strict=True):
        for block in blocks[count:]:
            silence(block.conv2)
    own, theirs = dict(larger.named_parameters()), dict(student.named_parameters())
    with torch.no_grad():
        for name, value in theirs.items():
            _fit_into(own[name], value)
    return larger


def _fit_into(parameter: torch.Tensor, value: torch.Tensor) -> None:
    """``value`` as the part of a larger ``parameter`` that sees what it saw; that part sees nothing else."""
    out, *into = value.shape
    if into:
        parameter[:out, into[0] :] = 0
        parameter[:out, : into[0]] = value
    else:
        parameter[:out] = value


def _refined(student: StudentModel, config: StudentConfig) -> StudentModel:
    """The student with the fine level of ``config``, which passes on what the outputs were."""
    refined = StudentModel(replace(student.hyper, fine=config.fine, fine_blocks=config.fine_blocks))
    refined.load_state_dict(student.state_dict(), strict=False)
    _take_over(refined.fine, [student.offset, student.vis_gain, student.ir_gain])
    return refined


def _take_over(level: FineLevel, outputs: Sequence[nn.Conv2d]) -> None:
    """Makes the ``level`` give what these three convolutions of the features (16 values a cell each) gave."""
    kept = OUTPUTS * FINE**2  # channels of a fine cell, by output and pixel
    fine = level.spread.out_channels // FINE_CELLS
    with torch.no_grad():
        level.sources.weight.view(FINE_CELLS, fine, -1)[:, :kept] = 0
        for block in level.blocks:
            block.conv2.weight[:kept] = 0
            bias_of(block.conv2)[:kept] = 0
        for output, (layer, own) in enumerate(zip(outputs, level.outputs, strict=True)):
            silence(own)
            for pixel in range(CELL**2):
                y, x = divmod(pixel, CELL)
                row, column = y // FINE, x // FINE  # of its fine cell
                channel = output * FINE**2 + (y % FINE) * FINE + x % FINE
                place = (row * (CELL // FINE) + column) * fine + channel
                level.spread.weight[place] = layer.weight[pixel]
                bias_of(level.spread)[place] = bias_of(layer)[pixel]
                own.weight[pixel, channel, row, column] = 1
