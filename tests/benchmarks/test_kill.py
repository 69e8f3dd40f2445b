"""A run that is killed and resumed gives the bytes of an undisturbed one."""

import sys

import kill
import pytest
from typer.testing import CliRunner

# A run as dfuse fuse makes it, with a network that takes two milliseconds: it starts without PyTorch.
# With a limit above 0 it fuses that many pictures, and then waits until it is killed.
RUN = """
import sys, time
from pathlib import Path
from diffuse_fuse import batch

folder, limit, out = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])

class Mean:
    done = 0

    def fuse(self, ir, vis):
        self.done += 1
        while limit and self.done > limit:
            time.sleep(1)
        time.sleep(0.002)
        return vis // 2 + ir[..., None] // 2

plan = batch.plan_folders(folder / "ir", folder / "vi", out)
recipe = batch.Recipe(model="mean", weights="0" * 64)
results = batch.run_folder(plan, Mean(), out, recipe=recipe)
sys.exit(any(result.status == "failed" for result in results))
"""


@pytest.fixture
def command(tmp_path):
    kill.make_pairs(tmp_path, 40, 24)
    return [sys.executable, "-c", RUN, str(tmp_path), "0"]


def test_forty_pairs_killed_three_times(command, tmp_path):
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    usual = kill.undisturbed([*command, str(calm)], calm)
    done = kill.killed([*command, str(rough)], rough, 40, 3, usual, seed=1, doomed=[*command[:-1], "8", str(rough)])
    assert len(done.pictures) == 3 and 0 < max(done.pictures) <= 24
    assert kill.differences(calm, rough) == []
    assert len(list(calm.iterdir())) == 41


def test_differences_are_found(command, tmp_path):
    for name in ("one", "other"):
        kill.undisturbed([*command, str(tmp_path / name)], tmp_path / name)
    (tmp_path / "one" / "00003.png").write_bytes(b"")
    (tmp_path / "other" / ".00004.png.1.tmp").write_bytes(b"")
    assert kill.differences(tmp_path / "one", tmp_path / "other") == [".00004.png.1.tmp", "00003.png"]


def test_a_run_that_fails_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="ended with"):
        kill.undisturbed([sys.executable, "-c", RUN, str(tmp_path / "nothing"), "0", str(tmp_path)], tmp_path)


@pytest.mark.long
def test_the_command_itself():
    app = kill.typer.Typer()
    app.command()(kill.main)
    done = CliRunner().invoke(app, ["--pairs", "300", "--kills", "5"])
    assert done.exit_code == 0, done.output
    assert "different or left over: 0" in done.output
