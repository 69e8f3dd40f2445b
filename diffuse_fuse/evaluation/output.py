"""The folder that an evaluation leaves behind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from diffuse_fuse.evaluation import report, tables
from diffuse_fuse.evaluation.plan import report_folder
from diffuse_fuse.images.write import write_bytes

if TYPE_CHECKING:
    from diffuse_fuse.evaluation.result import Evaluation

_VIEW_NAME = re.compile(r"[0-9a-f]{16}(_s)?\.webp")


def write_all(evaluation: Evaluation, folder: Path | str) -> list[Path]:
    """Write per_image.csv, summary.csv, summary.json, table.md, table.tex and report.html; returns the files.

    Pictures of the report that this evaluation does not use, left by an earlier one, are removed. Raises
    ImageWriteError.
    """
    folder = Path(folder)
    files = {
        "per_image.csv": tables.per_image_csv(evaluation),
        "summary.csv": tables.summary_csv(evaluation),
        "summary.json": json.dumps(evaluation.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "table.md": tables.markdown(evaluation),
        "table.tex": tables.latex(evaluation),
        "report.html": report.html(evaluation, folder),
    }
    for name, text in files.items():
        # surrogateescape: a file name need not be valid UTF-8 on Linux
        write_bytes(folder / name, text.encode("utf-8", "surrogateescape"))
    _remove_unused(evaluation, report_folder(folder))
    return [folder / name for name in files]


def _remove_unused(evaluation: Evaluation, folder: Path) -> None:
    used = {stem for views in evaluation.views for stem in (views.ir, views.vis, *views.methods.values())}
    if not used or not folder.is_dir():
        return
    for path in folder.iterdir():
        if _VIEW_NAME.fullmatch(path.name) and path.name[:16] not in used:
            path.unlink(missing_ok=True)
