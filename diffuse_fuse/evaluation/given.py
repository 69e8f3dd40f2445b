"""Pairs that are given instead of found: two folders, one folder with rules, or a manifest."""

from __future__ import annotations

from pathlib import Path

from diffuse_fuse.errors import DataError, UsageError
from diffuse_fuse.evaluation.layouts import Dataset, dataset_of, find_dataset
from diffuse_fuse.images.pairing import NO_RULES, Rules, pair_sources, why_none
from diffuse_fuse.images.table import manifest_pairs


def given_dataset(
    dataset: Path | None = None,
    ir: Path | None = None,
    vis: Path | None = None,
    manifest: Path | None = None,
    rules: Rules = NO_RULES,
    train: bool = False,
) -> Dataset:
    """The pairs that a call names: a data set's folder, its two folders, or a table of pairs.

    rules: how the files of one or two folders are paired. train: see ``find_dataset``. Raises UsageError where it is
    not one of these, DataError where there are no pairs.
    """
    ways = [dataset is not None, ir is not None or vis is not None, manifest is not None]
    if sum(ways) != 1:
        what = "Missing pairs" if not any(ways) else "The pairs are given more than once"
        raise UsageError(f"{what}: give a folder, or --ir and --vis, or --manifest.")
    if manifest is not None:
        if rules.given:
            raise UsageError("--manifest contradicts patterns, --map and --by-order: use only one of them.")
        return _from_manifest(manifest)
    if dataset is not None and not rules.given:
        return find_dataset(dataset, train)
    if dataset is None and (ir is None or vis is None):
        raise UsageError("--ir and --vis belong together: give both folders.")
    for folder in filter(None, (dataset, ir, vis)):
        if not folder.is_dir():
            raise DataError(f"There is no folder {folder}.")
    first = dataset or ir
    assert first is not None
    found = pair_sources(first, vis, recursive=True, rules=rules)
    if not found.pairs:
        raise DataError(why_none(first, vis, found, recursive=True))
    root = first if vis is None else _above(first, vis)
    return dataset_of(root, root.resolve().name or str(root), [(first, vis or first)], [("", found)])


def _from_manifest(manifest: Path) -> Dataset:
    pairs, problems = manifest_pairs(manifest)
    if not pairs:
        raise DataError(f"No row of {manifest} is a pair ({problems[0]}).")
    return Dataset(manifest.parent, manifest.stem, f"the table {manifest.name}", pairs, problems)


def _above(ir: Path, vis: Path) -> Path:
    """The nearest folder that holds both."""
    others = set(vis.absolute().parents)
    return next((parent for parent in ir.absolute().parents if parent in others), ir.absolute().parent)
