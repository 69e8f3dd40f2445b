"""The files of a pair → two arrays of one size, and what is odd about them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import cv2
import numpy as np

from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import PairError
from diffuse_fuse.images import arrays, bands, embedded, exif, place, seam
from diffuse_fuse.images.decode import ReadBytes, read_bytes
from diffuse_fuse.images.enlarging import Enlarger, Lies, applies, enlarge
from diffuse_fuse.images.field import Field, Locate, Located, cut_to, field_sentence, own_shape
from diffuse_fuse.images.metadata import NO_METADATA, SourceMetadata, read_source
from diffuse_fuse.images.names import is_headerless
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.thermal.flir import Alignment
from diffuse_fuse.images.thermal.holes import empty_border, filled
from diffuse_fuse.images.thermal.polarity import looks_black_hot
from diffuse_fuse.images.thermal.source import Thermal, read_as
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
    located: what became of looking for the infrared field, where that was asked for.
    """

    ir: np.ndarray
    vis: np.ndarray
    warnings: tuple[str, ...] = ()
    metadata: SourceMetadata = NO_METADATA
    holes: np.ndarray | None = None
    located: Located | None = None

    def as_bytes(self) -> tuple[np.ndarray, np.ndarray]:
        """ir H×W and vis H×W×3 as uint8: what the metrics and the training take."""
        return arrays.to_uint8_grey(self.ir), arrays.to_uint8_rgb(self.vis)


def load_pair(
    ir_path: str | os.PathLike[str],
    vis_path: str | os.PathLike[str],
    options: LoadOptions = DEFAULT,
    read_file: ReadBytes = read_bytes,
    locate: Locate | None = None,
) -> LoadedPair:
    """Read both files and bring them to one size; notice a swapped pair.

    With the same file twice, the visible picture is the one inside the infrared file (FLIR's radiometric JPEG), laid
    on as the file says. What a radiometric JPEG shows, the camera's screen, is not taken for a visible picture where
    it holds one. ``options.field`` or ``locate`` tells which part of the visible picture the infrared one shows; the
    pair is cut to that. Each file is read once, by ``read_file``, which gives all of its bytes: the pixels
    are theirs. Raises ImageReadError for a file, PairError when the sizes do not belong together.
    """
    if path_of(ir_path, "The infrared path") == path_of(vis_path, "The visible path"):
        return _load_single(read_file(ir_path), ir_path, options, locate)
    ir_data, vis_data = read_file(ir_path), read_file(vis_path)
    thermal, channel = _thermal_of(ir_data, ir_path, options)
    seen = load_visible(vis_data, vis_path, options)
    if seen.flir and ir_data == vis_data:  # one file by two names
        return _load_single(ir_data, ir_path, options, locate)
    warnings = [*channel, *thermal.warnings]
    if thermal.picture is not None and not thermal.palette and looks_swapped(thermal.picture, seen.shown):
        warnings = [
            "The infrared picture is in colour and the visible one is grey: if they are swapped, "
            "give the infrared one first."
        ]
    thermal, seen, cut = _on_one_ground(thermal, seen, place.read_place(ir_data), place.read_place(vis_data), options)
    zoom = (exif.read_notes(ir_data).zoom, exif.read_notes(vis_data).zoom)
    return _placed(thermal, seen, (*warnings, *seen.warnings, *cut), options, ir_path, locate, zoom)


def _placed(
    thermal: Thermal,
    seen: Visible,
    warnings: tuple[str, ...],
    options: LoadOptions,
    path: str | os.PathLike[str],
    locate: Locate | None,
    zoom: tuple[float, float],
) -> LoadedPair:
    """Two pictures as they were read, brought together: in the field that is given or found, or at one size."""
    ir, odd = _to_unit(thermal, options, path)
    holes, told = thermal.wide_holes(), (*warnings, *odd)
    if options.field or locate:
        whole = _same_proportions(ir, seen.array) or _is_of(ir, seen) or options.stretch
        located, more = _located(ir, seen.array, holes, options, locate, zoom, whole)
        if located.field:
            parts = _cut(ir, seen.array, holes, located.field, options)
            return LoadedPair(*parts[:2], (*told, *more), seen.metadata, parts[2], located)
        if located.warnings and not whole:
            raise PairError(f"{_sizes(ir, seen.array)}. {located.warnings[0]}")
        ir, vis, holes, resized = together(ir, seen, options, holes)
        return LoadedPair(ir, vis, (*told, *more, *resized), seen.metadata, holes, located)
    if zoom[0] > zoom[1] and not _is_of(ir, seen):
        by = f"{zoom[0] / zoom[1]:.3g}"
        told = (
            *told,
            f"The infrared file records a digital zoom of {by}: if it shows less by that factor, add --ir-field {by}.",
        )
    ir, vis, holes, resized = together(ir, seen, options, holes)
    return LoadedPair(ir, vis, (*told, *resized), seen.metadata, holes)


def load_infrared(
    path: str | os.PathLike[str], options: LoadOptions = DEFAULT
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """An infrared file → uint8 H×W, or float32 H×W in [0, 1]; its holes that can be seen, bool H×W, or None; what is
    odd about it. Raises ImageReadError."""
    thermal = _thermal(path, options)
    ir, odd = _to_unit(thermal, options, path)
    return ir, thermal.wide_holes(), (*thermal.warnings, *odd)


def load_values(
    ir_path: str | os.PathLike[str], vis_path: str | os.PathLike[str], options: LoadOptions = DEFAULT
) -> tuple[np.ndarray, np.ndarray, str, tuple[str, ...]]:
    """An infrared file's values at a picture's size, float32 H×W, NaN in holes; the picture, uint8 H×W×3; the unit;
    what is odd about the infrared file.

    A radiometric JPEG's own photograph is laid under as the file says. With ``options.field`` both are cut to it.
    Raises ImageReadError, PairError.
    """
    thermal, channel = _thermal_of(read_bytes(ir_path), ir_path, options)
    seen = load_visible(read_bytes(vis_path), vis_path, options)
    values, low, high = _as_unit(thermal)
    laid, vis = _laid(values, seen, options)
    values = laid * np.float32(high - low) + np.float32(low)
    if thermal.holes is not None:
        missing, _ = _laid(thermal.holes.astype(np.float32), seen, replace(options, enlarge=None))  # a mask
        values = np.where(missing > 0.5, np.float32(np.nan), values)
    return values, arrays.to_uint8_rgb(vis), thermal.unit, (*channel, *thermal.warnings)


def _as_unit(thermal: Thermal) -> tuple[np.ndarray, float, float]:
    """The values as float32 in [0, 1], which is what may be laid on a picture, and their ends; holes are filled."""
    values, measured = thermal.values.astype(np.float32), thermal.measured
    low, high = (float(measured.min()), float(measured.max())) if measured.size else (0.0, 1.0)
    if thermal.holes is not None and measured.size:
        values = filled(values, thermal.holes)
    unit = (values - low) / max(high - low, 1e-9)
    return np.clip(np.nan_to_num(unit), 0, 1).astype(np.float32), low, high


def _laid(values: np.ndarray, seen: Visible, options: LoadOptions) -> tuple[np.ndarray, np.ndarray]:
    """Values h×w, float32 in [0, 1], and the picture, at one size: in the field that is given, or as they belong."""
    if options.field is None:
        values, vis, _, _ = together(values, seen, options)
        return values, vis
    field = options.field.within((values.shape[1], values.shape[0]), (seen.array.shape[1], seen.array.shape[0]))
    return cut_to(values, seen.array, field, how=options.enlarge)


def _thermal_of(data: bytes, path: str | os.PathLike[str], options: LoadOptions) -> tuple[Thermal, tuple[str, ...]]:
    """The infrared picture of a file given beside a visible one, and a sentence where the file holds both."""
    both = None if is_headerless(path) else bands.with_thermal_channel(data, path, options)
    if both is None:
        return read_as(data, path, options), ()
    return read_as(data, path, both.options), (both.note,)


def together(
    ir: np.ndarray, seen: Visible, options: LoadOptions = DEFAULT, holes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """An infrared array H×W (or H×W×3), its ``holes`` and a visible file's picture → all at one size, and what is odd.

    Returns the infrared array, the visible one, the holes and sentences. An infrared picture of the size that the
    thermal one has in the visible picture's radiometric JPEG is of that camera: it is laid on as the file says. Raises
    PairError when the sizes do not belong together.
    """
    if seen.flir and _is_of(ir, seen):
        return _laid_on(ir, seen.array, holes, seen.flir.alignment, options, seen.zoom)
    if options.size == "ir":
        vis, resized = _resized(seen.array, ir.shape[:2], "visible", _sizes(ir, seen.array), options.stretch)
    else:
        vis = seen.array
        ir, resized = match_sizes(ir, vis, options.stretch, options.enlarge)
    return ir, vis, seam.at_size(holes, vis.shape[:2]), (resized,) if resized else ()


def load_range(
    ir_path: str | os.PathLike[str], options: LoadOptions = DEFAULT, alone: bool = False
) -> tuple[Range, str] | None:
    """The range that an infrared file is stretched between by itself, and its unit. alone: it holds both pictures.

    None for 8-bit pictures, which share a scale already. Raises ImageReadError.
    """
    data = read_bytes(ir_path)
    both = _both(data, ir_path, options) if alone else None
    thermal = read_as(data, ir_path, both.options if both else options)
    return None if thermal.unit == "levels" else (shown_range(thermal), thermal.unit)


def match_sizes(
    ir: np.ndarray, vis: np.ndarray, stretch: bool = False, how: str | Enlarger | None = None
) -> tuple[np.ndarray, str | None]:
    """The infrared array H×W at the visible one's size, and a warning if it had to be resized.

    ``how`` it is enlarged is ``LoadOptions.enlarge``.

    Only done when the aspect ratios agree within 2 %: then both cameras saw the same field, at different
    resolutions. Raises PairError otherwise, unless ``stretch`` says that they saw the same field all the same.
    """
    lies = Lies(ir.shape[:2], vis.shape[:2])
    resized, said = _resized(ir, vis.shape[:2], "infrared", _sizes(ir, vis), stretch)
    if said and how is not None and applies(how, lies):
        resized = enlarge(ir, vis, lies, how)
    return resized, said


def looks_swapped(ir: np.ndarray, vis: np.ndarray) -> bool:
    """True when the picture given as infrared is in colour and the one given as visible has none.

    Takes pictures as the files hold them, H×W or H×W×3 of any dtype.
    """
    return _colour_spread(vis) < _COLOURLESS and _colour_spread(ir) > _COLOURED


def _on_one_ground(
    thermal: Thermal, seen: Visible, ir: place.Place | None, vis: place.Place | None, options: LoadOptions
) -> tuple[Thermal, Visible, tuple[str, ...]]:
    """Both pictures of a pair of maps, cut to the ground that both show, and what is odd about their places.

    The fused picture gets the place of the one whose grid it has. Raises PairError for maps of different ground.
    """
    if ir and ir.size != thermal.values.shape[:2]:  # of another page
        ir = None
    ir_part, vis_part, odd = place.shared_part(ir, vis)
    if ir and vis and ir_part and vis_part:
        values, holes = thermal.values[ir_part], None if thermal.holes is None else thermal.holes[ir_part]
        holes = holes if holes is None or holes.any() else None
        thermal = replace(thermal, values=values, holes=holes)
        array = np.ascontiguousarray(seen.array[vis_part])
        ir, vis = ir.cut(*ir_part), vis.cut(*vis_part)
        seen = replace(seen, array=array)
    kept = (ir if options.size == "ir" else vis or ir) if options.gps else None
    if kept is None and seen.metadata.place is None:
        return thermal, seen, (odd,) if odd else ()
    return thermal, replace(seen, metadata=replace(seen.metadata, place=kept)), (odd,) if odd else ()


def _load_single(
    data: bytes, path: str | os.PathLike[str], options: LoadOptions, locate: Locate | None = None
) -> LoadedPair:
    if both := _both(data, path, options):
        thermal, seen = read_as(data, path, both.options), load_visible(data, path, both.options)
        warnings = (both.note, *thermal.warnings, *seen.warnings)
        return _placed(thermal, seen, warnings, options, path, locate, (1.0, 1.0))
    thermal = read_as(data, path, options)
    picture = embedded.visible_of(thermal, data, path, options.max_pixels)
    ir, odd = _to_unit(thermal, options, path)
    flir, holes, zoom = thermal.flir, thermal.wide_holes(), exif.read_notes(data).zoom
    metadata = NO_METADATA
    if flir:
        metadata = read_source(data, flir.camera, flir.gps, flir.visible_bytes(), options.gps)
    located: Located | None = None
    said: tuple[str, ...] = ()
    if options.field or locate:
        located, said = _located(ir, picture, holes, options, locate, (zoom, 1.0), whole=True)
    if located and located.field:
        ir, vis, holes = _cut(ir, picture, holes, located.field, options)
        more = said
    else:
        ir, vis, holes, more = _laid_on(ir, picture, holes, flir.alignment if flir else None, options, zoom)
        more = (*said, *more)
    return LoadedPair(ir, vis, (*thermal.warnings, *odd, *more), metadata, holes, located)


def _located(
    ir: np.ndarray,
    vis: np.ndarray,
    holes: np.ndarray | None,
    options: LoadOptions,
    locate: Locate | None,
    zoom: tuple[float, float],
    whole: bool,
) -> tuple[Located, tuple[str, ...]]:
    """The infrared picture's field in the visible one, as it is given or found, and what is to be said about it."""
    sizes = (ir.shape[1], ir.shape[0]), (vis.shape[1], vis.shape[0])
    if options.field:
        field = options.field.within(*sizes)
        located = Located(field, {"source": "given", "applied": True, "field": field.as_list()})
    else:
        assert locate is not None
        located = locate(ir, vis, holes, zoom, whole)
    if located.field is None:
        return located, located.warnings
    return located, (*located.warnings, *_uneven(located.field, sizes[0]), field_sentence(located.field))


def _uneven(field: Field, ir: tuple[int, int]) -> tuple[str, ...]:
    """Says where a field has other proportions than the infrared picture."""
    ratio = (field.w * ir[1]) / (field.h * ir[0])
    if 1 / (1 + ASPECT_TOLERANCE) <= ratio <= 1 + ASPECT_TOLERANCE:
        return ()
    return (
        f"The field has another aspect ratio than the infrared picture of {ir[0]}×{ir[1]}, which was stretched by "
        f"{max(ratio, 1 / ratio) - 1:.0%}: check the field.",
    )


def _cut(
    ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None, field: Field, options: LoadOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """``field.cut_to`` at the size that is asked for, with holes, bool H×W of the infrared picture's size."""
    shape = own_shape(ir, field) if options.size == "ir" else None
    if holes is not None:
        laid, _ = cut_to(holes.astype(np.float32), vis, field, shape)
        holes = laid > 0.5
    return (*cut_to(ir, vis, field, shape, options.enlarge), holes)


def _is_of(ir: np.ndarray, seen: Visible) -> bool:
    """Is the infrared picture of the camera that wrote the visible one's radiometric file?"""
    return bool(seen.flir and ir.shape[:2] == seen.thermal_size)


def _same_proportions(ir: np.ndarray, vis: np.ndarray) -> bool:
    ratio = (ir.shape[1] * vis.shape[0]) / (ir.shape[0] * vis.shape[1])
    return 1 / (1 + ASPECT_TOLERANCE) <= ratio <= 1 + ASPECT_TOLERANCE


def _both(data: bytes, path: str | os.PathLike[str], options: LoadOptions) -> bands.Both | None:
    return None if is_headerless(path) else bands.find_both(data, path, options)


def _laid_on(
    ir: np.ndarray,
    vis: np.ndarray,
    holes: np.ndarray | None,
    alignment: Alignment | None,
    options: LoadOptions,
    zoom: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """``embedded.lay_on`` with holes, bool H×W of the infrared picture's size: ir, vis, holes, and what is odd."""
    if holes is not None:
        laid, *_ = embedded.lay_on(holes.astype(np.float32), vis, alignment, options.size, zoom)
        holes = laid > 0.5
    ir, vis, odd = embedded.lay_on(ir, vis, alignment, options.size, zoom, options.enlarge)
    return ir, vis, holes, odd


def _thermal(path: str | os.PathLike[str], options: LoadOptions, read_file: ReadBytes = read_bytes) -> Thermal:
    return read_as(read_file(path), path, options)


def _to_unit(thermal: Thermal, options: LoadOptions, path: str | os.PathLike[str]) -> tuple[np.ndarray, list[str]]:
    """The infrared picture as the fusion takes it, with the range and polarity asked for, and what is odd."""
    odd = []
    black_hot = options.polarity == "black-hot"
    if options.polarity == "auto" and thermal.unit != "°C":
        seen = looks_black_hot(thermal.values, thermal.holes)
        if seen is None:
            odd.append("Whether hot is white or black is unclear: white is assumed (else add --polarity black-hot).")
        elif seen:
            odd.append("The infrared picture looks black-hot: it was inverted (--polarity white-hot keeps it).")
        black_hot = bool(seen)
    elif options.polarity == "white-hot" and thermal.unit != "°C" and looks_black_hot(thermal.values, thermal.holes):
        odd.append("The infrared picture looks black-hot: if it is, add --polarity black-hot.")
    given = asked_range(thermal, options.thermal_range, path)
    if given and outside(thermal, given):
        low, high = float(thermal.measured.min()), float(thermal.measured.max())
        unit = "°C" if thermal.unit == "°C" else thermal.unit
        odd.append(
            f"Almost nothing lies in the thermal range {_plain(given[0])} to "
            f"{_plain(given[1])}: the picture ranges from {_plain(low)} to {_plain(high)} {unit}."
        )
    elif text := crowded(thermal, given):
        odd.append(text)
    if given is None and (cut := cut_to_span(thermal)):
        share = float(((thermal.measured < cut[0]) | (thermal.measured > cut[1])).mean())
        if share > _MUCH:
            odd.append(
                f"{share:.0%} of the infrared picture lies outside the range of the camera's display, "
                f"{_plain(cut[0])} to {_plain(cut[1])} {thermal.unit}, and is black or white (--thermal-range sets "
                "another range)."
            )
    if thermal.unit == "levels" and thermal.holes is None:
        step = max(1, min(thermal.values.shape) // _LOOKED_AT)
        empty = empty_border(thermal.values[::step, ::step])
        if empty is not None:
            odd.append(
                f"The border of the infrared picture is all {empty:.0f}: if nothing was measured there, add --nodata "
                f"{empty:.0f}."
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
        advice = (
            "rotate one by 90°"
            if turned
            else (
                "they do not show the same field. --ir-field auto searches for the infrared field in the visible "
                "picture, --ir-field X,Y,W,H sets it"
            )
        )
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
