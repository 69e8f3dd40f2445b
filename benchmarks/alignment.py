"""How well does the alignment find a known warp? And what does it change on pairs that do not lie on each other?

    python benchmarks/alignment.py registered DIR [--warps 3] [--kind similarity] [--border constant ...]
                                              [--seed 0] [--seeds 1]
    python benchmarks/alignment.py unregistered DIR [--kind similarity]

``DIR`` holds ir/ and vi/ with equal names. ``registered`` warps each infrared picture by random maps (rotation up to
1.5°, scale ±3 %, shift up to 15 px) and prints the mean corner error in pixels: against the data set's own
registration, and against what is found on the pair as it is, which shows how much of the error is the data set's;
the pairs whose error reaches 4 px; and how often the pictures are more alike where the method lays them than where the
data set does, by two measures that it does not use. Pairs that the data set itself lays wrong by as much are named,
and the errors are printed with and without them: a pair is one when both measures, each by itself, find the pair as
it is most alike 4 px or more from where it lies, and less than 4 px from each other. The method has no part in that.
``unregistered`` prints measures of agreement before and after that the method itself does not use.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from scipy.optimize import minimize

from diffuse_fuse.alignment import Kind, Transform, estimate, warp_infrared
from diffuse_fuse.images.arrays import to_one_channel, to_uint8_grey
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.pairs import Pair, find_pair_folders, find_pairs

ROTATION, SCALE, SHIFT = 1.5, 0.03, 15.0  # largest: degrees, relative, pixels along each axis
LIMIT = 4.0  # pixels: what is asked for, and so what a data set has to keep to where it is to judge that
_BINS = 64
_BLUR, _MARGIN = 1.5, 24  # pixels, of the search for where a pair is most alike


@dataclass(frozen=True)
class Found:
    """What was found for one map of a pair; lengths in pixels. own: how far the pair as it is is moved.
    registered: False where the data set lays the pair wrong.

    alike_truth, alike: mutual information and correlation of the edges, where the data set says and where it was found.
    """

    name: str
    before: float
    error: float
    repeat: float
    own: float
    registered: bool
    applied: bool
    seconds: float
    alike_truth: tuple[float, float]
    alike: tuple[float, float]


app = typer.Typer(add_completion=False, help=__doc__, rich_markup_mode=None)


class Border(str, Enum):
    """What a warped infrared picture shows outside its frame."""

    constant = "constant"
    replicate = "replicate"
    reflect = "reflect"


_BLACK = [Border.constant]
_BORDERS = {
    Border.constant: cv2.BORDER_CONSTANT,
    Border.replicate: cv2.BORDER_REPLICATE,
    Border.reflect: cv2.BORDER_REFLECT_101,
}


@app.command()
def registered(
    data: Annotated[Path, typer.Argument(help="Folder with ir/ and vi/ that lie on each other.")],
    warps: Annotated[int, typer.Option(min=1, help="Random maps a pair.")] = 3,
    kind: Annotated[Kind, typer.Option(help="Transform that is looked for.")] = Kind.similarity,
    border: Annotated[list[Border], typer.Option(help="Outside the warped picture; may be given again.")] = _BLACK,
    seed: Annotated[int, typer.Option(help="Of the random maps.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="So many sets of maps, with seeds from there on.")] = 1,
) -> None:
    """Corner errors against known maps."""
    sets = {(b, s): np.random.default_rng(s) for b in border for s in range(seed, seed + seeds)}
    found: dict[tuple[Border, int], list[Found]] = {key: [] for key in sets}
    for pair in _pairs(data):
        ir, vis = _load(pair)
        unwarped = estimate(ir, vis, kind).found
        own, lies_right = unwarped.displacement(), is_registered(ir, vis)
        for (outside, number), rng in sets.items():
            for _ in range(warps):
                truth = random_map(rng, (vis.shape[1], vis.shape[0]))
                warped = cv2.warpPerspective(ir, truth.matrix, truth.size, borderMode=_BORDERS[outside])
                start = time.perf_counter()
                result = estimate(warped, vis, kind)
                seconds = time.perf_counter() - start
                found[outside, number].append(
                    Found(
                        pair.relative.stem,
                        truth.displacement(),
                        result.transform.distance(truth),
                        result.found.distance(Transform(truth.matrix @ unwarped.matrix, truth.size)),
                        own,
                        lies_right,
                        result.applied,
                        seconds,
                        *_alike(warped, vis, truth, result.found),
                    )
                )
    for (outside, number), entries in found.items():
        _report(f"{data}: {kind.value}, border {outside.value}, seed {number}", entries)
    everything = [entry for entries in found.values() for entry in entries]
    if len(found) > 1:
        _report(f"{data}: all of them", everything)
    kept = [entry for entry in everything if entry.registered]
    if 0 < len(kept) < len(everything):
        names = sorted({entry.name for entry in everything if not entry.registered})
        print(f"the data set itself lays wrong by {LIMIT:g} px or more: {', '.join(names)}")
        _print_errors("after, without", [entry.error for entry in kept])
    print("pairs with an error of 4 px or more: how often, the largest error, how far the pair as it is is moved")
    for name in sorted({entry.name for entry in everything if entry.error >= LIMIT}):
        errors = [entry.error for entry in everything if entry.name == name]
        own = next(entry.own for entry in everything if entry.name == name)
        print(f"  {name:20} {np.sum(np.array(errors) >= LIMIT)} of {len(errors)}  {max(errors):5.2f}  {own:5.2f}")


@app.command()
def unregistered(
    data: Annotated[Path, typer.Argument(help="Folder with ir/ and vi/ that need not lie on each other.")],
    kind: Annotated[Kind, typer.Option(help="Transform that is looked for.")] = Kind.similarity,
) -> None:
    """Measures of agreement before and after, without ground truth."""
    rows = []
    print("pair             moved  conf  residual before/after   MI before/after   edges before/after")
    for pair in _pairs(data):
        ir, vis = _load(pair)
        result = estimate(ir, vis, kind)
        moved = warp_infrared(ir, vis, result.transform)
        inner = _inner(result.transform)
        scores = [
            measure(image[inner], to_one_channel(vis)[inner])
            for image in (ir, moved)
            for measure in (mutual_information, edge_correlation)
        ]
        residuals = (result.residual_before, result.residual if result.applied else result.residual_before)
        row = (result.transform.displacement(), result.confidence, *residuals, *np.array(scores)[[0, 2, 1, 3]])
        rows.append(row)
        print(_line(pair.relative.name, row))
    print(_line("mean", np.mean(rows, axis=0)))
    rows = np.array(rows)
    print(f"better after: MI {np.sum(rows[:, 5] > rows[:, 4])}, edges {np.sum(rows[:, 7] > rows[:, 6])} of {len(rows)}")


def random_map(rng: np.random.Generator, size: tuple[int, int]) -> Transform:
    """A random rotation, scale and shift about the picture's centre."""
    angle, scale = rng.uniform(-ROTATION, ROTATION), 1 + rng.uniform(-SCALE, SCALE)
    matrix = np.vstack([cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), angle, scale), (0, 0, 1)])
    matrix[:2, 2] += rng.uniform(-SHIFT, SHIFT, 2)
    return Transform(matrix, size)


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """In bits, of two uint8 arrays."""
    places = (a.astype(np.int64) * _BINS // 256) * _BINS + b.astype(np.int64) * _BINS // 256
    joint = np.bincount(places.ravel(), minlength=_BINS**2).reshape(_BINS, _BINS) / places.size
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log2(joint[there] / independent[there])).sum())


def edge_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of the gradient magnitudes of two uint8 pictures."""
    edges = [
        np.hypot(*(cv2.Sobel(cv2.GaussianBlur(x, (0, 0), 1), cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))) for x in (a, b)
    ]
    return float(np.corrcoef(edges[0].ravel(), edges[1].ravel())[0, 1])


def is_registered(ir: np.ndarray, vis: np.ndarray) -> bool:
    """False where two measures agree that a pair, uint8 H×W and H×W×3, is most alike ``LIMIT`` or more from as it lies.

    Mutual information and the correlation of the edges are each maximised over rotation, scale and shift, from none.
    Only both together count: by itself, one may find a place where a picture without much in it happens to fit.
    Pictures that are too small for that, or without edges, are taken as they are.
    """
    grey = to_one_channel(vis)
    size = (grey.shape[1], grey.shape[0])
    if min(size) < 4 * _MARGIN:
        return True
    ir, grey = (cv2.GaussianBlur(picture, (0, 0), _BLUR) for picture in (ir, grey))
    edges = [np.hypot(*(cv2.Sobel(x, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))) for x in (ir, grey)]
    inner = np.s_[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]

    def information(a: np.ndarray) -> float:
        return mutual_information(a[inner], grey[inner])

    def correlation(a: np.ndarray) -> float:
        return float(np.corrcoef(a[inner].ravel(), edges[1][inner].ravel())[0, 1]) if a[inner].any() else 0.0

    first, second = _most_alike(ir, information, size), _most_alike(edges[0], correlation, size)
    off = min(first.displacement(), second.displacement())
    return off < LIMIT or first.distance(second) >= LIMIT


def _most_alike(moved: np.ndarray, measure: Callable[[np.ndarray], float], size: tuple[int, int]) -> Transform:
    """The rotation, scale and shift near none that maximises ``measure``, by Nelder and Mead's simplex."""
    half, centre = max(size) / 2, ((size[0] - 1) / 2, (size[1] - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def transform(p: np.ndarray) -> Transform:  # each parameter: pixels, of the last two at the longer sides' ends
        angle, scale = np.degrees(p[3] / half), 1 + p[2] / half
        matrix = np.vstack([cv2.getRotationMatrix2D(centre, angle, scale), (0, 0, 1)])
        matrix[:2, 2] += p[:2]
        return Transform(matrix, size)

    def loss(p: np.ndarray) -> float:
        matrix = transform(p).matrix
        return -measure(cv2.warpPerspective(moved, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))

    simplex = np.vstack([np.zeros(4), np.diag([-LIMIT, LIMIT, -LIMIT, LIMIT])])
    options = {"initial_simplex": simplex, "xatol": 0.1, "fatol": 1e-4, "maxfev": 200}
    return transform(minimize(loss, np.zeros(4), method="Nelder-Mead", options=options).x)


def _pairs(data: Path) -> tuple[Pair, ...]:
    return find_pairs(*find_pair_folders(data)).pairs


def _load(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    loaded = load_pair(pair.ir, pair.vis)
    return to_uint8_grey(loaded.ir), loaded.vis


def _alike(warped: np.ndarray, vis: np.ndarray, *transforms: Transform) -> list[tuple[float, float]]:
    """Mutual information and correlation of the edges under each transform, over the field that all of them show."""
    inner = _inner(*transforms)
    grey, flags = to_one_channel(vis)[inner], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = [cv2.warpPerspective(warped, each.matrix, each.size, flags=flags)[inner] for each in transforms]
    return [(mutual_information(image, grey), edge_correlation(image, grey)) for image in moved]


def _inner(*transforms: Transform) -> tuple[slice, slice]:
    """The field that both pictures show under each transform and none: without the margin that they move."""
    w, h = transforms[0].size
    still = Transform.identity((w, h)).corners()
    margin = int(np.ceil(max(np.abs(each.corners() - still).max() for each in transforms))) + 2
    return np.s_[margin : h - margin, margin : w - margin]


def _report(title: str, entries: list[Found]) -> None:
    used = np.array([entry.applied for entry in entries])
    errors = np.array([entry.error for entry in entries])
    print(f"{title}, {len(entries)} maps of {len({entry.name for entry in entries})} pairs")
    _print_errors("before", [entry.before for entry in entries])
    _print_errors("after", errors)
    if used.any() and not used.all():
        _print_errors("after, applied", errors[used])
    _print_errors("repeatability", [entry.repeat for entry in entries])
    for number, what in enumerate(("mutual information", "edges")):
        more = sum(entry.alike[number] > entry.alike_truth[number] for entry in entries)
        print(f"more alike where found than where the data set says, by {what}: {more} of {len(entries)}")
    print(f"applied {used.mean():.1%}; median {np.median([entry.seconds for entry in entries]):.2f} s a pair")


def _print_errors(name: str, errors) -> None:
    errors = np.asarray(errors)
    shares = "  ".join(f"<{limit} px {np.mean(errors < limit):6.1%}" for limit in (2, 4))
    print(
        f"{name:15} median {np.median(errors):5.2f}  mean {errors.mean():5.2f}  "
        f"p95 {np.percentile(errors, 95):5.2f}  max {errors.max():5.2f}  {shares}"
    )


def _line(name: str, row) -> str:
    moved, confidence, *rest = row
    changes = [f"{old:.3f} -> {new:.3f}" for old, new in zip(rest[::2], rest[1::2], strict=True)]
    return f"{name[:16]:16} {moved:5.1f}  {confidence:.2f}  {changes[0]:>21}   {changes[1]:15}   {changes[2]}"


if __name__ == "__main__":
    app()
