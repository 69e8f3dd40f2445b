"""The command line: one module a command, each parse → call → print.

Nothing heavy is imported before a command runs, so ``dfuse --help`` is instant.
"""

from __future__ import annotations


def main() -> int:
    """The entry point of ``dfuse``: runs the command line, returns the exit code or ends the process with it."""
    from diffuse_fuse import descriptors

    descriptors.stand_in()
    descriptors.set_error_apart()
    from diffuse_fuse.cli import commands
    from diffuse_fuse.cli.leave import leave

    return leave(commands.main())


__all__ = ["main"]
