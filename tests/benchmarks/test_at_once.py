"""Several runs in one folder, one of them killed, against one run alone."""

import sys
from types import SimpleNamespace

import at_once
import kill
import pytest
from typer.testing import CliRunner

from diffuse_fuse.batch import plan_manifest

WRITES = """
import sys, time
from pathlib import Path
out = Path(sys.argv[1])
out.mkdir(exist_ok=True)
(out / "metrics.csv").write_text("picture,EN\\na.png,1\\nb.png,2\\n")
for name in sys.argv[2:]:
    (out / name).touch()
time.sleep(60 if len(sys.argv) > 2 else 0)
"""


def test_every_pair_is_in_one_part(tmp_path):
    plans = [plan_manifest(path, tmp_path / "out") for path in at_once.manifests(tmp_path, 10, 3)]
    assert [len(plan.jobs) for plan in plans] == [4, 3, 3] and not any(plan.failed for plan in plans)
    assert len({job.out for plan in plans for job in plan.jobs}) == 10


def test_one_is_killed_and_the_rows_are_counted(tmp_path):
    run = [sys.executable, "-c", WRITES, str(tmp_path / "out")]
    first = SimpleNamespace(choice=lambda given: given[0], randrange=lambda *_: 1)
    assert at_once.together([[*run, "a.png"], run], tmp_path / "out", 10, first) == 2
    with pytest.raises(RuntimeError, match="ended with 3"):
        at_once.together([run, [sys.executable, "-c", "raise SystemExit(3)"]], tmp_path / "out", 10, first)
    assert kill.pictures(tmp_path / "out") == 1


@pytest.mark.long
def test_the_command_itself():
    app = kill.typer.Typer()
    app.command()(at_once.main)
    done = CliRunner().invoke(app, ["--pairs", "60", "--rounds", "2"])
    assert done.exit_code == 0, done.output
    assert done.output.count("different or left over: 0") == 2
