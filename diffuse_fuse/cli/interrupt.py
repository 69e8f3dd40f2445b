"""Ctrl-C that lets what is under way be finished, and a second one that does not."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from diffuse_fuse.descriptors import error_descriptor

_SHOW_CURSOR = b"\x1b[?25h\n"  # a progress bar hides it
_SAID = b"\nStopping: what is under way is finished first. Ctrl-C again leaves at once.\n"


@contextmanager
def gentle_interrupt(quiet: bool = False, at_once: bool = False) -> Iterator[Callable[[], bool]]:
    """Within it the first Ctrl-C is only noted: what is yielded tells whether there was one.

    The second is a KeyboardInterrupt; with ``at_once`` it ends the process there and then, also after what is within:
    where threads are still in libraries, an interpreter that takes its leave in order may crash. Where Ctrl-C is
    ignored, as in the background of a script, it stays so.
    """
    asked, error = False, error_descriptor()

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked and at_once:
            if os.isatty(error):
                os.write(error, _SHOW_CURSOR)
            os._exit(130)
        if asked:
            raise KeyboardInterrupt
        asked = True
        if not quiet:
            os.write(error, _SAID)  # not through sys.stderr, which may be in the middle of a line

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    finally:
        if not (asked and at_once):
            signal.signal(signal.SIGINT, before)
