"""An evaluation whose files are elsewhere: a data set, results of other methods and the output folder by address.

Files of the data set and of results come when they are looked at and when they are scored, by ``Dataset.read_file``;
the output folder is mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from diffuse_fuse.evaluation.given import given_dataset
from diffuse_fuse.evaluation.layouts import Dataset, map_files
from diffuse_fuse.files import require_other_folder
from diffuse_fuse.images.pairing import NO_RULES, Rules
from diffuse_fuse.remote.urls import names_urls, url_of

if TYPE_CHECKING:
    from diffuse_fuse.remote.mirror import Mirror
    from diffuse_fuse.remote.stage import Stage


@dataclass(frozen=True)
class Named:
    """What a call names, as paths or addresses: see ``given_dataset``. fused: NAME=DIR[:PATTERN] each."""

    dataset: Path | None = None
    ir: Path | None = None
    vis: Path | None = None
    manifest: Path | None = None
    fused: tuple[str, ...] = ()
    out: Path | None = None


@dataclass(frozen=True)
class Found:
    """The data set; ``fused`` and ``out`` as paths of this machine; mirror: of an output folder that is elsewhere."""

    dataset: Dataset
    fused: tuple[str, ...]
    out: Path | None
    mirror: Mirror | None = None


def find(named: Named, rules: Rules = NO_RULES) -> Found:
    """Looks at what a call names. Raises what ``given_dataset`` raises, UsageError for what is not there or for an
    output among the inputs, DataError for an address that cannot be looked at."""
    sources = (named.dataset, named.ir, named.vis, named.manifest)
    addresses = [*map(url_of, sources), *(_address(text) for text in named.fused)]
    inputs = (named.dataset, named.ir, named.vis)
    if any(addresses) or (named.manifest is not None and names_urls(named.manifest)):
        found = _staged(named, rules)
    else:
        found = Found(given_dataset(*inputs, named.manifest, rules), named.fused, named.out)
    if (url := url_of(named.out)) is None:
        return found
    from diffuse_fuse.remote.mirror import Mirror

    mirror = Mirror(url)
    return replace(found, out=mirror.folder, mirror=mirror)


def _staged(named: Named, rules: Rules) -> Found:
    from diffuse_fuse.remote.stage import Stage

    stage = Stage()
    dataset, ir, vis = (stage.source(path, True, map_files()) for path in (named.dataset, named.ir, named.vis))
    found = given_dataset(dataset, ir, vis, stage.manifest(named.manifest), rules)
    here = named.manifest is not None and url_of(named.manifest) is None
    found = replace(found, root=named.manifest.parent if here and named.manifest else found.root, read_file=stage.read)
    fused = tuple(_placed(text, stage) for text in named.fused)
    if (url := url_of(named.out)) is not None:
        parents = {path.parent for pair in found.pairs for path in (pair.ir, pair.vis)}
        require_other_folder(stage.place(url), parents, found.root)
    return Found(found, fused, named.out)


def _placed(fused: str, stage: Stage) -> str:
    """NAME=ADDRESS[:PATTERN] with the address's place; a path as it is."""
    if (url := _address(fused)) is None:
        return fused
    name, _, given = fused.partition("=")
    pattern = given.rpartition(":")[2] if url_of(given) != url else None
    return f"{name}={stage.source(Path(url), True)}" + (f":{pattern}" if pattern else "")


def _address(fused: str) -> str | None:
    """The address in NAME=ADDRESS[:PATTERN]; None for a path."""
    given = fused.partition("=")[2]
    folder, _, pattern = given.rpartition(":")
    return url_of(folder) if "*" in pattern and url_of(folder) else url_of(given)
