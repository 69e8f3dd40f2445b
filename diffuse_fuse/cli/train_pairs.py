"""What ``dfuse train`` trains on: folders and tables of this machine, and copies of folders that are elsewhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diffuse_fuse.errors import UsageError
from diffuse_fuse.remote.urls import names_urls, url_of

if TYPE_CHECKING:
    from diffuse_fuse.training.pairs import PairSet


def find_pairs(
    data: Sequence[Path] | None, val: Sequence[Path] | None, ir: Path | None, vis: Path | None
) -> tuple[PairSet, PairSet]:
    """The pairs to train on and those to validate with. Raises UsageError, and DataError where there are none."""
    from diffuse_fuse.evaluation.given import given_dataset
    from diffuse_fuse.training.pairs import PairSet

    if bool(data) == (ir is not None or vis is not None):
        raise UsageError("Missing training pairs: give --data FOLDER, or --ir DIR and --vis DIR.")
    if data:
        pairs = PairSet.from_folders([_here(path) for path in data])
    else:
        pairs = PairSet.from_datasets([given_dataset(ir=ir and _here(ir), vis=vis and _here(vis))])
    return (pairs, PairSet.from_folders([_here(path) for path in val])) if val else pairs.split(every=12)


def require_here(option: str, path: Path, instead: str) -> None:
    """Raises UsageError where the value of ``option`` is an address; ``instead``: what to do, as a clause."""
    if url_of(path) is not None:
        raise UsageError(f"{option} is a folder of this machine and {url_of(path)} is an address: {instead}.")


def _here(path: Path) -> Path:
    """The path; of an address its copy in the cache folder, which is brought up to date. See ``remote.copy``."""
    if (url := url_of(path)) is None:
        if path.suffix.lower() == ".csv" and names_urls(path):
            raise UsageError(
                f"{path} names addresses: --data takes folders by address, and tables of files that are here."
            )
        return path
    from diffuse_fuse.evaluation.layouts import map_files
    from diffuse_fuse.images.names import is_picture_name
    from diffuse_fuse.onnx.graphs import cache_folder
    from diffuse_fuse.remote.copy import copied

    begin = int(os.environ.get("LOCAL_RANK", "0")) / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # as torchrun says
    return copied(url, cache_folder() / "data", lambda name: is_picture_name(name) or name in map_files(), begin)
