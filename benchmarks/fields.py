"""How well is an infrared picture found that shows a part of the visible one only? And is nothing found in another's?

    python benchmarks/fields.py DIR [--fields 5] [--seed 0] [--least 1.2] [--most 2.5] [--every 1] [--skip DIR]

``DIR`` holds ir/ and vi/ with equal names that show the same field. Each infrared picture is brought to the visible
one's proportions; a random rectangle of it, which the visible one exceeds ``--least`` to ``--most`` times, is cut out
and looked for in the whole visible picture by ``dfuse align``'s and ``dfuse fuse --ir-field auto``'s method. Printed is
the mean distance of the field's four corners from the truth, as a share of the visible picture's diagonal, and how
often the method was sure. Then each rectangle is looked for in the visible picture of another pair, where whatever is
found is wrong: a method that is sure there would fuse what does not belong together. Pairs whose names are in
``--skip`` too are left out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from diffuse_fuse.alignment.field import FoundField, find_field
from diffuse_fuse.images.arrays import to_uint8_grey
from diffuse_fuse.images.load import load_infrared
from diffuse_fuse.images.pairs import Pair, find_pair_folders, find_pairs
from diffuse_fuse.images.read import read_visible

LIMIT = 0.01  # of the diagonal


@dataclass(frozen=True)
class Cut:
    """A part of an infrared picture, uint8 h×w, and where it lies in the visible one: x, y, w, h in its pixels."""

    ir: np.ndarray
    truth: tuple[float, float, float, float]
    zoom: float


def main(
    data: Annotated[Path, typer.Argument(help="Folder with ir/ and vi/ that show the same field.")],
    fields: Annotated[int, typer.Option(min=1, help="Random fields a pair.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the random fields.")] = 0,
    least: Annotated[
        float, typer.Option(min=1.0, help="The visible picture exceeds the field at least so often.")
    ] = 1.2,
    most: Annotated[float, typer.Option(min=1.0, help="The same at most.")] = 2.5,
    every: Annotated[int, typer.Option(min=1, help="Only every Nth pair.")] = 1,
    skip: Annotated[Path | None, typer.Option(help="Leave out the pairs whose names this data set has.")] = None,
    detail: Annotated[bool, typer.Option("--detail", help="A line for each field.")] = False,
) -> None:
    """Errors of fields that are looked for, and how often something is found where there is nothing."""
    left_out = {pair.relative.stem for pair in _pairs(skip)} if skip else set()
    pairs = [pair for pair in _pairs(data) if pair.relative.stem not in left_out][::every]
    rng = np.random.default_rng(seed)
    rows, foreign = [], []
    for number, pair in enumerate(pairs):
        ir, vis = load(pair)
        other = read_visible(pairs[(number + max(1, len(pairs) // 2)) % len(pairs)].vis) if len(pairs) > 1 else None
        for _ in range(fields):
            cut = random_cut(ir, vis, rng, least, most)
            start = time.perf_counter()
            found = find_field(cut.ir, vis)
            seconds = time.perf_counter() - start
            rows.append((error(found, cut, vis), found.confidence, found.reason is None, cut.zoom, seconds))
            wrong = find_field(cut.ir, other) if other is not None else None
            if wrong:
                foreign.append((wrong.confidence, wrong.reason is None))
            if detail:
                odd = f"  elsewhere {wrong.confidence:.2f}" if wrong else ""
                print(f"{pair.relative.stem:24} {cut.zoom:.2f}×  error {rows[-1][0]:7.2%}  {found.confidence:.2f}{odd}")
    _report(str(data), np.array(rows, float), np.array(foreign, float).reshape(-1, 2), len(pairs))


def load(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """The infrared picture, uint8 h×w, in the proportions of the visible one, H×W×3, with as many pixels as it has."""
    ir, vis = to_uint8_grey(load_infrared(pair.ir)[0]), read_visible(pair.vis)
    factor = float(np.sqrt(ir.size / (vis.shape[0] * vis.shape[1])))
    size = (round(vis.shape[1] * factor), round(vis.shape[0] * factor))
    return (ir if size == ir.shape[::-1] else cv2.resize(ir, size, interpolation=cv2.INTER_AREA)), vis


def random_cut(ir: np.ndarray, vis: np.ndarray, rng: np.random.Generator, least: float, most: float) -> Cut:
    """A random rectangle of an infrared picture that has the visible one's proportions."""
    (height, width), zoom = ir.shape, float(rng.uniform(least, most))
    w, h = round(width / zoom), round(height / zoom)
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    sx, sy = vis.shape[1] / width, vis.shape[0] / height
    return Cut(np.ascontiguousarray(ir[y : y + h, x : x + w]), (x * sx, y * sy, w * sx, h * sy), zoom)


def error(found: FoundField, cut: Cut, vis: np.ndarray) -> float:
    """Mean distance of the corners from the truth, as a share of the visible picture's diagonal."""
    if found.field is None:
        return 1.0
    x, y, w, h = cut.truth
    there = found.field
    corners = [
        np.array([(a, b), (a + c, b), (a + c, b + d), (a, b + d)])
        for a, b, c, d in ((x, y, w, h), (there.x, there.y, there.w, there.h))
    ]
    off = float(np.linalg.norm(corners[0] - corners[1], axis=1).mean())
    return off / float(np.hypot(*vis.shape[:2]))


def _pairs(data: Path) -> tuple[Pair, ...]:
    return find_pairs(*find_pair_folders(data)).pairs


def _report(title: str, rows: np.ndarray, foreign: np.ndarray, pairs: int) -> None:
    errors, confidence, sure, zooms, seconds = rows.T
    sure = sure.astype(bool)
    print(f"{title}: {len(rows)} fields of {pairs} pairs, {zooms.min():.2f}× to {zooms.max():.2f}×")
    print(
        f"error: median {np.median(errors):.2%}, 95th percentile {np.percentile(errors, 95):.2%}; "
        f"under {LIMIT:.0%} of the diagonal: {np.mean(errors < LIMIT):.1%} ({int((errors < LIMIT).sum())})"
    )
    print(
        f"sure: {sure.mean():.1%} ({int(sure.sum())}), and under {LIMIT:.0%}: {np.mean(sure & (errors < LIMIT)):.1%}; "
        f"sure and 1 % to 3 %: {int((sure & (errors >= LIMIT) & (errors < 3 * LIMIT)).sum())}; "
        f"sure and wrong by more: {int((sure & (errors >= 3 * LIMIT)).sum())}"
    )
    if len(foreign):
        print(
            f"in the visible picture of another pair: sure {int(foreign[:, 1].sum())} of {len(foreign)}, "
            f"highest confidence {foreign[:, 0].max():.2f}"
        )
    wrong = confidence[errors >= 3 * LIMIT]
    highest = wrong.max() if len(wrong) else 0.0
    print(f"highest confidence of a wrong field: {highest:.2f}; median {np.median(seconds):.1f} s a field")


if __name__ == "__main__":
    typer.run(main)
