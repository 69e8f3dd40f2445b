"""The command line: one module a command, each parse → call → print.

Nothing heavy is imported before a command runs, so ``dfuse --help`` is instant.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # see the package
if TYPE_CHECKING:
    import signal
    from types import FrameType
else:
    import _signal as signal  # the built-in part: the rest is 10 ms in which Ctrl-C would be a traceback


def main() -> int:
    """The entry point of ``dfuse``: runs the command line, returns the exit code or ends the process with it.

    Ctrl-C ends it with 130 and without a traceback from here on, also in the middle of an import.
    """
    early = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # ignored in the background of a script
    if early:
        signal.signal(signal.SIGINT, _leave_at_once)
    from diffuse_fuse import descriptors

    descriptors.stand_in()
    descriptors.set_error_apart()
    from diffuse_fuse.cli import commands
    from diffuse_fuse.cli.leave import leave

    try:
        if early:
            signal.signal(signal.SIGINT, _interrupt)
        code = commands.main()
    except KeyboardInterrupt:
        code = 130
    if early:  # what follows is only the end of the process
        signal.signal(signal.SIGINT, _leave_at_once)
    return leave(code)


def _leave_at_once(number: int, frame: FrameType | None) -> None:
    """130; or 1 where it is OpenBLAS that interrupts, as it does when NumPy is imported and no thread can start."""
    import _thread

    from diffuse_fuse import descriptors, shortage

    try:
        _thread.start_new_thread(int, ())
    except RuntimeError as error:
        os.write(descriptors.error_descriptor(), f"Error: {shortage.sentence(error)}\n".encode())
        os._exit(1)
    os._exit(130)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """KeyboardInterrupt; but within an import, where C++ of PyTorch would abort for it, the process ends."""
    at = frame
    while at is not None:
        if at.f_code.co_filename == "<frozen importlib._bootstrap>":
            _leave_at_once(number, frame)
        at = at.f_back
    raise KeyboardInterrupt


__all__ = ["main"]
