"""``dfuse fuse`` through the installed command."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest

from diffuse_fuse import __version__, metrics
from diffuse_fuse.images.arrays import is_grey
from diffuse_fuse.images.read import read_image, read_visible
from diffuse_fuse.images.write import write_image

from .conftest import command

KEYS = ["ir", "vis", "out", "status", "seconds", "metrics", "error"]


def test_one_pair(dfuse, pair, tiny_model, tmp_path):
    done = dfuse("fuse", *pair, "-o", "out.png", "--model", tiny_model)
    assert done.returncode == 0, done.stderr
    assert read_image(tmp_path / "out.png").shape == (37, 45, 3)
    table = [line.split() for line in done.stdout.splitlines()]
    assert table[0] == ["metric", "value", "better"]
    assert [row[0] for row in table[1:]] == list(metrics.FUSE)
    assert {row[2] for row in table[1:]} <= {"higher", "lower"}
    assert "out.png" in done.stderr


def test_one_pair_as_json(dfuse, pair, tiny_model):
    done = dfuse("fuse", *pair, "-o", "out.jpg", "--model", tiny_model, "--json")
    assert done.returncode == 0, done.stderr
    whole = json.loads(done.stdout)
    assert list(whole) == ["results", "ok", "skipped", "failed", "model", "version"]
    assert (whole["ok"], whole["skipped"], whole["failed"]) == (1, 0, 0)
    assert whole["version"] == __version__ and "tiny" in whole["model"]
    (result,) = whole["results"]
    assert list(result) == KEYS
    assert (result["ir"], result["vis"], result["out"]) == (*pair, "out.jpg")
    assert result["status"] == "ok" and result["seconds"] > 0 and result["error"] is None
    assert list(result["metrics"]) == list(metrics.FUSE)


def test_the_same_pair_gives_the_same_bytes(dfuse, pair, tiny_model, tmp_path):
    for name in ("a.png", "b.png"):
        assert dfuse("fuse", *pair, "-o", name, "--model", tiny_model, "--no-metrics").stdout == ""
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_an_existing_output_is_refused_and_replaced_on_request(dfuse, pair, tiny_model, tmp_path):
    (tmp_path / "out.png").write_bytes(b"precious")
    arguments = ("fuse", *pair, "-o", "out.png", "--model", tiny_model, "--json", "--quiet")
    done = dfuse(*arguments)
    whole = json.loads(done.stdout)
    assert done.returncode == 1 and whole["failed"] == 1 and "--overwrite" in whole["results"][0]["error"]
    assert "--overwrite" in done.stderr and done.stderr.count("\n") == 1
    assert (tmp_path / "out.png").read_bytes() == b"precious"
    done = dfuse(*arguments, "--overwrite")
    assert done.returncode == 0 and done.stderr == "" and read_visible(tmp_path / "out.png").shape == (37, 45, 3)


def test_a_swapped_pair_is_warned_about(dfuse, pair, tiny_model):
    done = dfuse("fuse", *reversed(pair), "-o", "out.png", "--model", tiny_model, "--no-metrics")
    assert done.returncode == 0 and "swapped" in done.stderr
    done = dfuse("fuse", *pair, "-o", "other.png", "--model", tiny_model, "--no-metrics")
    assert "swapped" not in done.stderr


def test_16_bit_infrared_grey_visible_odd_names(dfuse, scene, tiny_model, tmp_path):
    import cv2

    (tmp_path / "тепло 1.tiff").write_bytes(cv2.imencode(".tiff", scene[0].astype(np.uint16) + 7300)[1].tobytes())
    write_image(tmp_path / "видно é.png", scene[0])
    done = dfuse("fuse", "тепло 1.tiff", "видно é.png", "-o", "вместе.bmp", "--model", tiny_model, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    fused = read_image(tmp_path / "вместе.bmp")
    assert is_grey(fused) and fused.max() > 60


@pytest.mark.parametrize("content", [b"", b"a text", b"\x89PNG\r\n\x1a\n\0\0"])
def test_a_file_that_is_no_picture_gets_one_sentence(dfuse, pair, tiny_model, tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    done = dfuse("fuse", "bad.png", pair[1], "-o", "out.png", "--model", tiny_model)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Error: bad.png ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_pictures_of_other_sizes(dfuse, pair, scene, tiny_model, tmp_path):
    write_image(tmp_path / "small.png", scene[0][:20])
    done = dfuse("fuse", "small.png", pair[1], "-o", "out.png", "--model", tiny_model)
    assert done.returncode == 1 and "45×20" in done.stderr and "45×37" in done.stderr
    write_image(tmp_path / "double.png", np.kron(scene[0], np.ones((2, 2), np.uint8)))
    done = dfuse("fuse", "double.png", pair[1], "-o", "out.png", "--model", tiny_model)
    assert done.returncode == 0 and "90×74" in done.stderr and "resized" in done.stderr
    assert read_visible(tmp_path / "out.png").shape == (37, 45, 3)


def test_a_folder_with_a_bad_pair(dfuse, folders, tiny_model, tmp_path):
    done = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model, "--json")
    assert done.returncode == 1
    whole = json.loads(done.stdout)
    assert (whole["ok"], whole["skipped"], whole["failed"]) == (3, 0, 1)
    assert all(list(result) == KEYS for result in whole["results"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png", "metrics.csv"]
    assert "1 infrared picture has no visible partner" in done.stderr and "alone.png" in done.stderr
    assert "1 of 4 pairs failed" in done.stderr and "3.png" in done.stderr.splitlines()[-1]
    assert "Thumbs" not in done.stderr

    pictures = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.png")}
    table = (tmp_path / "out" / "metrics.csv").read_text()
    (tmp_path / "ir" / "3.png").unlink()
    done = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model)
    assert done.returncode == 0 and "3 skipped" in done.stderr and done.stdout == ""
    assert pictures == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.png")}
    assert table == (tmp_path / "out" / "metrics.csv").read_text()
    assert table.splitlines()[0].startswith("picture,EN,")


def test_a_folder_prints_means_and_its_rate(dfuse, folders, tiny_model, tmp_path):
    (tmp_path / "ir" / "3.png").unlink()
    done = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model, "--format", "webp")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == ["metric", "mean", "of", "3", "better"]
    assert "3/3" in done.stderr and ("pairs/s" in done.stderr or "s/pair" in done.stderr)
    assert (tmp_path / "out" / "2.webp").is_file()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["ir.png", "vis.png"], "add -o fused.png"),
        (["ir", "vi"], "add -o FOLDER"),
        (["no.png", "vis.png", "-o", "a.png"], "no file or folder no.png"),
        (["ir", "vis.png", "-o", "a.png"], "two files or two folders"),
        (["ir.png", "vis.png", "-o", "vis.png"], "one of the input pictures"),
        (["ir.png", "vis.png", "-o", "ir.png", "--overwrite"], "one of the input pictures"),
        (["ir.png", "vis.png", "-o", "a.gif"], ".gif is unknown"),
        (["ir.png", "vis.png", "-o", "a.png", "--format", "exr"], "exr is unknown"),
        (["ir.png", "vis.png", "-o", "a.png", "--format", "jpg"], "contradict"),
        (["ir", "vi", "-o", "vi", "--overwrite"], "input folder"),
        (["ir", "ir", "-o", "a"], "two folders are needed"),
        (["ir", "vi", "-o", "vis.png"], "is a file"),
        (["ir.png"], "VIS"),
        (["ir.png", "vis.png", "-o", "a.png", "--treads", "2"], "--treads"),
        (["ir.png", "vis.png", "-o", "a.png", "--threads", "0"], "--threads"),
        (["ir.png", "vis.png", "-o", "a.png", "--device", "tpu"], "tpu"),
    ],
)
def test_wrong_usage_is_exit_2_with_a_reason(dfuse, folders, pair, tmp_path, arguments, words):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = dfuse("fuse", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert words in done.stderr and "Traceback" not in done.stderr
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_an_unknown_model_names_the_known_ones(dfuse, pair):
    done = dfuse("fuse", *pair, "-o", "a.png", "--model", "nonsense")
    assert done.returncode == 1 and "nonsense" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise there")
def test_ctrl_c_leaves_whole_pictures_only(scene, tiny_model, tmp_path):
    count = 2000
    for side, image in (("ir", scene[0]), ("vi", scene[1])):
        write_image(tmp_path / side / "0.png", image)
        for number in range(1, count):
            os.link(tmp_path / side / "0.png", tmp_path / side / f"{number}.png")
    running = subprocess.Popen(
        [*command(), "fuse", "ir", "vi", "-o", "out", "--model", str(tiny_model)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # a test run in the background of a script inherits that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "out").glob("*.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, messages = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"of {count} pairs are done" in messages and "Traceback" not in messages
    pictures = [path for path in (tmp_path / "out").iterdir() if path.name != "metrics.csv"]
    assert 3 <= len(pictures) < count
    assert all(path.suffix == ".png" and read_visible(path).shape == (37, 45, 3) for path in pictures)
    rows = (tmp_path / "out" / "metrics.csv").read_text().splitlines()[1:]
    assert abs(len(rows) - len(pictures)) <= 1  # the pair that was interrupted may have its picture, not its row
