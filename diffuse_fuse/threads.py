"""How many threads the system lets this process start, and what becomes of libraries where these are few.

OpenBLAS, OpenCV and OpenMP's runtime start a thread a core each when they are loaded or first used. Where the system
lets them start none (``ulimit -u``, the limit of a container), each prints lines of its own, and some end the process.
"""

from __future__ import annotations

import _thread
import os
import time

from diffuse_fuse import shortage
from diffuse_fuse.errors import DfuseError
from diffuse_fuse.machine import available_cores

TYPE_CHECKING = False  # see the package
if TYPE_CHECKING:
    from collections.abc import MutableMapping

# what the libraries read when they are loaded, and the least there is
ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
_LIBRARIES, _OWN = 3, 4  # that have a thread a core; threads of dfuse itself besides one a core
_MOST = 64  # that are tried, in a few milliseconds
_STACK = 1 << 18  # bytes; a limit of memory is no limit of threads


def can_start(most: int) -> int:
    """How many threads more the system lets this process start now, counted up to ``most``: they are, and end."""
    gate = _thread.allocate_lock()
    before, started, stack = _thread._count(), 0, _thread.stack_size(_STACK)
    try:
        with gate:
            while started < most:
                _thread.start_new_thread(_pass, (gate,))
                started += 1
    except RuntimeError:  # "can't start new thread"
        pass
    finally:
        _thread.stack_size(stack)
    end = time.monotonic() + 1
    while _thread._count() > before and time.monotonic() < end:  # a thread that still ends counts for the limit
        time.sleep(0)
    return started


def bound(environment: MutableMapping[str, str] = os.environ) -> None:
    """Tells libraries that are loaded later to start no threads, where not all of theirs can be started."""
    cores = available_cores()
    wanted = min(_LIBRARIES * (cores - 1) + cores + _OWN, _MOST)
    if can_start(wanted) < wanted:
        environment.update(ALONE)


def require(count: int) -> None:
    """Raise DfuseError where ``count`` threads and those of dfuse itself cannot be started: for what would end the
    process then, or wait for ever."""
    if can_start(count + _OWN) < count + _OWN:
        raise DfuseError(shortage.NO_THREADS)


def _pass(gate: _thread.LockType) -> None:
    with gate:
        pass
