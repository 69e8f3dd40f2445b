"""``dfuse align``: many pairs of one rig in, its alignment out."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli.options import (
    NODATA_HELP,
    ByOrder,
    GivenPalette,
    IrBand,
    IrField,
    IrPattern,
    MapFile,
    RawNumbers,
    RawSize,
    RawType,
    Unit,
    VisBands,
    VisPage,
    VisPattern,
    file_options,
    given_field,
    is_auto,
    rules,
)
from diffuse_fuse.cli.report import left_out, print_json, say
from diffuse_fuse.errors import AlignmentError, DfuseError, UsageError, counted
from diffuse_fuse.schema import headed

if TYPE_CHECKING:
    import numpy as np

    from diffuse_fuse.alignment import Calibration, Estimate, Sighting
    from diffuse_fuse.images.field import Field
    from diffuse_fuse.images.options import LoadOptions
    from diffuse_fuse.images.pairs import Pair, Pairing

    Found = tuple[Pair, Estimate | Sighting, Field | None]


class RigKind(str, Enum):
    """How the transform may bend a picture."""

    shift = "shift"
    similarity = "similarity"
    affine = "affine"
    homography = "homography"


def align(
    ir: Annotated[
        Path, typer.Argument(metavar="IR_DIR", help="Folder of infrared pictures of one rig, or of both kinds.")
    ],
    vis: Annotated[
        Path | None,
        typer.Argument(
            metavar="VIS_DIR", help="Folder of visible pictures; omit it where IR_DIR holds them.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="T.json", help="Alignment file to write.", show_default=False),
    ] = None,
    kind: Annotated[RigKind, typer.Option(help="Kind of transform to fit.")] = RigKind.similarity,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Use only N pairs, evenly spread over the folder.")
    ] = None,
    ir_field: IrField = None,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Page of multi-page infrared files.")] = 1,
    nodata: Annotated[float | None, typer.Option(metavar="V", help=NODATA_HELP)] = None,
    ir_band: IrBand = None,
    vis_bands: VisBands = None,
    vis_page: VisPage = None,
    palette: GivenPalette = None,
    thermal_unit: Unit = None,
    raw_size: RawSize = None,
    raw_type: RawNumbers = RawType.uint16,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Search subfolders too.")] = False,
    ir_pattern: IrPattern = None,
    vis_pattern: VisPattern = None,
    map_file: MapFile = None,
    by_order: ByOrder = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Find the alignment of a rig's infrared and visible camera from many pairs of pictures.

    dfuse aligns each pair by itself, and takes the robust mean of the trustworthy results. Where the visible camera
    sees more (different aspect ratios, or --ir-field), the file also holds the infrared field. Use the file with
    dfuse fuse --align-file T.json.
    """
    out = _check_paths(ir, vis, out)
    from diffuse_fuse import alignment
    from diffuse_fuse.files import require_free
    from diffuse_fuse.images.options import LoadOptions
    from diffuse_fuse.images.pairing import pair_sources, why_none

    pairing = pair_sources(ir, vis, recursive, rules=rules(ir_pattern, vis_pattern, map_file, by_order))
    require_free(out, _pictures(pairing), overwrite)
    pairs = pairing.pairs
    odd = [str(name) for name in pairing.ambiguous]
    odd += left_out(pairing.ir_only, pairing.vis_only, pairing.passed_over, pairing.notes) if pairs else []
    for text in () if quiet else odd:
        say(f"Warning: {text}")
    if not pairs:
        raise UsageError(why_none(ir, vis, pairing, recursive))
    chosen = _spread(pairs, limit)
    load = LoadOptions(
        page=page,
        nodata=nodata,
        field=given_field(ir_field),
        **file_options(ir_band, vis_bands, vis_page, palette, thermal_unit, raw_size, raw_type),
    )
    estimates, failures = _estimate_all(chosen, kind, quiet, load, search=is_auto(ir_field))
    try:
        calibration = _calibrated(estimates, kind, load)
    except AlignmentError:
        _say_failures(failures, len(chosen))
        raise
    alignment.save_calibration(out, calibration)
    if as_json:
        _print_json(out, calibration, estimates, failures)
    elif not quiet:
        typer.echo(describe(calibration))
    if not quiet:
        say(f"Wrote {out}.")
    _say_failures(failures, len(chosen))
    if failures:
        raise typer.Exit(1)


def describe(calibration: Calibration) -> str:
    """A calibration as lines of text."""
    from diffuse_fuse.cli.report import table

    shift, scale, angle = calibration.transform.about_centre()
    return table(
        [
            ("kind", calibration.kind.value),
            ("size", "{}×{}".format(*calibration.transform.size)),
            *_field_rows(calibration),
            ("shift", f"{shift[0]:+.2f}, {shift[1]:+.2f} px"),
            ("scale", f"{scale:.4f}"),
            ("rotation", f"{angle:+.3f}°"),
            ("pairs used", f"{calibration.used} of {calibration.pairs}"),
            ("confidence", f"{calibration.confidence:.2f}"),
            ("residual", f"{calibration.residual:.2f} px"),
            ("spread", f"{calibration.spread:.2f} px"),
        ]
    )


def _field_rows(calibration: Calibration) -> list[tuple[str, str]]:
    field = calibration.field
    if field is None:
        return []
    box = ",".join(f"{value:.0f}" for value in field.as_list())
    return [("field", "{} of {}×{}".format(box, *field.size))]


def _check_paths(ir: Path, vis: Path | None, out: Path | None) -> Path:
    """The output; raises UsageError for paths that cannot be."""
    if out is None:
        raise UsageError("Missing output: add -o rig.json.")
    for folder in (ir, vis):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder} is not a folder: give a folder of infrared pictures and one of visible ones.")
    if out.is_dir():
        raise UsageError(f"The output {out} is a folder: name a file, for example {out / 'T.json'}.")
    return out


def _pictures(pairing: Pairing) -> list[Path]:
    """All that the two folders hold, whether used or not."""
    paired = [path for pair in pairing.pairs for path in (pair.ir, pair.vis)]
    ambiguous = [path for name in pairing.ambiguous for path in (*name.ir, *name.vis)]
    return [*paired, *ambiguous, *pairing.ir_only, *pairing.vis_only]


def _spread(pairs: tuple[Pair, ...], limit: int | None) -> list[Pair]:
    count = min(limit or len(pairs), len(pairs))
    return [pairs[(2 * number + 1) * len(pairs) // (2 * count)] for number in range(count)]


def _estimate_all(
    pairs: list[Pair], kind: RigKind, quiet: bool, load: LoadOptions, search: bool
) -> tuple[list[Found], list[tuple[Pair, str]]]:
    """What was found, and the pairs that could not be read with the reason.

    A field is looked for with ``search``, and where pictures have other proportions and none is given.
    """
    from diffuse_fuse.cli.progress import progress_bar

    estimates: list[Found] = []
    failures = []
    with progress_bar("aligning", len(pairs), "pair", hidden=quiet) as advance:
        for pair in pairs:
            try:
                estimates.append((pair, *_estimate_one(pair, kind, load, search)))
            except DfuseError as error:
                failures.append((pair, str(error)))
            advance()
    return estimates, failures


def _estimate_one(
    pair: Pair, kind: RigKind, load: LoadOptions, search: bool
) -> tuple[Estimate | Sighting, Field | None]:
    """What a pair says, and the field to which it was cut, where that was given."""
    from diffuse_fuse import alignment
    from diffuse_fuse.images.field import Located
    from diffuse_fuse.images.load import load_pair

    seen: list[Sighting] = []

    def locate(
        ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None, zoom: tuple[float, float], whole: bool
    ) -> Located:
        if whole and not search:
            return Located(None)
        found = alignment.find_field(ir, vis, holes)
        seen.append(alignment.Sighting(found, (ir.shape[1], ir.shape[0]), zoom))
        return Located(found.field)

    loaded = load_pair(pair.ir, pair.vis, load, locate=locate)
    if seen:
        return seen[0], None
    field = loaded.located.field if loaded.located else None
    return alignment.estimate(loaded.ir, loaded.vis, kind.value, loaded.holes), field


def _calibrated(found: list[Found], kind: RigKind, load: LoadOptions) -> Calibration:
    """The rig's alignment. Raises AlignmentError where too little can be trusted."""
    from dataclasses import replace

    from diffuse_fuse import alignment

    sightings = [each for _, each, _ in found if isinstance(each, alignment.Sighting)]
    if sightings:
        return alignment.combine_fields(sightings, alignment.Kind(kind.value))
    calibration = alignment.combine(
        [each for _, each, _ in found if isinstance(each, alignment.Estimate)], alignment.CONFIDENT
    )
    fields = [field for _, _, field in found if field]
    return replace(calibration, field=fields[0]) if load.field and fields else calibration


def _print_json(
    out: Path,
    calibration: Calibration,
    estimates: list[Found],
    failures: list[tuple[Pair, str]],
) -> None:
    import diffuse_fuse

    def files(pair: Pair) -> dict[str, str]:
        return {"ir": str(pair.ir), "vis": str(pair.vis)}

    whole = {
        "out": str(out),
        **calibration.as_dict(),
        "results": [{**files(pair), **_as_dict(estimate)} for pair, estimate, _ in estimates],
        "failed": [{**files(pair), "error": text} for pair, text in failures],
        "version": diffuse_fuse.__version__,
    }
    print_json(headed("align", whole))


def _as_dict(found: Estimate | Sighting) -> dict[str, Any]:
    from diffuse_fuse.alignment import Sighting

    return found.found.as_dict() if isinstance(found, Sighting) else found.as_dict()


def _say_failures(failures: list[tuple[Pair, str]], total: int) -> None:
    if failures:
        say(f"{len(failures)} of {counted(total, 'pair')} failed:")
        for _, text in failures:
            say(f"  {text}")
