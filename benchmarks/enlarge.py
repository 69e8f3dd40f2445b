"""How should a small infrared picture be enlarged? Pairs whose infrared picture is reduced, enlarged again, and fused.

    python benchmarks/enlarge.py DATA/msrs/test_sample --stems 00020N,00081D,00158D -o runs/enlarge.jsonl [--factor 4,8]

The infrared picture is reduced by area means, enlarged by each method to the visible one's size, and fused. For each
factor it prints a Markdown table of means over the pairs with 95 % intervals: PSNR and VIF of the infrared picture to
the true one, PSNR of the fused picture to the fusion of the full pair, and VIF_ir, the fused picture's fidelity to the
true infrared one. Below stand the paired differences to the first method but "linear". The results of each pair are
kept in the file of -o: pairs that are there are not done again, so a long run may be made of several.
--blur and --noise make the small picture less ideal, as a lens and a sensor do; --ir-only fuses nothing.
"linear" is OpenCV's, which dfuse used before; "opencv" is its INTER_CUBIC.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from skimage.metrics import peak_signal_noise_ratio

from diffuse_fuse import Fuser, metrics
from diffuse_fuse.diffusion.enlarge import enlarger
from diffuse_fuse.evaluation.statistics import means
from diffuse_fuse.images import find_pair_folders, find_pairs, load_pair
from diffuse_fuse.images.arrays import to_bytes, to_uint8_grey
from diffuse_fuse.images.enlarging import Lies, enlarge

COLUMNS = ("PSNR ir", "VIF of ir", "PSNR fused", "VIF_ir")
Row = dict[str, list[float]]  # a method's name -> its values, as COLUMNS
Enlarge = Callable[[np.ndarray, np.ndarray], np.ndarray]


def main(
    data: Annotated[Path, typer.Argument(help="A folder with ir/ and vis/.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Results of each pair, JSON lines; grows.")],
    factor: Annotated[str, typer.Option(help="How many times smaller the infrared pictures are.")] = "4,8",
    stems: Annotated[str | None, typer.Option(help="Only these pairs, by the infrared files' names.")] = None,
    methods: Annotated[str, typer.Option(help="What is compared.")] = "cubic,guided,prior,linear,opencv",
    model: Annotated[str, typer.Option(help="Fusion weights.")] = "base",
    crop: Annotated[int | None, typer.Option(help="Only the middle of each pair, of so many rows; 4:3.")] = None,
    blur: Annotated[float, typer.Option(help="A lens's blur before the reduction, in small pixels (deviation).")] = 0,
    noise: Annotated[float, typer.Option(help="Noise of the small picture, in levels of 255 (deviation).")] = 0,
    ir_only: Annotated[bool, typer.Option("--ir-only", help="Measure the infrared pictures; fuse nothing.")] = False,
    most: Annotated[int | None, typer.Option("-n", help="Do at most so many pairs, then print what there is.")] = None,
) -> None:
    """Enlarges, fuses, measures, prints."""
    names, factors = methods.split(","), [int(f) for f in factor.split(",")]
    wanted = None if stems is None else set(stems.split(","))
    pairs = [pair for pair in find_pairs(*find_pair_folders(data)).pairs if wanted is None or pair.ir.stem in wanted]
    kept = read(out)
    ahead = [pair for pair in pairs if pair.ir.stem not in kept][:most]
    if ahead:
        ways, fuser = {name: way(name) for name in names}, None if ir_only else Fuser(model, device="cpu")
        out.parent.mkdir(parents=True, exist_ok=True)
        for pair in ahead:
            loaded = load_pair(pair.ir, pair.vis)
            middle = centre(loaded.vis.shape[:2], crop)
            rows = measure(fuser, to_uint8_grey(loaded.ir)[middle], loaded.vis[middle], factors, ways, blur, noise)
            with open(out, "a", encoding="utf-8") as file:
                file.write(json.dumps({"pair": pair.ir.stem, "rows": rows}) + "\n")
    found = read(out)
    chosen = [found[pair.ir.stem] for pair in pairs if pair.ir.stem in found]
    for each in factors:
        print(table(each, [rows[str(each)] for rows in chosen if str(each) in rows], names))


def centre(size: tuple[int, int], rows: int | None) -> tuple[slice, slice]:
    """Rows and columns of the middle of a picture of ``size`` (H, W): of the whole where ``rows`` is None."""
    if rows is None:
        return slice(None), slice(None)
    top, left = ((side - part) // 2 for side, part in zip(size, (rows, rows * 4 // 3), strict=True))
    return slice(top, top + rows), slice(left, left + rows * 4 // 3)


def read(path: Path) -> dict[str, dict[str, Row]]:
    """What was measured before: the pair -> the factor -> its row."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {told["pair"]: told["rows"] for told in map(json.loads, lines)}


def way(name: str) -> Enlarge:
    """The method of a name: infrared uint8 h×w and visible H×W×3 -> uint8 H×W."""
    plain = {"linear": cv2.INTER_LINEAR, "opencv": cv2.INTER_CUBIC}
    if name in plain:
        return lambda ir, vis: cv2.resize(ir, vis.shape[1::-1], interpolation=plain[name])
    how = enlarger(name)
    return lambda ir, vis: enlarge(ir, vis, Lies(ir.shape[:2], vis.shape[:2]), how)


def measure(
    fuser: Fuser | None,
    ir: np.ndarray,
    vis: np.ndarray,
    factors: list[int],
    ways: dict[str, Enlarge],
    blur: float = 0,
    noise: float = 0,
) -> dict[str, Row]:
    """One pair, cut to whole pixels of the largest factor."""
    h, w = (side // max(factors) * max(factors) for side in ir.shape)
    ir, vis = ir[:h, :w], vis[:h, :w]
    full = fuser.fuse(ir, vis) if fuser else None
    rows: dict[str, Row] = {}
    for factor in factors:
        small = reduced(ir, factor, blur, noise)
        row: Row = {}
        for name, enlarged in ((name, made(small, vis)) for name, made in ways.items()):
            fused = fuser.fuse(enlarged, vis) if fuser else None
            row[name] = [
                float(peak_signal_noise_ratio(ir, enlarged, data_range=255)),
                float(metrics.compute(ir, vis, enlarged, ("VIF_ir",))["VIF_ir"]),
                math.nan if fused is None else float(peak_signal_noise_ratio(full, fused, data_range=255)),
                math.nan if fused is None else float(metrics.compute(ir, vis, fused, ("VIF_ir",))["VIF_ir"]),
            ]
        rows[str(factor)] = row
    return rows


def reduced(ir: np.ndarray, factor: int, blur: float, noise: float) -> np.ndarray:
    """What a camera of so many times fewer pixels would have measured, uint8."""
    if blur:
        ir = cv2.GaussianBlur(ir, (0, 0), blur * factor)
    small = cv2.resize(ir, (ir.shape[1] // factor, ir.shape[0] // factor), interpolation=cv2.INTER_AREA)
    return to_bytes(small / 255 + np.random.default_rng(factor).normal(0, noise / 255, small.shape)) if noise else small


def table(factor: int, rows: list[Row], names: list[str]) -> str:
    """Means with intervals, then differences to the first method, one line each."""
    values = np.array([[row[name] for row in rows] for name in names])
    lines = [f"| {factor}× smaller, {len(rows)} pairs | {' | '.join(COLUMNS)} |", "|---|" + "---:|" * len(COLUMNS)]
    lines += _lines(names, values, "")
    lines += _lines([f"{name} − {names[0]}" for name in names[1:]], values[1:] - values[:1], "+")
    return "\n".join([*lines, ""])


def _lines(names: list[str], values: np.ndarray, sign: str) -> list[str]:
    found, lines = means(values), []
    for i, name in enumerate(names):
        cells = []
        for j, column in enumerate(COLUMNS):
            form = f"{sign}.{2 if 'PSNR' in column else 3}f"
            low, mean, high = (format(array[i, j], form) for array in (found.low, found.mean, found.high))
            cells.append(f"{mean} [{low}, {high}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    typer.run(main)
