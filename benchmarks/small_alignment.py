"""Does the alignment leave small pictures alone that lie on each other, and does it find small ones that were moved?

    python benchmarks/small_alignment.py DIR [--every 4] [--seed 0]

``DIR`` holds ir/ and vi/ with equal names that lie on each other. Of every ``--every``-th pair, pieces of 96×80,
160×128 and 240×192 pixels are taken: cut out of the pair, and a larger part of it reduced to that size. Each is aligned
as it is, and with the infrared piece moved by a random map (rotation up to 1.5°, scale ±3 %, shift up to 4 % of the
width along each axis). Printed are, by size, how many of the registered pieces are moved by more than 1 % and 2 % of
their diagonal, and how many of those that the map moves by more than 2 % of it are laid right (within 2 %), left, and
laid wrong. The data set's own errors, one to four pixels of the whole pair, are in all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from diffuse_fuse.alignment import Transform, estimate
from diffuse_fuse.images.arrays import to_uint8_grey
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.pairs import find_pair_folders, find_pairs

SIZES = ((96, 80), (160, 128), (240, 192))
ROTATION, SCALE, SHIFT = 1.5, 0.03, 0.04  # largest: degrees, relative, of the width
_PART = 0.82  # of the pair that a reduced piece shows
_MARGIN = 0.05  # of a piece that is left around it, for what moves into it

Piece = tuple[np.ndarray, np.ndarray, Transform]


def main(
    data: Annotated[Path, typer.Argument(help="Folder with ir/ and vi/ that lie on each other.")],
    every: Annotated[int, typer.Option(min=1, help="Only each so-manieth pair.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the places and the maps.")] = 0,
) -> None:
    """Small pieces of registered pairs, as they are and moved."""
    rng = np.random.default_rng(seed)
    still: dict[tuple[int, int], list[float]] = {size: [] for size in SIZES}
    moved: dict[tuple[int, int], list[tuple[float, float, bool]]] = {size: [] for size in SIZES}
    for pair in find_pairs(*find_pair_folders(data)).pairs[::every]:
        loaded = load_pair(pair.ir, pair.vis)
        ir, vis = to_uint8_grey(loaded.ir), loaded.vis
        for size in SIZES:
            for part in _parts(ir.shape, size, rng):
                for truth in (Transform.identity(size), random_map(rng, size)):
                    result = estimate(*cut(ir, vis, part, truth))
                    share = result.transform.distance(truth) / float(np.hypot(*size))
                    if truth.displacement() == 0:
                        still[size].append(share)
                    else:
                        moved[size].append((truth.displacement() / float(np.hypot(*size)), share, result.applied))
    print(f"{data}, every {every}, seed {seed}")
    print("size      registered: pieces  moved > 1 %  > 2 %   moved by > 2 %: pieces  right  left  wrong")
    for size in SIZES:
        errors, far = np.array(still[size]), [entry for entry in moved[size] if entry[0] > 0.02]
        right = sum(applied and error < 0.02 for _, error, applied in far)
        left = sum(not applied for *_, applied in far)
        print(
            f"{size[0]:3d}×{size[1]:<3d}   {len(errors):17d}  {(errors > 0.01).sum():11d}  {(errors > 0.02).sum():5d}"
            f"   {len(far):22d}  {right:5d}  {left:4d}  {len(far) - right - left:5d}"
        )


def random_map(rng: np.random.Generator, size: tuple[int, int]) -> Transform:
    """A random rotation, scale and shift about the piece's centre."""
    angle, scale = rng.uniform(-ROTATION, ROTATION), 1 + rng.uniform(-SCALE, SCALE)
    matrix = np.vstack([cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), angle, scale), (0, 0, 1)])
    matrix[:2, 2] += rng.uniform(-SHIFT, SHIFT, 2) * size[0]
    return Transform(matrix, size)


def cut(ir: np.ndarray, vis: np.ndarray, part: np.ndarray, truth: Transform) -> tuple[np.ndarray, np.ndarray]:
    """The infrared piece moved by ``truth``, and the visible one; ``part``: 3×3, a piece's pixel -> the pair's."""
    flags, factor = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, part[0, 0]
    if factor > 1:
        ir, vis = (cv2.GaussianBlur(picture, (0, 0), 0.4 * factor) for picture in (ir, vis))
    matrices = part @ np.linalg.inv(truth.matrix), part
    return tuple(  # type: ignore[return-value]
        cv2.warpPerspective(picture, matrix, truth.size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        for picture, matrix in zip((ir, vis), matrices, strict=True)
    )


def _parts(shape: tuple[int, ...], size: tuple[int, int], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Where pieces lie in a pair: cut out, and reduced; none where the pair is too small."""
    height, width = shape[:2]
    for factor in (1.0, _PART * min(width / size[0], height / size[1])):
        w, h = factor * size[0], factor * size[1]
        if factor < 1 or (1 + 2 * _MARGIN) * w > width or (1 + 2 * _MARGIN) * h > height:
            continue
        x, y = rng.uniform(_MARGIN * w, width - (1 + _MARGIN) * w), rng.uniform(_MARGIN * h, height - (1 + _MARGIN) * h)
        if factor == 1:
            x, y = round(x), round(y)
        yield np.array([[factor, 0, x + (factor - 1) / 2], [0, factor, y + (factor - 1) / 2], [0, 0, 1]])


if __name__ == "__main__":
    typer.run(main)
