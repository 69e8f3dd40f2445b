"""Memory and cores: the least of the machine's and the container's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from diffuse_fuse.machine import available_cores, available_memory


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = "MemTotal: 9000000 kB\nMemAvailable: 4000000 kB\n"


def test_memory_without_limits_is_what_the_system_calls_available(tmp_path):
    root = system(tmp_path, {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/\n"})
    assert available_memory(root) == 4_000_000 * 1024


def test_version_2_limits_of_any_group_above_count(tmp_path):
    group = "sys/fs/cgroup/pod"
    files = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "0::/pod/box\n",
        f"{group}/memory.max": "1000000000\n",
        f"{group}/memory.current": "700000000\n",
        f"{group}/memory.stat": "anon 5\ninactive_file 100000000\n",
        f"{group}/box/memory.max": "max\n",
        f"{group}/box/memory.current": "1\n",
        f"{group}/cpu.max": "max 100000\n",
        f"{group}/box/cpu.max": "100 100000\n",
    }
    root = system(tmp_path, files)
    assert available_memory(root) == 400_000_000
    assert available_cores(root) == 1


def test_version_1_limits_count(tmp_path):
    files = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "4:memory:/a\n3:cpu,cpuacct:/a\n0::/\n",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "500\n",
        "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "600\n",
        "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
    }
    root = system(tmp_path, files)
    assert available_memory(root) == 0
    unlimited = available_cores(root)
    (root / "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us").write_text("50000\n")
    assert available_cores(root) == 1 <= unlimited


def test_a_system_that_says_nothing_is_no_limit(tmp_path):
    assert available_memory(tmp_path) is None
    assert 1 <= available_cores(tmp_path) <= (os.cpu_count() or 1)


PEAK = """
from diffuse_fuse.machine import peak_memory
before = peak_memory()
block = bytearray(before + 50_000_000)
block[::1024] = b"x" * len(block[::1024])
print(before, peak_memory())
"""


@pytest.mark.skipif(os.name == "nt", reason="not known there")
def test_peak_memory_is_that_of_a_process():
    """Of one of its own: that of this one may lie behind it."""
    run = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    before, after = map(int, run.stdout.split())
    assert before > 5_000_000 and after > before + 40_000_000
