"""How the words of a call are read where Typer alone would refuse them: patterns, options whose words vary."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from diffuse_fuse.errors import UsageError

RAY, RANGE, CAMERA = "--ray", "--thermal-range", "camera"
_ADDRESSES = ("auto", "local")


class TwoPaths(TyperCommand):
    """A command that names the folders to give where there are more paths than it takes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As Typer does it, but for the message about paths too many. Raises UsageError."""
        given = list(args)
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if not ctx.args or ctx.resilient_parsing:
            return rest
        from diffuse_fuse.images.names import shown

        files = [text for text in given if os.path.isfile(text)]
        folders = list(dict.fromkeys(os.path.dirname(path) or "." for path in files))
        if len(files) > 2 and 1 <= len(folders) <= 2:
            raise UsageError(
                f"Got {len(files)} files, probably from a shell pattern such as *.png: give the "
                f"{'two folders' if len(folders) == 2 else 'folder'} instead: dfuse {ctx.info_name} "
                f"{' '.join(map(shown, folders))} (--ir-pattern and --vis-pattern choose files)."
            )
        raise UsageError(f"Unexpected argument: {shown(ctx.args[0])}. See dfuse {ctx.info_name} -h.")


class RayCommand(TwoPaths):
    """A command with ``OnRay``. Options have a fixed number of words: the address is put in where it lacks."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _with_address(args))


class RangeCommand(RayCommand):
    """A command with ``GivenRange``. Options have a fixed number of words: ``camera`` is read as two."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _of_two_words(args))


def _with_address(args: Sequence[str]) -> list[str]:
    end = args.index("--") if "--" in args else len(args)
    words: list[str] = []
    for word in args[:end]:
        if words[-1:] == [RAY] and not (word in _ADDRESSES or (":" in word and not word.startswith("-"))):
            words.append(_ADDRESSES[0])
        words.append(word)
    if words[-1:] == [RAY]:
        words.append(_ADDRESSES[0])
    return words + list(args[end:])


def _of_two_words(args: Sequence[str]) -> list[str]:
    end = args.index("--") if "--" in args else len(args)
    words: list[str] = []
    for word in args[:end]:
        words += [RANGE, CAMERA] if word.lower() == f"{RANGE}={CAMERA}" else [word]
        if words[-2:-1] == [RANGE] and words[-1].lower() == CAMERA:
            words.append(CAMERA)
    return words + list(args[end:])
