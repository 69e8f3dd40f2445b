"""Two files, two folders, or one of either → jobs: which pictures belong together, and where the results go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from diffuse_fuse.batch.job import Job, Plan, Result, canonical, format_suffix
from diffuse_fuse.batch.manifest import plan_manifest
from diffuse_fuse.errors import ImageWriteError, UsageError
from diffuse_fuse.files import refuse_stdout, require_no_input
from diffuse_fuse.images.pairing import NO_RULES, Rules, pair_sources, why_none
from diffuse_fuse.images.pairs import Pairing, find_pictures
from diffuse_fuse.images.write import require_depth, require_suffix
from diffuse_fuse.shard import Shard


def require_paths(ir: Path | None, vis: Path | None, out: Path | None, manifest: Path | None) -> Path:
    """Two files or two folders that exist (or one), or a manifest, and an output, which is returned.

    With a manifest the output is its own folder unless it is said. Raises UsageError.
    """
    refuse_stdout(out)
    if manifest is not None:
        if ir is not None:
            raise UsageError("Both --manifest and IR name the input: use only one of them.")
        if out is not None and out.exists() and not out.is_dir():
            raise UsageError(f"The output {out} is a file: with --manifest, name a folder.")
        return out or manifest.parent
    if ir is None:
        raise UsageError("Missing input: pass IR and VIS, two files or two folders, or --manifest FILE.")
    for path in (ir, vis):
        if path is not None and not path.exists():
            raise UsageError(f"There is no file or folder {path}.")
    if vis is not None and ir.is_dir() != vis.is_dir():
        folder, file = (ir, vis) if ir.is_dir() else (vis, ir)
        raise UsageError(f"{folder} is a folder and {file} is a file: give two files or two folders.")
    if out is None:
        example = "-o FOLDER" if ir.is_dir() else "-o fused.png"
        also = "" if vis else ", and VIS, the visible picture, unless IR holds its own"
        raise UsageError(f"Missing output: add {example}{also}.")
    return out


def plan_paths(
    ir: Path | None,
    vis: Path | None,
    out: Path,
    manifest: Path | None = None,
    recursive: bool = False,
    picture_format: str | None = None,
    depth: int = 8,
    rules: Rules = NO_RULES,
) -> Plan:
    """The jobs that paths stand for which ``require_paths`` let through; raises UsageError where they cannot be."""
    suffix = format_suffix(picture_format) if picture_format else None
    if manifest is not None:
        return plan_manifest(manifest, out, suffix, depth)
    assert ir is not None
    if not ir.is_dir():
        plan = Plan((plan_pair(ir, vis or ir, out, suffix),))
    elif vis is None:
        plan = plan_single_folder(ir, out, recursive, suffix, rules)
    else:
        plan = plan_folders(ir, vis, out, recursive, suffix, rules)
    try:
        for job in plan.jobs[:1]:  # they have one format
            require_depth(job.out, depth)
    except ImageWriteError as error:
        raise UsageError(str(error)) from error
    return plan


def plan_pair(ir: Path, vis: Path, out: Path, suffix: str | None = None) -> Job:
    """The job for two files. ``out`` is a file, or an existing folder: then ``<out>/<visible stem><suffix>``.

    suffix: the format asked for, ".png" by default; a file name without a suffix gets it. Raises UsageError
    when ``out`` has another suffix than the one asked for, is an input, or cannot be written as a picture.
    """
    if out.is_dir():
        out = out / (vis.stem + (suffix or ".png"))
    elif not out.suffix:
        out = out.with_name(out.name + (suffix or ".png"))
    elif suffix and canonical(out.suffix) != canonical(suffix):
        raise UsageError(f"The output {out} and the format {suffix[1:]} contradict each other: give only one of them.")
    try:
        require_suffix(out)
    except ImageWriteError as error:
        raise UsageError(str(error)) from error
    job = Job(ir, vis, out)
    _refuse_inputs_as_outputs([job])
    return job


def plan_folders(
    ir_dir: Path,
    vis_dir: Path,
    out_dir: Path,
    recursive: bool = False,
    suffix: str | None = None,
    rules: Rules = NO_RULES,
) -> Plan:
    """The jobs for two folders: pairs as ``images.pairing`` finds them, each output named after the visible file.

    recursive: subfolders are searched too and stand in the output folder again.
    Raises UsageError when the folders are the same one, hold no pair, or an output would replace an input;
    DataError when a folder cannot be read.
    """
    if os.path.realpath(ir_dir) == os.path.realpath(vis_dir):
        raise UsageError(f"{ir_dir} is both the infrared and the visible folder: give two different folders.")
    _refuse_folder(out_dir, (ir_dir, vis_dir))
    found = pair_sources(ir_dir, vis_dir, recursive, out_dir, rules)
    if not found.pairs and not found.ambiguous:
        raise UsageError(why_none(ir_dir, vis_dir, found, recursive))
    return _plan(found, out_dir, suffix or ".png")


def _plan(pairing: Pairing, out_dir: Path, suffix: str) -> Plan:
    def output(relative: Path) -> Path:
        return out_dir / relative.with_name(relative.name + suffix)  # the stem may hold dots

    jobs = [Job(pair.ir, pair.vis, output(pair.relative)) for pair in pairing.pairs]
    failed = [
        Result(name.ir[0], name.vis[0], output(name.relative), "failed", error=str(name)) for name in pairing.ambiguous
    ]
    _refuse_inputs_as_outputs(jobs)
    return Plan(tuple(jobs), tuple(failed), pairing.ir_only, pairing.vis_only, pairing.passed_over, pairing.notes)


def plan_single_folder(
    ir_dir: Path, out_dir: Path, recursive: bool = False, suffix: str | None = None, rules: Rules = NO_RULES
) -> Plan:
    """The jobs for one folder; see ``plan_folders``.

    It holds pairs whose names tell which is which, or folders such as ir/ and vis/, or else radiometric JPEGs that
    hold their own visible pictures.
    """
    _refuse_folder(out_dir, (ir_dir,))
    found = pair_sources(ir_dir, None, recursive, out_dir, rules)
    if found.pairs or found.ambiguous:
        return _plan(found, out_dir, suffix or ".png")
    if rules.given:
        raise UsageError(why_none(ir_dir, None, found, recursive))
    pictures = find_pictures(ir_dir, recursive, exclude=out_dir)
    if not pictures:
        deeper = "" if recursive else ": add -r if they are in subfolders"
        raise UsageError(f"There are no pictures in {ir_dir}{deeper}.")
    suffix = suffix or ".png"
    jobs, failed, taken = [], [], set()
    for path in pictures:
        relative = path.relative_to(ir_dir)
        job = Job(path, path, out_dir / relative.with_name(relative.stem + suffix))
        if job.out in taken:
            error = f"{path} and another picture of the same name would both become {job.out}: rename one."
            failed.append(Result(path, path, job.out, "failed", error=error))
        else:
            jobs.append(job)
            taken.add(job.out)
    _refuse_inputs_as_outputs(jobs)
    return Plan(tuple(jobs), tuple(failed), (), ())


def with_own_gifs(plan: Plan) -> Plan:
    """``plan`` for a run that writes GIFs too: a job whose GIF another one writes already is a failed result."""
    jobs: list[Job] = []
    bad: list[Result] = []
    taken: dict[str, Job] = {}
    for job in plan.jobs:
        first = taken.setdefault(os.path.realpath(job.gif), job)
        if first is job:
            jobs.append(job)
        else:
            error = f"{first.out} and {job.out} would both write {job.gif}: rename one of them."
            bad.append(Result(job.ir, job.vis, job.out, "failed", error=error))
    return replace(plan, jobs=tuple(jobs), failed=(*plan.failed, *bad))


def part_of(plan: Plan, shard: Shard, out_dir: Path) -> Plan:
    """What of ``plan`` belongs to ``shard``, by the names of the pictures below ``out_dir``."""

    def is_held(job: Job | Result) -> bool:
        return shard.holds(Path(os.path.relpath(job.out, out_dir)).as_posix())

    return replace(plan, jobs=tuple(filter(is_held, plan.jobs)), failed=tuple(filter(is_held, plan.failed)))


def _refuse_folder(out_dir: Path, inputs: Sequence[Path]) -> None:
    if out_dir.exists() and not out_dir.is_dir():
        raise UsageError(f"The output {out_dir} is a file, but folders are fused into a folder: name a folder.")
    for folder in inputs:
        if os.path.realpath(out_dir) == os.path.realpath(folder):
            raise UsageError(f"The output {out_dir} is an input folder: name another folder.")


def _refuse_inputs_as_outputs(jobs: Sequence[Job]) -> None:
    require_no_input([job.out for job in jobs], [path for job in jobs for path in (job.ir, job.vis)])
