"""Hidden files that belong to one process: how their names say to which, and whether it may still be at work.

Several machines may write into one folder on a network drive, and containers give the same numbers to their processes:
a process is named by its machine and its number.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import time
from pathlib import Path

PATTERN = re.compile(r"(?:([0-9a-f]{6})-)?(\d+)")

_ABANDONED = 24 * 3600.0  # seconds; after that a file of another machine counts as left behind


def mark() -> str:
    """This process: "3f9a2c-12345", the machine's part first."""
    return f"{_machine()}-{os.getpid()}"


def may_be_at_work(owner: str, file: Path) -> bool:
    """False when the process that ``owner`` (a ``mark``, or a bare number) names is no more.

    Of another machine that cannot be known: its process counts as ended once ``file`` is a day old.
    """
    match = PATTERN.fullmatch(owner)
    if match is None:
        return False
    if match[1] in (None, _machine()):
        return _runs(int(match[2]))
    try:
        return time.time() - file.stat().st_mtime < _ABANDONED
    except OSError:
        return False  # gone: cleared away by somebody else


@functools.cache
def _machine() -> str:
    try:
        numbers = os.readlink("/proc/self/ns/pid")  # containers have numbers of their own
    except OSError:
        numbers = ""
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return hashlib.sha256(f"{name} {numbers}".encode()).hexdigest()[:6]


def _runs(pid: int) -> bool:
    """True when there is such a process, or that cannot be found out."""
    if os.name == "nt":  # there os.kill would end it
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
