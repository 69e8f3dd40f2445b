"""A video whose sources or output are elsewhere.

A video file or a stack comes as a whole before it is read, the frames of a folder when their turn is. A video goes when
it is whole, the frames of a folder one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diffuse_fuse.images.decode import ReadBytes, read_bytes
from diffuse_fuse.remote.urls import url_of
from diffuse_fuse.video.sink import nothing

if TYPE_CHECKING:
    from diffuse_fuse.remote.stage import Stage


def _here() -> None:
    """Nothing has to come."""


@dataclass(frozen=True)
class Ends:
    """Sources and output as paths of this machine. read_file: see ``Pairing``. sent: see ``VideoOptions``.

    bring: brings the sources that are files, before they are opened; raises ImageReadError.
    """

    ir: Path
    vis: Path | None
    out: Path
    read_file: ReadBytes = read_bytes
    sent: Callable[[Path], None] = nothing
    bring: Callable[[], None] = _here


@contextmanager
def ends(ir: Path, vis: Path | None, out: Path, as_folder: bool) -> Iterator[Ends]:
    """Paths for paths or addresses; what is there already has a place, empty. What was brought goes with the block.

    Raises UsageError for what is not there, DataError for what cannot be looked at.
    """
    if not any(map(url_of, (ir, vis, out))):
        yield Ends(ir, vis, out)
        return
    from diffuse_fuse.remote.stage import Stage

    stage = Stage()
    first, second = (stage.source(path, recursive=vis is None) for path in (ir, vis))
    assert first is not None

    def sent(path: Path) -> None:
        stage.push(path)
        if stage.url(path):
            path.unlink()

    with ExitStack() as held:

        def bring() -> None:
            for path in dict.fromkeys(path for path in (first, second) if path and not path.is_dir()):
                stage.fetch(path, large=True)
                held.callback(stage.release, path)

        yield Ends(first, second, _place(stage, out, as_folder), stage.read, sent, bring)


def _place(stage: Stage, out: Path, as_folder: bool) -> Path:
    place = stage.output(out, as_folder)
    assert place is not None
    if (url := url_of(out)) is not None:
        store = stage.store(url)
        kind = store.kind(url)
        if kind == "file":
            place.touch()
        elif kind == "folder" and as_folder:
            for name in store.listed(url):
                (place / name).touch()
    return place
