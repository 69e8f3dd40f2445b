"""Damaged files give something sound or one sentence, within a gigabyte and ten seconds; no process dies of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.fuzz import Found, go_through
from tests.fuzz.others import other_seeds
from tests.fuzz.seeds import seeds
from tests.fuzz.structure import layout

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits of memory and time are Linux's")

TIFF = b"II*\0\x08\0\0\0\x02\0" + bytes(range(24)) + bytes(8)


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
    assert summary["read"] + summary["refused"] == cases
    assert summary["read"] > cases // 10  # some damages leave a file readable: it is not all refused at the door
    assert summary["peak_megabytes"] <= 1024
    assert summary["slowest_seconds"] <= 10


def test_3000_damaged_files():
    check(summary_of(3000, seed=1), 3000)


def found_with(script: str, tmp_path: Path, end: int) -> Found:
    """What is found in the cases up to ``end`` when the worker does what ``script`` says."""
    for kind in ("small", "large"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "rig.json").write_text("[1, 2]")
    found = Found()
    go_through((sys.executable, "-c", script), tmp_path, 1, 0, 1, end, found)
    return found


def test_a_case_that_takes_too_much_is_a_failure(tmp_path):
    script = """
import sys
from pathlib import Path
from tests.fuzz import worker

def read(path, *_):
    read.calls += 1
    if read.first == 0 and read.calls == 2:
        bytearray(2 << 30)
    if read.first == 0 and read.calls == 4:
        while True:
            pass
    if read.calls == 7:
        worker.os.abort()
    return "read"

worker.read, worker.SECONDS, read.calls, read.first = read, 1, 0, int(sys.argv[3])
worker.main(Path(sys.argv[1]), *map(int, sys.argv[2:6]))
"""
    found = found_with(script, tmp_path, 12)
    assert found.outcomes == {"read": 9, "failed": 1, "died": 2}
    memory, time, crash = sorted(found.failures, key=lambda text: text.startswith("case"))
    assert "rig.json, case 1: MemoryError" in memory
    assert "case 3: the process ended with SIGXCPU" in time and "in read" in time
    assert "case 10: the process ended with SIGABRT" in crash


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path):
    what = {"cases": 4, "seed": 1}
    killed = Found.so_far(tmp_path / "journal", what)
    killed.take(0, "a.png", "read", 0.5, 9, "")
    killed.died(1, -6, "said")
    with (tmp_path / "journal").open("a") as file:
        file.write('{"number": 2, "na')
    for _ in range(2):
        again = Found.so_far(tmp_path / "journal", what)
        assert again.next(range(4)) == 2 and again.outcomes == {"read": 1, "died": 1}
        assert again.failures == killed.failures and again.peak == killed.peak
    again.take(2, "a.png", "read", 0.5, 9, "")
    assert Found.so_far(tmp_path / "journal", what).next(range(4)) == 3
    with pytest.raises(SystemExit, match="of other cases"):
        Found.so_far(tmp_path / "journal", {"cases": 5, "seed": 1})


def test_it_gives_up_on_a_worker_that_cannot_begin(tmp_path):
    found = found_with("import no_such_module", tmp_path, 3000)
    assert found.outcomes == {"died": 5} and "No module named" in found.failures[0]


def test_the_cases_of_a_seed_are_always_the_same(tmp_path):
    from tests.fuzz.worker import case

    files = []
    for name, data in (("rgb.png", b"\x89PNG\r\n\x1a\n" + bytes(90)), ("rig.json", b'{"a": [1, 2]}'), ("x.tif", TIFF)):
        files.append(tmp_path / name)
        files[-1].write_bytes(data)
    first, second = ([case(number, seed=3, small=files, large=files)[:2] for number in range(200)] for _ in range(2))
    assert first == second and len({data for _, data in first}) > 150


def test_the_structure_of_every_kind_is_known():
    read = {name.rpartition(".")[2]: layout(data) for name, data in {**seeds(with_real=False), **other_seeds()}.items()}
    for suffix in ("png", "jpg", "tif", "webp", "jp2", "bmp", "npy", "mp4", "avi"):
        assert len(read[suffix].numbers) >= 3 and (read[suffix].pieces or suffix == "bmp"), suffix


@pytest.mark.long
def test_100000_damaged_files():
    check(summary_of(100_000, seed=2), 100_000)
