"""Commands that take two paths, called with a shell pattern such as ir/*.png, which the shell makes many paths of."""

from __future__ import annotations

import os
from typing import Any

from typer.core import TyperCommand

from diffuse_fuse.errors import UsageError


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
                f"{len(files)} files are given, as a shell makes them of a pattern such as *.png: give the "
                f"{'two folders' if len(folders) == 2 else 'folder'} instead: dfuse {ctx.info_name} "
                f"{' '.join(map(shown, folders))} (--ir-pattern and --vis-pattern choose files)."
            )
        raise UsageError(f"There is an argument too many: {shown(ctx.args[0])}. dfuse {ctx.info_name} -h tells more.")
