"""The files of a pair → two arrays of one size, and what is odd about them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import PairError
from diffuse_fuse.images import arrays, embedded, seam
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.metadata import NO_METADATA, SourceMetadata, read_source
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.thermal.flir import Alignment
from diffuse_fuse.images.thermal.holes import empty_border
from diffuse_fuse.images.thermal.polarity import looks_black_hot
from diffuse_fuse.images.thermal.source import Thermal, read_thermal
from diffuse_fuse.images.thermal.window import (
    Range,
    asked_range,
    crowded,
    cut_to_span,
    outside,
    shown_range,
    to_unit,
)
from diffuse_fuse.images.visible import Visible, load_visible

ASPECT_TOLERANCE = 0.02  # sensors of one device differ by rounding, not by more

# Mean spread of R, G, B on the 8-bit scale. The least coloured of 170 visible pictures (a road at night) has 3.1; a
# grey scene stays at 0 through JPEG, and next to it through a camera's own conversions.
_COLOURED = 2.0
_COLOURLESS = 0.5
_LOOKED_AT = 240  # pixels of a shorter side on which an empty border of grey levels is looked for
_MUCH = 0.05  # of an infrared picture that is cut off, before it is said


@dataclass(frozen=True)
class LoadedPair:
    """ir: uint8 H×W, or float32 H×W in [0, 1]. vis: H×W×3 RGB of the same H×W, uint8, or uint16 from deeper files.

    warnings: sentences. metadata: what the visible picture's file says besides its pixels, for the fused one.
    holes: bool H×W, where the infrared camera measured nothing in places large enough to be seen; ``ir`` goes on there
    as it is around, and ``seam.over_holes`` shows the visible picture in the fused one. None without any.
    """

    ir: np.ndarray
    vis: np.ndarray
    warnings: tuple[str, ...] = ()
    metadata: SourceMetadata = NO_METADATA
    holes: np.ndarray | None = None

    def as_bytes(self) -> tuple[np.ndarray, np.ndarray]:
        """ir H×W and vis H×W×3 as uint8: what the metrics and the training take."""
        return arrays.to_uint8_grey(self.ir), arrays.to_uint8_rgb(self.vis)


ReadBytes = Callable[[str | os.PathLike[str]], bytes]


def load_pair(
    ir_path: str | os.PathLike[str],
    vis_path: str | os.PathLike[str],
    options: LoadOptions = DEFAULT,
    read_file: ReadBytes = read_bytes,
) -> LoadedPair:
    """Read both files and bring them to one size; notice a swapped pair.

    With the same file twice, the visible picture is the one inside the infrared file (FLIR's radiometric JPEG), laid
    on as the file says. What a radiometric JPEG shows, the camera's screen, is not taken for a visible picture where
    it holds one. Each file is read once, by ``read_file``, which gives all of its bytes: the pixels are theirs.
    Raises ImageReadError for a file, PairError when the sizes do not belong together.
    """
    if path_of(ir_path, "The infrared path") == path_of(vis_path, "The visible path"):
        return _load_single(read_file(ir_path), ir_path, options)
    ir_data, vis_data = read_file(ir_path), read_file(vis_path)
    thermal = read_thermal(ir_data, ir_path, options.page, options.max_pixels, options.nodata)
    seen = load_visible(vis_data, vis_path, options)
    if seen.flir and ir_data == vis_data:  # one file by two names
        return _load_single(ir_data, ir_path, options)
    warnings = list(thermal.warnings)
    if thermal.picture is not None and not thermal.palette and looks_swapped(thermal.picture, seen.shown):
        warnings = [
            "The infrared picture is in colour and the visible one is grey: if they are swapped, "
            "give them the other way round (infrared first)."
        ]
    ir, odd = _to_unit(thermal, options, ir_path)
    ir, vis, holes, resized = together(ir, seen, options, thermal.wide_holes())
    return LoadedPair(ir, vis, (*warnings, *seen.warnings, *odd, *resized), seen.metadata, holes)


def load_infrared(
    path: str | os.PathLike[str], options: LoadOptions = DEFAULT
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """An infrared file → uint8 H×W, or float32 H×W in [0, 1]; its holes that can be seen, bool H×W, or None; what is
    odd about it. Raises ImageReadError."""
    thermal = _thermal(path, options)
    ir, odd = _to_unit(thermal, options, path)
    return ir, thermal.wide_holes(), (*thermal.warnings, *odd)


def together(
    ir: np.ndarray, seen: Visible, options: LoadOptions = DEFAULT, holes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """An infrared array H×W (or H×W×3), its ``holes`` and a visible file's picture → all at one size, and what is odd.

    Returns the infrared array, the visible one, the holes and sentences. An infrared picture of the size that the
    thermal one has in the visible picture's radiometric JPEG is of that camera: it is laid on as the file says. Raises
    PairError when the sizes do not belong together.
    """
    if seen.flir and ir.shape[:2] == seen.thermal_size:
        return _laid_on(ir, seen.array, holes, seen.flir.alignment, options)
    if options.size == "ir":
        vis, resized = _resized(seen.array, ir.shape[:2], "visible", _sizes(ir, seen.array), options.stretch)
    else:
        vis = seen.array
        ir, resized = match_sizes(ir, vis, options.stretch)
    return ir, vis, seam.at_size(holes, vis.shape[:2]), (resized,) if resized else ()


def load_range(ir_path: str | os.PathLike[str], options: LoadOptions = DEFAULT) -> tuple[Range, str] | None:
    """The range that an infrared file is stretched between by itself, and its unit.

    None for 8-bit pictures, which share a scale already. Raises ImageReadError.
    """
    thermal = _thermal(ir_path, options)
    return None if thermal.unit == "levels" else (shown_range(thermal), thermal.unit)


def match_sizes(ir: np.ndarray, vis: np.ndarray, stretch: bool = False) -> tuple[np.ndarray, str | None]:
    """The infrared array H×W at the visible one's size, and a warning if it had to be resized.

    Only done when the aspect ratios agree within 2 %: then both cameras saw the same field, at different
    resolutions. Raises PairError otherwise, unless ``stretch`` says that they saw the same field all the same.
    """
    return _resized(ir, vis.shape[:2], "infrared", _sizes(ir, vis), stretch)


def looks_swapped(ir: np.ndarray, vis: np.ndarray) -> bool:
    """True when the picture given as infrared is in colour and the one given as visible has none.

    Takes pictures as the files hold them, H×W or H×W×3 of any dtype.
    """
    return _colour_spread(vis) < _COLOURLESS and _colour_spread(ir) > _COLOURED


def _load_single(data: bytes, path: str | os.PathLike[str], options: LoadOptions) -> LoadedPair:
    thermal = read_thermal(data, path, options.page, options.max_pixels, options.nodata)
    picture = embedded.visible_of(thermal, data, path, options.max_pixels)
    flir = thermal.flir
    assert flir is not None  # or there would be no picture inside
    ir, odd = _to_unit(thermal, options, path)
    ir, vis, holes, more = _laid_on(ir, picture, thermal.wide_holes(), flir.alignment, options)
    metadata = read_source(data, flir.camera, flir.gps, flir.visible_bytes(), options.gps)
    return LoadedPair(ir, vis, (*thermal.warnings, *odd, *more), metadata, holes)


def _laid_on(
    ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None, alignment: Alignment | None, options: LoadOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """``embedded.lay_on`` with holes, bool H×W of the infrared picture's size: ir, vis, holes, and what is odd."""
    if holes is not None:
        laid, *_ = embedded.lay_on(holes.astype(np.float32), vis, alignment, options.size)
        holes = laid > 0.5
    ir, vis, odd = embedded.lay_on(ir, vis, alignment, options.size)
    return ir, vis, holes, odd


def _thermal(path: str | os.PathLike[str], options: LoadOptions, read_file: ReadBytes = read_bytes) -> Thermal:
    return read_thermal(read_file(path), path, options.page, options.max_pixels, options.nodata)


def _to_unit(thermal: Thermal, options: LoadOptions, path: str | os.PathLike[str]) -> tuple[np.ndarray, list[str]]:
    """The infrared picture as the fusion takes it, with the range and polarity asked for, and what is odd."""
    odd = []
    black_hot = options.polarity == "black-hot"
    if options.polarity == "auto" and thermal.unit != "°C":
        seen = looks_black_hot(thermal.values, thermal.holes)
        if seen is None:
            odd.append("It cannot be told whether hot is white or black: white is assumed (--polarity black-hot).")
        elif seen:
            odd.append("The infrared picture looks black-hot: it was turned round (--polarity white-hot keeps it).")
        black_hot = bool(seen)
    elif options.polarity == "white-hot" and thermal.unit != "°C" and looks_black_hot(thermal.values, thermal.holes):
        odd.append("The infrared picture looks black-hot: if hot is black in it, add --polarity black-hot.")
    given = asked_range(thermal, options.thermal_range, path)
    if given and outside(thermal, given):
        low, high = float(thermal.measured.min()), float(thermal.measured.max())
        unit = "°C" if thermal.unit == "°C" else thermal.unit
        odd.append(
            f"Almost nothing lies in the thermal range {_plain(given[0])} to "
            f"{_plain(given[1])}: the picture goes from {_plain(low)} to {_plain(high)} {unit}."
        )
    elif text := crowded(thermal, given):
        odd.append(text)
    if given is None and (cut := cut_to_span(thermal)):
        share = float(((thermal.measured < cut[0]) | (thermal.measured > cut[1])).mean())
        if share > _MUCH:
            odd.append(
                f"{share:.0%} of the infrared picture lies outside what the camera's screen showed, and is black or "
                f"white: {_plain(cut[0])} to {_plain(cut[1])} {thermal.unit} are shown (--thermal-range sets others)."
            )
    if thermal.unit == "levels" and thermal.holes is None:
        step = max(1, min(thermal.values.shape) // _LOOKED_AT)
        empty = empty_border(thermal.values[::step, ::step])
        if empty is not None:
            odd.append(
                f"The outside of the infrared picture is all {empty:.0f}: if nothing was measured there, --nodata "
                f"{empty:.0f} leaves it out."
            )
    return to_unit(thermal, given, black_hot), odd


def _sizes(ir: np.ndarray, vis: np.ndarray) -> str:
    (ir_h, ir_w), (vis_h, vis_w) = ir.shape[:2], vis.shape[:2]
    return f"The infrared picture is {ir_w}×{ir_h}, the visible one {vis_w}×{vis_h}"


def _resized(
    image: np.ndarray, size: tuple[int, int], kind: str, sizes: str, stretch: bool
) -> tuple[np.ndarray, str | None]:
    """``image`` at the size (H, W) of its partner, and a warning if that is another; the aspect is checked."""
    (h, w), (to_h, to_w) = image.shape[:2], size
    if (h, w) == (to_h, to_w):
        return image, None
    aspect_ratio = (w * to_h) / (h * to_w)
    differs = not 1 / (1 + ASPECT_TOLERANCE) <= aspect_ratio <= 1 + ASPECT_TOLERANCE
    if differs and not stretch:
        turned = (h, w) == (to_w, to_h)
        advice = "turn one by 90°" if turned else "crop and resize one so that both show the same field"
        raise PairError(f"{sizes}: {advice} (if they do show the same field, add --stretch).")
    shrinks = h * w > to_h * to_w
    resized = cv2.resize(image, (to_w, to_h), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    how = f"resized, and stretched by {max(aspect_ratio, 1 / aspect_ratio) - 1:.0%}" if differs else "resized"
    return resized, f"{sizes}: the {kind} one was {how}."


def _colour_spread(image: np.ndarray) -> float:
    """Mean over the pixels (a million of them) of max(R, G, B) - min(R, G, B), with the brightest value as 255."""
    if image.ndim == 2:
        return 0.0
    pixels = image.reshape(-1, 3)
    values = pixels[:: max(1, len(pixels) // 1_000_000)]
    if image.dtype != np.uint8:
        values = values.astype(np.float32)
    r, g, b = values.T  # channel by channel: reducing over an axis of three takes ten times as long
    highest, lowest = np.maximum(np.maximum(r, g), b), np.minimum(np.minimum(r, g), b)
    brightest = 255.0 if image.dtype == np.uint8 else max(float(highest.max()), 1e-6)
    return float((highest - lowest).mean(dtype=np.float64)) * 255.0 / brightest


def _plain(value: float) -> str:
    return f"{value:.6g}"
