"""Several runs at once in one output folder, as real processes: no picture ends without its row in metrics.csv."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse.images.write import write_image

from .conftest import contents

PAIRS = 36
# The command, with what takes long to import done before: the runs begin at the same moment, on the slowest machine.
RUN = """
import sys, time
from pathlib import Path
import diffuse_fuse.batch, diffuse_fuse.fusion.fuser, diffuse_fuse.metrics
from diffuse_fuse.cli import main

gate = Path(sys.argv.pop(1))
Path(f"{gate}.{sys.argv.pop(1)}").touch()
while not gate.exists():
    time.sleep(0.001)
sys.exit(main())
"""

pytestmark = pytest.mark.slow


class Runs:
    """Starts runs of ``dfuse fuse`` that wait for each other."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model, self.round = folder, model, 0

    def start(self, *calls: list[object]) -> list[subprocess.Popen]:
        self.round += 1
        gate = self.folder / f"gate{self.round}"
        more = ["--model", self.model, "--threads", "1", "--workers", "2", "--quiet"]
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", RUN, *map(str, [gate, number, "fuse", *call, *more])],
                cwd=self.folder,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=subprocess.DEVNULL,
            )
            for number, call in enumerate(calls)
        ]
        wait_until(lambda: len(list(self.folder.glob(f"{gate.name}.*"))) == len(calls))
        gate.touch()
        return processes

    def all(self, *calls: list[object]) -> None:
        assert [process.wait(120) for process in self.start(*calls)] == [0] * len(calls)


def wait_until(true, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, tiny_model):
    folder = tmp_path_factory.mktemp("at_once")
    rng = np.random.default_rng(0)
    lines = ["ir,vis,out"]
    for number in range(PAIRS):
        noise = rng.integers(0, 256, (24, 32, 4), dtype=np.uint8)
        for part in ("", f".{number % 2}"):  # all in one folder, and each half in a folder of its own
            write_image(folder / f"ir{part}" / f"{number:02}.png", noise[..., 3])
            write_image(folder / f"vi{part}" / f"{number:02}.png", noise[..., :3])
        lines.append(f"ir/{number:02}.png,vi/{number:02}.png,{number:02}.png")
    for half in (0, 1):
        (folder / f"half{half}.csv").write_text("\n".join([lines[0], *lines[1 + half :: 2]]))
    found = Runs(folder, tiny_model)
    found.all(["ir", "vi", "-o", "calm"])
    assert len((folder / "calm" / "metrics.csv").read_text().splitlines()) == PAIRS + 1
    return found


@pytest.mark.parametrize(
    "calls",
    [
        [["ir", "vi"]] * 2,
        [["ir", "vi"]] * 3,
        [["--manifest", "half0.csv"], ["--manifest", "half1.csv"]],
        [["ir.0", "vi.0"], ["ir.1", "vi.1"]],
        [["ir", "vi", "--shard", part] for part in ("1/2", "2/2", "2/2")],
    ],
    ids=["the same twice", "the same thrice", "halves by manifest", "halves by folder", "parts, one of them twice"],
)
def test_runs_at_once_give_what_one_gives(runs, calls, tmp_path):
    runs.all(*[[*call, "-o", tmp_path] for call in calls])
    assert contents(tmp_path) == contents(runs.folder / "calm")


def test_one_of_three_is_killed_and_its_part_done_again(runs, tmp_path):
    out = tmp_path / "out"
    halves = ["--manifest", "half0.csv"], ["ir.1", "vi.1"], ["--manifest", "half0.csv"]
    calls = [[*half, "-o", out] for half in halves]
    doomed, *others = runs.start(*calls)
    wait_until(lambda: out.is_dir() and len(list(out.glob("*.png"))) >= 6)
    doomed.kill()
    assert [process.wait(120) for process in (doomed, *others)][1:] == [0, 0]
    there = {name: data for name, data in contents(out).items() if not name.startswith(".")}  # what it had in hand
    assert there == contents(runs.folder / "calm")
    for path in (*out.glob("0*.png"), out / "metrics.csv"):
        path.unlink()
    doomed, other = runs.start(*calls[:2])
    wait_until(lambda: len(list(out.glob("0*.png"))) >= 2)
    doomed.kill()
    doomed.wait(120)
    other.wait(120)
    runs.all(["ir", "vi", "-o", out])
    assert contents(out) == contents(runs.folder / "calm")
