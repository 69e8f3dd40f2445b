"""Noise and uneven light in flat areas of fused pictures, against those of the sources.

    python benchmarks/noise.py DATASET [--model default] [--fused NAME=DIR] [--limit 10] [--floor 0.3] [--each]

Flat is where both sources, smoothed, stay within a few grey levels over a window; how many depends on the noise of
the source, so that noise itself does not disqualify an area (``flat_area``). Fine texture without any coarser
structure counts as noise. There, for each method, means over the pairs that have enough flat area:

noise      local standard deviation of the fused luma at the scale of pixels, in grey levels
× source   the same over that of the noisier source: 1 is noise passed on, more is noise amplified
worst      the largest such ratio of a pair
× place    noise over that of the source that is the noisier one at each place, and the worst pair's: where each source
           is noisier in another part of a picture, a picture that is nowhere noisier than both exceeds either
chroma     colour noise (a*, b* of CIELAB, the same scale) over that of the visible picture; – where that is grey
uneven     grey levels that the fused luma drifts across a flat area more than either source: even areas lit unevenly

--floor 0.3 first cuts off so much of the thermal range at black, as a camera does whose range ends above a cold sky:
where a sky is exactly black, without any noise, a network has little to hold on to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from contestants import Scene, drawn_pairs, folders, fusers, markdown, mean, number, run, scenes

from diffuse_fuse.errors import UsageError
from diffuse_fuse.metrics.context import luma

WINDOW = 11  # pixels over which an area must be flat
SMOOTH = 2.0  # sigma of the Gaussian that takes noise out before looking for structure
RESIDUE = 1 / (2 * math.sqrt(math.pi) * SMOOTH)  # of white noise, what that Gaussian leaves
LEVELS = 6.0  # grey levels that a noise-free flat area may span: shading, not an edge
FINE = 2.0  # sigma that parts noise (finer) from light (coarser)
SMALLEST = 0.01  # share of the picture below which its flat area says nothing
PLACE = 31  # pixels over which noise is averaged to say which source is noisier there
ROUNDING = math.sqrt(1 / 12)  # noise of rounding to grey levels: no picture has less that can be measured


@dataclass(frozen=True)
class Flatness:
    """What a method does in the flat area of a pair; NaN where that cannot be said."""

    noise: float
    ratio: float
    place: float
    chroma: float
    uneven: float


def main(
    dataset: Annotated[Path, typer.Argument(help="Folder of a data set.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Weights; may be repeated. The default ones unless given.")
    ] = None,
    fused: Annotated[list[str] | None, typer.Option(help="NAME=DIR, results of another method.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pairs, drawn by the seed.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawn pairs.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    floor: Annotated[float, typer.Option(min=0, max=0.9, help="Part of the thermal range that becomes black.")] = 0.0,
    each: Annotated[bool, typer.Option("--each", help="A table of the ratio by pair too.")] = False,
) -> None:
    """Measures noise and uneven light in flat areas."""
    if fused and floor:
        raise UsageError("--floor changes the sources: leave out --fused, whose pictures are of those as they were.")
    pairs = drawn_pairs(dataset, limit, seed)
    others = folders(fused or (), pairs)
    methods: dict[str, Callable[[Scene], np.ndarray | None]] = {
        **{
            name: lambda scene, fuse=fuse: fuse(scene.ir, scene.vis)
            for name, fuse in fusers(model or ["default"], threads, ("visible", "average", "max")).items()
        },
        **{name: folder.picture for name, folder in others.items()},
    }
    found: dict[str, dict[str, Flatness]] = {name: {} for name in methods}
    shares = {}
    for scene in scenes(pairs):
        scene = replace(scene, ir=without_floor(scene.ir, floor))
        area = flat_area(scene.ir, scene.vis)
        shares[scene.name] = float(area.mean())
        if shares[scene.name] < SMALLEST:
            continue
        for name, fuse in methods.items():
            picture = fuse(scene)
            if picture is not None:
                found[name][scene.name] = measure(scene.ir, scene.vis, picture, area)
    usable = [share for share in shares.values() if share >= SMALLEST]
    print(f"{dataset}: {len(usable)} of {len(pairs)} pairs have flat areas, {mean(usable):.0%} of them on average\n")
    head = ("method", "pairs", "noise", "× source", "worst", "× place", "worst", "chroma", "uneven")
    print(markdown(head, [_row(name, list(by_pair.values())) for name, by_pair in found.items()]))
    if each:
        print("\n" + markdown(("noise × source", "flat", *found), _rows_by_pair(found, shares)))


def without_floor(ir: np.ndarray, floor: float) -> np.ndarray:
    """``ir`` with so much of its range from zero on black, and the brightest as bright as before."""
    cut = floor * float(ir.max())
    return np.rint(np.maximum(ir - cut, 0) / (1 - floor)).astype(np.uint8) if floor else ir


def flat_area(ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
    """Where infrared (H×W) and visible picture (H×W×3) are both flat: bool H×W.

    A source is flat at a pixel when, smoothed by a Gaussian, it spans no more than ``LEVELS`` grey levels in the
    window around it, plus five standard deviations of what its noise leaves after smoothing: white noise spans three
    to five there. An edge beside the window reaches into it by the smoothing, so the filters that measure in the area
    do not see one.
    """
    flat = np.ones(ir.shape, bool)
    for source in (ir, luma(vis)):
        smooth = cv2.GaussianBlur(source.astype(np.float32), (0, 0), SMOOTH)
        window = np.ones((WINDOW, WINDOW), np.uint8)
        span = cv2.dilate(smooth, window) - cv2.erode(smooth, window)
        flat &= span <= LEVELS + 5 * RESIDUE * noise_level(source)
    return flat


def noise_level(picture: np.ndarray) -> float:
    """Standard deviation of the noise of a picture H×W, in its own units.

    Immerkaer's difference of Laplacians (1996), which is blind to slopes and edges of low curvature; its local
    deviation where it is lower than in three quarters of the picture, so that texture does not count as noise.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    response = cv2.filter2D(picture.astype(np.float32), -1, kernel)
    return float(np.percentile(_root_mean_square(response, WINDOW), 25))


def measure(ir: np.ndarray, vis: np.ndarray, fused: np.ndarray, area: np.ndarray) -> Flatness:
    """Noise and light of ``fused`` (H×W×3) in the flat ``area`` of its sources."""
    sources, picture = (ir, luma(vis)), luma(fused)
    noise = noise_in(picture, area)
    loudest = max(noise_in(source, area) for source in sources)
    at_places, *of_sources = (noise_at_places(image, area) for image in (picture, *sources))
    place = float(at_places.mean() / np.maximum(*of_sources).mean())
    colour, visible_colour = (chroma_noise(image, area) for image in (fused, vis))
    # Rounding of R, G and B alone gives a grey picture's conversion to a* and b* some noise, but not in grey pictures.
    chroma = colour / visible_colour if visible_colour > ROUNDING / 10 else math.nan
    drift, *by_source = (drifts(image, area) for image in (picture, *sources))
    excess = np.maximum(drift[0] - np.maximum(by_source[0][0], by_source[1][0]), 0)
    uneven = float(np.average(excess, weights=drift[1])) if len(excess) else math.nan
    return Flatness(noise, max(noise, ROUNDING) / max(loudest, ROUNDING), place, chroma, uneven)


def noise_in(picture: np.ndarray, area: np.ndarray) -> float:
    """Mean local standard deviation of a picture H×W in an area, without what is coarser than ``FINE``."""
    return float(_root_mean_square(_fine(picture), 5)[area].mean())


def noise_at_places(picture: np.ndarray, area: np.ndarray) -> np.ndarray:
    """The same around each pixel of the area, over a window of ``PLACE``, and at least that of rounding: (n,)."""
    weight = area.astype(np.float32)
    around = cv2.blur(_root_mean_square(_fine(picture), 5) * weight, (PLACE, PLACE))
    return np.maximum(around[area] / cv2.blur(weight, (PLACE, PLACE))[area], ROUNDING)


def chroma_noise(picture: np.ndarray, area: np.ndarray) -> float:
    """Root-mean-square deviation of a* and b* in an area, without what is coarser than ``FINE``."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return float(np.sqrt(sum(np.square(_fine(lab[..., channel]))[area].mean() for channel in (1, 2))))


def drifts(picture: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each connected part of an area that is larger than a window: how far it drifts, and its pixels.

    The drift is what 90 % of the part span in grey levels, averaged over windows that only see the area: noise is
    gone, edges beside the area do not reach in, and the rest is light.
    """
    weight = area.astype(np.float32)
    share = cv2.blur(weight, (WINDOW, WINDOW))
    light = cv2.blur(picture.astype(np.float32) * weight, (WINDOW, WINDOW)) / np.maximum(share, 1e-6)
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8), connectivity=4)
    sizes = statistics[1:, cv2.CC_STAT_AREA]
    order = np.argsort(parts[area], kind="stable")
    values = np.split(light[area][order], np.cumsum(sizes)[:-1]) if count > 1 else []
    kept = [(np.ptp(np.percentile(part, (5, 95))), len(part)) for part in values if len(part) >= WINDOW * WINDOW]
    return np.array([span for span, _ in kept]), np.array([size for _, size in kept])


def _fine(picture: np.ndarray) -> np.ndarray:
    picture = picture.astype(np.float32)
    return picture - cv2.GaussianBlur(picture, (0, 0), FINE)


def _root_mean_square(values: np.ndarray, side: int) -> np.ndarray:
    # the running sums of a box filter can end a little below zero
    return np.sqrt(np.maximum(cv2.blur(values * values, (side, side)), 0))


def _row(name: str, values: list[Flatness]) -> list[str]:
    ratios, places = [value.ratio for value in values], [value.place for value in values]
    return [
        name,
        str(len(values)),
        number(mean(value.noise for value in values), 2),
        number(mean(ratios), 2),
        number(max(ratios, default=math.nan), 2),
        number(mean(places), 2),
        number(max(places, default=math.nan), 2),
        number(mean(value.chroma for value in values), 2),
        number(mean(value.uneven for value in values), 2),
    ]


def _rows_by_pair(found: dict[str, dict[str, Flatness]], shares: dict[str, float]) -> list[list[str]]:
    rows = []
    for pair, share in shares.items():
        cells = [number(by_pair[pair].ratio, 2) if pair in by_pair else "–" for by_pair in found.values()]
        rows.append([pair, f"{share:.0%}", *cells])
    return rows


if __name__ == "__main__":
    run(main)
