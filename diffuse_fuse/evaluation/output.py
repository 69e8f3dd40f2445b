"""The folder that an evaluation leaves behind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from diffuse_fuse.evaluation import report, tables
from diffuse_fuse.evaluation.cache import Cache
from diffuse_fuse.evaluation.fusing import fused_file
from diffuse_fuse.evaluation.plan import Plan, report_folder
from diffuse_fuse.files import require_free, require_no_input, require_other_folder
from diffuse_fuse.images.write import write_bytes

if TYPE_CHECKING:
    from diffuse_fuse.evaluation.result import Evaluation

_TABLES = ("per_image.csv", "summary.csv", "summary.json", "table.md", "table.tex", "report.html")
_VIEW_NAME = re.compile(r"[0-9a-f]{16}(_s)?\.webp")


def require_output(plan: Plan, out: Path, cache: Cache, overwrite: bool = False) -> None:
    """Raises where ``out`` cannot be the output folder of ``plan``, before anything is computed.

    UsageError: it is one of the data set's own folders or one of results, or a file that would be written is an input,
    whatever ``overwrite`` says. ImageWriteError: such a file is there already and is not as ``cache`` knows it, unless
    ``overwrite``.
    """
    pairs = plan.dataset.pairs
    sources = [path for pair in pairs for path in (pair.ir, pair.vis)]
    results = [result.path for case in plan.cases for result in case.results.values()]
    require_other_folder(out, {path.parent for path in sources}, plan.dataset.root)
    for method in plan.methods:
        if method.kind == "folder":
            require_other_folder(out, (method.source,), method.source)
    made = [method for method in plan.methods if method.kind in ("model", "function")]
    files = [out / name for name in _TABLES] + [fused_file(out, method, case) for method in made for case in plan.cases]
    require_no_input(files, sources + results)
    for file in files:
        require_free(file, (), overwrite, cache.made)


def write_all(evaluation: Evaluation, folder: Path | str, overwrite: bool = False) -> list[Path]:
    """Write per_image.csv, summary.csv, summary.json, table.md, table.tex and report.html; returns the files.

    Pictures of the report that this evaluation does not use, left by an earlier one, are removed. Raises
    ImageWriteError, also where one of the files is there and not as an evaluation wrote it, unless ``overwrite``.
    """
    folder = Path(folder)
    cache = Cache(folder)
    for name in _TABLES:
        require_free(folder / name, (), overwrite, cache.made)
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
        data = text.encode("utf-8", "surrogateescape")
        cache.add_file(name, data)
        write_bytes(folder / name, data)
    _remove_unused(evaluation, report_folder(folder))
    return [folder / name for name in files]


def _remove_unused(evaluation: Evaluation, folder: Path) -> None:
    used = {stem for views in evaluation.views for stem in (views.ir, views.vis, *views.methods.values())}
    if not used or not folder.is_dir():
        return
    for path in folder.iterdir():
        if _VIEW_NAME.fullmatch(path.name) and path.name[:16] not in used:
            path.unlink(missing_ok=True)
