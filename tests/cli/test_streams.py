"""What is printed reaches every stream, whatever its encoding; and every command has the same exit codes."""

import json
import os
import subprocess

import pytest

from diffuse_fuse.cli import progress
from diffuse_fuse.cli.streams import plain
from diffuse_fuse.images.write import write_image

from .conftest import command


def run(folder, encoding, *arguments):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return subprocess.run([*command(), *map(str, arguments)], capture_output=True, cwd=folder, env=environment)


@pytest.fixture
def dataset(tmp_path, scene):
    for number in range(2):
        write_image(tmp_path / "ir" / f"{number}é.png", scene[0])
        write_image(tmp_path / "vi" / f"{number}é.png", scene[1])
    return tmp_path


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_every_command_prints_under_every_encoding(dataset, encoding):
    calls = (
        ["eval", ".", "--baselines", "--model", "tiny", "--metrics", "EN,Qabf,SSIM", "-o", "out", "--workers", "1"],
        ["metrics"],
        ["metrics", "VIF"],
        ["models"],
        ["info"],
        ["inspect", "ir/0é.png"],
        ["fuse", "ir", "vi", "-o", "fused", "--model", "tiny"],
        ["fuse", "ir", "nowhere→", "-o", "fused"],
        ["--help"],
    )
    for call in calls:
        found = run(dataset, encoding, *call)
        assert b"bug in dfuse" not in found.stderr and b"Traceback" not in found.stderr, (call, found.stderr)
        assert found.returncode == (2 if "nowhere→" in call else 0), (call, found.stderr)
    assert (dataset / "out" / "report.html").is_file()


def test_signs_have_stand_ins():
    assert plain("VIF↑ 640×480 ≥ 2 °C – é ─│ 漢") == "VIF^ 640x480 >= 2  deg C - e -| ?"


def test_a_table_is_on_the_disk_before_it_is_printed(dataset):
    """Whoever reads the table may leave before its end."""
    call = [*command(), "eval", ".", "--model", "tiny", "--metrics", "EN", "-o", "out", "--workers", "1", "-q"]
    reader = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=dataset)
    reader.stdout.close()
    reader.wait(120)
    assert json.loads((dataset / "out" / "summary.json").read_text())["methods"]


@pytest.mark.parametrize(
    "call, text",
    [
        (["fuse", "ir", "vi", "-o", "x", "--model", "fats"], "Did you mean 'fast'?"),
        (["video", "ir", "vi", "-o", "x/", "--model", "tinny"], "Did you mean 'tiny'?"),
        (["bench", "--model", "bass"], "Did you mean 'base'?"),
        (["export", "-o", "x.onnx", "--model", "fasst"], "Did you mean 'fast'?"),
        (["eval", ".", "--model", "bse"], "Did you mean 'base'?"),
        (["eval", ".", "--metrics", "Qabff"], "Did you mean 'Qabf'?"),
        (["eval", ".", "--convention", "tangg"], "Did you mean 'tang'?"),
        (["metrics", "VIIF"], "Did you mean"),
        (["fuse", "ir", "vi", "-o", "-"], "name a file"),
        (["video", "ir", "vi", "-o", "-"], "name a file"),
    ],
)
def test_a_wrong_name_is_wrong_usage_and_the_likely_one_is_said(dataset, call, text):
    found = run(dataset, "utf-8", *call)
    assert found.returncode == 2, found.stderr
    assert text in " ".join(found.stderr.decode().split())


def test_a_log_gets_a_line_now_and_then(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.progress_bar("fusing", 10, "pair") as advance:
        for _ in range(10):
            now[0] += 20
            advance()
    lines = [line for line in capsys.readouterr().err.splitlines() if "about" in line]
    assert lines[0] == "fusing: 2 of 10 pairs, about 3 min left" and len(lines) == 5


def test_shells_can_complete():
    words = {"_DFUSE_COMPLETE": "complete_bash", "COMP_WORDS": "dfuse fu", "COMP_CWORD": "1"}
    found = subprocess.run(command(), capture_output=True, text=True, env={**os.environ, **words})
    assert found.stdout.split() == ["fuse"]
