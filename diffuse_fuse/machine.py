"""What this machine still has to give: memory and cores, the limits of a container included."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process can take without swapping or being killed; None where the system does not say.

    The least of what Linux calls available and of what the memory limits of all its control groups leave.
    """
    left = [limit - used for limit, used in _memory_limits(root)]
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            left.append(int(line.split()[1]) * 1024)
    return max(0, min(left)) if left else None


def available_cores(root: Path = Path("/")) -> int:
    """Cores that this process may use, at least 1: the affinity mask, and the CPU quota of its control groups."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    quotas = []
    for folder in _control_groups("cpu", root):
        words = _words(folder / "cpu.max") or _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        if len(words) == 2 and words[0].isdigit():  # "max" and -1: no quota
            quotas.append(math.ceil(int(words[0]) / int(words[1])))
    return max(1, min([cores, *quotas]))


def peak_memory() -> int | None:
    """The largest resident memory of this process so far, in bytes; None on Windows."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss would do, but a process starts with that of the one that started it.
        high_water = [line.split() for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(high_water[0][1]) * 1024 if high_water else None
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _memory_limits(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use in bytes of every control group that has a limit; file cache that can be dropped is no use."""
    for folder in _control_groups("memory", root):
        limit = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        used = _words(folder / "memory.current") or _words(folder / "memory.usage_in_bytes")
        if limit and used and limit[0].isdigit():
            cache = dict(line.split() for line in _lines(folder / "memory.stat") if len(line.split()) == 2)
            droppable = int(cache.get("total_inactive_file", cache.get("inactive_file", 0)))
            yield int(limit[0]), int(used[0]) - droppable


def _control_groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of the control groups that this process is in, from its own up to the root; versions 1 and 2."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controller if controllers else "")
        below = Path(path.lstrip("/"))
        yield from (top / part for part in (below, *below.parents))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]
