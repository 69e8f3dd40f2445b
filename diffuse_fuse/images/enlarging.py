"""A small infrared picture at the size of a large visible one, so that its own pixels come back as means.

What is enlarged averages to what was measured, so temperatures stay true; the methods differ in what they put between.

    cubic    cubic convolution, corrected until its means are the measured ones
    guided   cubic, and details of the visible picture as far as the two pictures' details agree around there

Both sharpen, and so would draw a dark ring around a warm body. What is beyond the pixels around a place is therefore
cut off, and the means are put right again (a round of projection onto convex sets), which leaves half of the rings.
More rounds leave less, and draw discs of even grey where pixels were.

"guided" is a guided filter (He, Sun, Tang 2013; at the small size, as in the fast one of He and Sun 2015) on details: a
local linear model of the infrared details by the visible ones, one octave below what is to be enlarged, where both are
known. The part of its gain that chance explains is taken off, since a shop sign is no heat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import cv2
import numpy as np

from diffuse_fuse.arrays import Array
from diffuse_fuse.images import area
from diffuse_fuse.images.arrays import as_infrared, as_visible, to_bytes
from diffuse_fuse.luma import LUMA

Method = Literal["auto", "cubic", "guided"]
METHODS = get_args(Method)
AUTO: Method = "cubic"  # what "auto" stands for: docs/cameras.md has the table
LEAST = 2.0  # times smaller an infrared picture is, each way, that "auto" looks at

_WINDOW = 3.0  # infrared pixels: deviation of the window that the linear model is local to
_CHANCE = 0.3  # of the variance that the visible details explain: as much as this says nothing
_FLAT = 1e-4  # variance of visible details, in [0, 1]: below, they are noise (2.5 levels of 255)


@dataclass(frozen=True)
class Lies:
    """How the pixels of a small picture of ``small`` (h, w) lie on a large one of ``large`` (H, W).

    start: where the first begins, in rows and columns of the large one; step: how many of these each covers.
    """

    small: tuple[int, int]
    large: tuple[int, int]
    start: tuple[float, float] = (0.0, 0.0)
    step: tuple[float, float] | None = None

    @property
    def steps(self) -> tuple[float, float]:
        """Rows and columns of the large picture that a pixel covers."""
        return self.step or (self.large[0] / self.small[0], self.large[1] / self.small[1])

    @property
    def inside(self) -> tuple[slice, slice]:
        """The pixels whose whole area lies on the large picture: the others measure more than is there."""
        rows, columns = (
            area.inside(*sides) for sides in zip(self.small, self.large, self.start, self.steps, strict=True)
        )
        return rows, columns

    def kept(self) -> Lies:
        """The same for the pixels inside only."""
        parts = self.inside
        small = tuple(part.stop - part.start for part in parts)
        start = tuple(
            begin + part.start * step for begin, part, step in zip(self.start, parts, self.steps, strict=True)
        )
        return Lies((small[0], small[1]), self.large, (start[0], start[1]), self.steps)

    def enlarge(self, y: Array) -> Array:
        """(h, w) -> (H, W), float32, by corrected cubic convolution."""
        return area.enlarged(y, self.large, tuple(zip(self.start, self.steps, strict=True)))

    def means(self, x: Array) -> Array:
        """(H, W) -> the means over the pixels' areas, (h, w), float32; all must lie inside."""
        if self.start == (0.0, 0.0) and self.step is None:
            return cv2.resize(x, self.small[::-1], interpolation=cv2.INTER_AREA)
        rows, columns = (
            area.mean_matrix(large, small, start, step)
            for large, small, start, step in zip(self.large, self.small, self.start, self.steps, strict=True)
        )
        return (rows @ x @ columns.T).astype(np.float32)

    def limits(self, y: Array) -> tuple[Array, Array]:
        """The least and the greatest of (h, w) around each place of the large picture: twice (H, W)."""
        rows, columns = (
            np.clip(((np.arange(large) + 0.5 - start) / step).astype(int), 0, small - 1)
            for large, small, start, step in zip(self.large, self.small, self.start, self.steps, strict=True)
        )
        around = np.ones((3, 3), np.uint8)
        return cv2.erode(y, around)[rows][:, columns], cv2.dilate(y, around)[rows][:, columns]


class Enlarger(Protocol):
    """Another way of enlarging than these, which brings more than this room has. ``name`` is noted in the picture."""

    @property
    def name(self) -> str: ...

    def __call__(self, ir: Array, vis: Array, lies: Lies) -> Array:
        """ir float32 h×w and vis float32 H×W×3, both in [0, 1] -> float32 H×W."""


def name_of(how: str | Enlarger) -> str:
    """What is noted of a way of enlarging: the name of a method, never "auto"."""
    if isinstance(how, str):
        return AUTO if how == "auto" else how
    return how.name


def applies(how: str | Enlarger, lies: Lies) -> bool:
    """Whether the infrared picture is enlarged this way: "auto" leaves one of nearly the visible one's size alone."""
    least = LEAST if how == "auto" else 1.0
    return min(lies.steps) >= least and max(lies.steps) > 1.0 and min(lies.kept().small) > 0


def enlarge(ir: Array, vis: Array, lies: Lies, how: str | Enlarger = "auto") -> Array:
    """An infrared picture h×w (or h×w×3) at the visible one's size: uint8 of uint8, else float32 in [0, 1], H×W.

    ``ir`` and ``vis`` as ``images.arrays`` takes them; counts are stretched. Raises ImageError as that does.
    """
    unit = as_infrared(ir)
    method = name_of(how)
    if not isinstance(how, str):
        large = how(unit, as_visible(vis), lies)
    elif method == "guided":
        large = guided(unit, vis, lies)
    else:
        large = cubic(unit, lies)
    return to_bytes(large) if ir.dtype == np.uint8 else np.clip(large, 0, 1)


def cubic(ir: Array, lies: Lies) -> Array:
    """ir float32 h×w in [0, 1] -> float32 H×W, smooth."""
    return limited(lies.enlarge(ir), ir, lies)


def limited(large: Array, ir: Array, lies: Lies) -> Array:
    """``large`` H×W with the means ``ir`` h×w, and little beyond the pixels around each place."""
    kept = lies.kept()
    within = np.clip(large, *lies.limits(ir))
    return within + kept.enlarge(ir[lies.inside] - kept.means(within))


def guided(ir: Array, vis: Array, lies: Lies) -> Array:
    """ir float32 h×w in [0, 1] and vis H×W×3 -> float32 H×W: cubic, with details that agree with the visible ones'."""
    smooth, kept = lies.enlarge(ir), lies.kept()
    luma = as_visible(vis) @ np.array(LUMA, np.float32)
    seen = kept.means(luma)
    gain = cv2.resize(detail_gain(np.ascontiguousarray(ir[lies.inside]), seen), luma.shape[::-1])
    detail = gain * (luma - kept.enlarge(seen))
    return limited(smooth + detail, ir, lies)


def detail_gain(ir: Array, vis: Array) -> Array:
    """How much of a visible detail is an infrared one, by those that both pictures h×w show: float32 h×w.

    Details are what a picture of half the size does not have. Where they agree by less than chance, 0.
    """
    mine, other = _details(ir), _details(vis)
    both, own, seen = (_local(a * b) for a, b in ((mine, other), (mine, mine), (other, other)))
    explained = both**2 / np.maximum(own * seen, 1e-12)
    return both / (seen + _FLAT) * np.clip((explained - _CHANCE) / (1 - _CHANCE), 0, 1)


def _details(image: Array) -> Array:
    half = (max(1, image.shape[0] // 2), max(1, image.shape[1] // 2))
    below = Lies(half, (image.shape[0], image.shape[1]))
    return image - below.enlarge(below.means(image))


def _local(image: Array) -> Array:
    return cv2.GaussianBlur(image, (0, 0), _WINDOW, borderType=cv2.BORDER_REFLECT)
