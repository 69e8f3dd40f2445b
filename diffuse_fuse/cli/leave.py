"""The end of the process once all is done."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading


def leave(code: int) -> int:
    """Ends the process with ``code`` where PyTorch has been imported; otherwise gives it back.

    The interpreter would take PyTorch apart object by object before it ends: half a second of the processor for
    nothing. What is registered for the end of the process is done all the same, threads that must be waited for are.
    """
    if "torch" not in sys.modules:
        return code
    # what the interpreter does first, too, and in this order
    threading._shutdown()  # type: ignore[attr-defined]  # private, so typeshed leaves it out
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed by whoever read it
            stream.flush()
    os._exit(code)
