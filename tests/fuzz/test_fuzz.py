"""Damaged files give a picture or one sentence: in a process of their own, so that a crash is a failure too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def summary_of(cases: int, seed: int) -> dict:
    """Run the fuzz, show what it found, return its summary."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.fuzz", "--cases", str(cases), "--seed", str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.stdout, f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
    summary = json.loads(done.stdout)
    print(done.stdout)
    return summary


def check(summary: dict, cases: int) -> None:
    assert summary["failures"] == []
    assert summary["picture"] + summary["sentence"] == cases
    assert summary["picture"] > cases // 20  # some damages leave a file readable: it is not all refused at the door
    assert summary["peak_megabytes"] < 1000
    assert summary["slowest_seconds"] < 20


def test_5000_damaged_files():
    check(summary_of(5000, seed=1), 5000)


@pytest.mark.long
def test_100000_damaged_files():
    check(summary_of(100_000, seed=2), 100_000)
