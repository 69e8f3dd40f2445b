"""``dfuse fuse``, called in this process; what needs a process of its own starts the installed command."""

import json
import os
import signal
import subprocess
import time
from types import SimpleNamespace

import numpy as np
import pytest

from diffuse_fuse import __version__, metrics
from diffuse_fuse.cli import commands
from diffuse_fuse.images.arrays import is_grey
from diffuse_fuse.images.exif import read_notes
from diffuse_fuse.images.provenance import read_provenance
from diffuse_fuse.images.read import read_image, read_visible
from diffuse_fuse.images.write import write_image
from diffuse_fuse.metrics_file import MetricsFile
from tests.images import made

from .conftest import command

KEYS = ["ir", "vis", "out", "status", "seconds", "metrics", "error", "warnings"]


@pytest.fixture
def dfuse(tmp_path, monkeypatch, capsys):
    """Run ``dfuse`` with these arguments in the temporary folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFUSE_DEBUG", "")
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        code = commands.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


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
    assert list(whole) == [
        "schema", "results", "ok", "skipped", "failed", "unpaired", "passed_over", "notes", "seconds", "network_share",
        "model", "version",
    ]  # fmt: skip
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
        (["ir.png", "vis.png", "-o", "vis.png"], "one of the inputs"),
        (["ir.png", "vis.png", "-o", "ir.png", "--overwrite"], "one of the inputs"),
        (["ir.png", "vis.png", "-o", "a.gif"], ".gif is unknown"),
        (["ir.png", "vis.png", "-o", f"{'n' * 252}.png"], "is too long for the file system"),
        (["ir.png", "vis.png", "-o", "a.png", "--format", "exr"], "Unknown format exr"),
        (["ir.png", "vis.png", "-o", "a.png", "--format", "jpg"], "contradict"),
        (["ir", "vi", "-o", "vi", "--overwrite"], "input folder"),
        (["ir", "ir", "-o", "a"], "give two different folders"),
        (["ir", "vi", "-o", "vis.png"], "is a file"),
        (["ir.png"], "VIS"),
        ([], "Missing input"),
        (["-o", "a.png"], "Missing input"),
        (["ir", "vi", "-o", "a", "--manifest", "pairs.csv"], "Both --manifest and IR"),
        (["--manifest", "pairs.csv"], "cannot be read"),
        (["--manifest", "ir.png"], "lacks the column"),
        (["--manifest", "pairs.csv", "-o", "ir.png"], "is a file"),
        (["ir.png", "vis.png", "-o", "a.jpg", "--depth", "16"], "8 bits per channel"),
        (["ir", "vi", "-o", "a", "--format", "webp", "--depth", "16"], "8 bits per channel"),
        (["ir.png", "vis.png", "-o", "a.png", "--depth", "12"], "12"),
        (["ir", "vi", "-o", "a", "--only-metrics", "--no-metrics"], "--no-metrics has no effect"),
        (["ir", "vi", "-o", "a", "--only-metrics", "--side-by-side"], "--side-by-side has no effect"),
        (["ir.png", "vis.png", "-o", "a.png", "--workers", "0"], "--workers"),
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
    assert done.returncode == 2 and "nonsense" in done.stderr and done.stderr.count("\n") == 1


def test_a_folder_says_first_what_it_will_take(dfuse, folders, tiny_model, tmp_path):
    done = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model)
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("3 of 4 pairs to fuse (1 cannot be fused): 45×37; about 1 s and ") and first.endswith(
        " free in out."
    )
    assert "the network busy" in done.stderr and "3.png" in last


def test_a_dry_run_prints_that_and_touches_nothing(dfuse, folders, tiny_model, tmp_path):
    done = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model, "--dry-run")
    assert (done.returncode, done.stdout) == (1, "") and "alone.png" in done.stderr.splitlines()[0]
    assert done.stderr.splitlines()[1].startswith("3 of 4 pairs to fuse (1 cannot be fused): 45×37; about")
    assert "3.png" in done.stderr.splitlines()[2] and done.stderr.count("\n") == 3 and not (tmp_path / "out").exists()
    dfuse("fuse", *folders, "-o", "out", "--model", tiny_model)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model, "--dry-run", "--json", "--polarity", "black-hot")
    whole = json.loads(done.stdout)
    assert (whole["pairs"], whole["to_do"], whole["redone"], whole["kept"]) == (4, 3, 3, 0)
    assert whole["unpaired"]["ir"] == ["ir/alone.png"] and whole["failed"] == 1
    assert whole["sizes"] == {"45×37": 3} and whole["seconds"] > 0 and whole["free_bytes"] > whole["bytes"] > 0
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = dfuse("fuse", "ir/0.png", "vi/0.jpg", "-o", "out/0.png", "--model", tiny_model, "--dry-run")
    assert done.returncode == 1 and "1 cannot be fused" in done.stderr and "out/0.png exists already" in done.stderr


def test_the_same_command_goes_on_and_another_one_makes_it_again(dfuse, folders, tiny_model, tmp_path):
    (tmp_path / "ir" / "3.png").unlink()
    command = ("fuse", *folders, "-o", "out", "--model", tiny_model, "--workers", "1")
    assert "3 fused" in dfuse(*command).stderr
    (tmp_path / "out" / "1.png").unlink()
    assert "1 fused, 2 skipped" in dfuse(*command).stderr
    done = dfuse(*command, "--depth", "16")
    assert "3 fused (3 redone: the options changed)" in done.stderr and "3/3" in done.stderr
    assert read_image(tmp_path / "out" / "1.png").dtype == np.uint16
    done = dfuse(*command, "--depth", "16", "--json")
    assert json.loads(done.stdout)["skipped"] == 3
    done = dfuse(*command, "--json")
    assert [result["redone"] for result in json.loads(done.stdout)["results"]] == ["the options changed"] * 3


def test_the_place_can_be_left_out(dfuse, folders, scene, tiny_model, tmp_path):
    (tmp_path / "ir" / "3.png").unlink()
    for name in ("0", "1", "2"):
        (next((tmp_path / "vi").glob(f"{name}.*"))).unlink()
        (tmp_path / "vi" / f"{name}.jpg").write_bytes(made.camera_file(scene[1]))
    command = ("fuse", *folders, "-o", "out", "--model", tiny_model, "--no-metrics")

    def places():
        return [read_notes(path.read_bytes()).gps is not None for path in sorted((tmp_path / "out").glob("*.png"))]

    assert dfuse(*command).returncode == 0 and places() == [True] * 3
    done = dfuse(*command, "--no-gps")
    assert "3 redone: the options changed" in done.stderr and places() == [False] * 3
    assert "3 skipped" in dfuse(*command, "--no-gps").stderr
    notes = read_notes((tmp_path / "out" / "0.png").read_bytes())
    assert (notes.camera, notes.time) == ("Maker X1", made.TIME)
    assert read_provenance(tmp_path / "out" / "0.png").options["gps"] is False
    assert dfuse(*command, "--only-metrics", "--no-gps").returncode == 2


def test_a_picture_of_somebody_else_is_kept(dfuse, folders, scene, tiny_model, tmp_path):
    (tmp_path / "ir" / "3.png").unlink()
    write_image(tmp_path / "out" / "0.png", scene[1])
    done = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model, "--no-metrics")
    assert (
        done.returncode == 0
        and "2 fused, 1 skipped" in done.stderr
        and "does not record how it was made" in done.stderr
    )
    assert np.array_equal(read_image(tmp_path / "out" / "0.png"), scene[1])


def test_where_all_is_up_to_date_the_network_is_not_loaded(dfuse, folders, tiny_model, tmp_path, monkeypatch):
    (tmp_path / "ir" / "3.png").unlink()
    command = ("fuse", *folders, "-o", "out", "--model", tiny_model)
    dfuse(*command)
    monkeypatch.setattr("diffuse_fuse.fusion.fuser.Fuser", None)
    done = dfuse(*command)
    assert done.returncode == 0 and "3 skipped" in done.stderr


def test_a_manifest(dfuse, folders, tiny_model, tmp_path):
    (tmp_path / "lists").mkdir()
    text = "ir,vis,out\n../ir/0.png,../vi/1.jpg,day/a.tif\n../ir/2.png,../vi/2.jpg,\n../ir/9.png,../vi/2.jpg,b.png\n"
    (tmp_path / "lists" / "pairs.csv").write_text(text)
    done = dfuse("fuse", "--manifest", "lists/pairs.csv", "-o", "out", "--model", tiny_model)
    assert done.returncode == 1 and "1 of 3 pairs failed" in done.stderr and "9.png does not exist" in done.stderr
    out = tmp_path / "out"
    assert sorted(path.name for path in out.rglob("*.*")) == ["2.png", "a.tif", "metrics.csv"]
    assert dfuse("fuse", "--manifest", "lists/pairs.csv", "--model", tiny_model, "--quiet").returncode == 1
    assert (tmp_path / "lists" / "day" / "a.tif").read_bytes() == (out / "day" / "a.tif").read_bytes()


def test_only_metrics_measures_what_is_there(dfuse, folders, pair, tiny_model, tmp_path):
    (tmp_path / "ir" / "3.png").unlink()
    fused = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model)
    (tmp_path / "out" / "metrics.csv").rename(tmp_path / "before.csv")
    done = dfuse("fuse", *folders, "-o", "out", "--only-metrics")
    assert done.returncode == 0 and done.stdout == fused.stdout and "3 measured" in done.stderr
    assert (tmp_path / "out" / "metrics.csv").read_text() == (tmp_path / "before.csv").read_text()
    (tmp_path / "out" / "metrics.csv").unlink()
    done = dfuse("fuse", *folders, "-o", "out", "--model", tiny_model)
    assert done.returncode == 0 and ", metrics recomputed for 3 of them" in done.stderr
    assert (tmp_path / "out" / "metrics.csv").read_text() == (tmp_path / "before.csv").read_text()
    one = dfuse("fuse", *pair, "-o", "vis.png", "--only-metrics", "--json")
    assert one.returncode == 2 and "one of the inputs" in one.stderr
    one = dfuse("fuse", *pair, "-o", "out/0.png", "--only-metrics", "--json")
    (result,) = json.loads(one.stdout)["results"]
    assert one.returncode == 0 and list(result["metrics"]) == list(metrics.FUSE)
    assert dfuse("fuse", *pair, "-o", "none.png", "--only-metrics").returncode == 1


def test_pictures_for_a_look(dfuse, pair, tiny_model, tmp_path):
    done = dfuse("fuse", *pair, "-o", "look.png", "--model", tiny_model, "--side-by-side", "--gif", "--no-metrics")
    assert done.returncode == 0, done.stderr
    assert read_image(tmp_path / "look.png").shape == (37, 3 * 45 + 2, 3)
    assert (tmp_path / "look.gif").read_bytes().startswith(b"GIF89a")


def test_weights_that_are_damaged_are_said_once(dfuse, folders, tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    done = dfuse("fuse", *folders, "-o", "out", "--model", "bad.safetensors")
    assert done.returncode == 1 and done.stderr.count("bad.safetensors") == 1 and not (tmp_path / "out").exists()


@pytest.fixture
def running(scene, tiny_model, tmp_path):
    """Starts a run over 400 pairs and waits until three pictures are there."""
    for side, image in (("ir", scene[0]), ("vi", scene[1])):
        write_image(tmp_path / side / "0.png", image)
        for number in range(1, 400):
            os.link(tmp_path / side / "0.png", tmp_path / side / f"{number}.png")
    process = subprocess.Popen(
        [*command(), "fuse", "ir", "vi", "-o", "out", "--model", str(tiny_model)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # a test run in the background of a script inherits that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "out").glob("*.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise there")
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_whole_pictures_only(running, dfuse, tiny_model, tmp_path, times):
    running.send_signal(signal.SIGINT)
    if times == 2:
        time.sleep(0.01)
        running.send_signal(signal.SIGINT)
    _, messages = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in messages
    if times == 1:
        assert "Ctrl-C again leaves at once" in messages
        assert "of 400 pairs are left; the same command continues." in messages.splitlines()[-1]
    pictures = [path for path in (tmp_path / "out").iterdir() if path.suffix == ".png" and path.name[0] != "."]
    assert 3 <= len(pictures) < 400
    assert all(read_visible(path).shape == (37, 45, 3) for path in pictures)
    found = MetricsFile(tmp_path / "out")  # in the file, or in what the run has left beside it
    assert all(found.has(path) for path in pictures)
    if times == 1:
        rows = (tmp_path / "out" / "metrics.csv").read_text().splitlines()[1:]
        assert len(rows) == len(pictures) == len(list((tmp_path / "out").iterdir())) - 1
