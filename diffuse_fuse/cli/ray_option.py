"""``--ray [ADDRESS]``: an option whose word may be left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli.globs import TwoPaths
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse.cluster import Cluster

_OPTION = "--ray"
_WORDS = ("auto", "local")

OnRay = Annotated[
    str | None,
    typer.Option(
        _OPTION,
        metavar="[ADDRESS]",
        help="Spread the work over a Ray cluster: host:port or ray://host:port, local, or auto (unless given): the one "
        "that this machine belongs to.",
    ),
]
RayGpus = Annotated[
    float | None,
    typer.Option("--ray-gpus", min=0.0, metavar="N", help="GPUs of each worker, such as 1 or 0.25; none unless given."),
]


class RayCommand(TwoPaths):
    """A command with ``OnRay``. Options have a fixed number of words: the address is put in where it lacks."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _with_address(args))


def parse_cluster(address: str | None, gpus: float | None, threads: int | None) -> Cluster | None:
    """The cluster of --ray and its options; None where it is not given. Raises UsageError."""
    if address is None:
        if gpus is not None:
            raise UsageError("--ray-gpus says what a worker of --ray needs: add --ray.")
        return None
    from diffuse_fuse.cluster import Cluster

    return Cluster(address, threads or 1, gpus or 0.0)


def _with_address(args: Sequence[str]) -> list[str]:
    end = args.index("--") if "--" in args else len(args)
    words: list[str] = []
    for word in args[:end]:
        if words[-1:] == [_OPTION] and not (word in _WORDS or (":" in word and not word.startswith("-"))):
            words.append(_WORDS[0])
        words.append(word)
    if words[-1:] == [_OPTION]:
        words.append(_WORDS[0])
    return words + list(args[end:])
