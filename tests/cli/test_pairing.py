"""fuse and align with one folder, patterns and shell patterns, from the command line."""

import json

import numpy as np
import pytest

from diffuse_fuse.images.write import write_image


@pytest.fixture
def flight(tmp_path, scene):
    """A folder of a drone: T, W and Z of two shots, and a picture that belongs to none."""
    rng = np.random.default_rng(0)
    for number in (3, 4):
        for lens, picture in (("T", scene[0]), ("W", scene[1]), ("Z", scene[1])):
            noisy = np.clip(picture.astype(int) + rng.integers(0, 3, picture.shape), 0, 255).astype(np.uint8)
            write_image(tmp_path / "flight" / f"DJI_20211104142340_000{number}_{lens}.png", noisy)
    write_image(tmp_path / "flight" / "map.png", scene[1])
    return tmp_path / "flight"


def test_one_folder_is_fused_and_what_is_passed_over_is_named(dfuse, flight):
    done = dfuse("fuse", "flight", "-o", "out", "--json", "--no-metrics", "--model", "tiny")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] == 2 and len(told["passed_over"]) == 3
    assert "3 pictures were ignored" in done.stderr and "0003_Z.png" in done.stderr


def test_patterns_choose_the_lens(dfuse, flight):
    done = dfuse("fuse", "flight", "-o", "out", "--ir-pattern", "*_T.png", "--vis-pattern", "*_Z.*", "--dry-run")
    assert done.returncode == 0 and "2 of 2 pairs" in done.stderr and "0003_W.png" in done.stderr


def test_a_shell_pattern_names_the_folders_to_give(dfuse, flight):
    files = sorted(str(path) for path in flight.iterdir())
    done = dfuse("fuse", *files, "-o", "out")
    assert done.returncode == 2 and "give the folder instead: dfuse fuse" in done.stderr
    done = dfuse("fuse", "a", "b", "c", "-o", "out")
    assert done.returncode == 2 and "Unexpected argument: c" in done.stderr


def test_inspect_sums_a_folder_up(dfuse, flight):
    done = dfuse("inspect", "flight")
    assert done.returncode == 0, done.stderr
    assert "7 pictures, 2 pairs" in done.stdout and "ignored" in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines()[2:5]] == [
        ["other", "3"], ["infrared", "2"], ["visible", "2"],
    ]  # fmt: skip
    (flight / "bad.png").write_text("a text")
    done = dfuse("inspect", "flight", "--json")
    (told,) = json.loads(done.stdout)
    assert done.returncode == 1 and "bad.png" in done.stderr and len(told["errors"]) == 1
    assert told["pairs"] == 2 and told["files"] == 8 and len(told["passed_over"]) == 4


def test_eval_and_train_take_two_folders_and_tables(dfuse, flight):
    (flight / "pairs.csv").write_text(
        "ir;vis\nDJI_20211104142340_0003_T.png;DJI_20211104142340_0003_Z.png\n", encoding="utf-8-sig"
    )
    done = dfuse("eval", "--manifest", "flight/pairs.csv", "--fused", "copy=flight", "--metrics", "EN", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dataset"]["name"] == "pairs"
    done = dfuse("eval", "--ir", "flight", "--vis", "flight", "--ir-pattern", "*_T.*", "--vis-pattern", "*_W.*",
                 "--fused", "copy=flight", "--metrics", "EN")  # fmt: skip
    assert "2 pairs" in done.stdout, done.stderr
    done = dfuse("eval", "flight", "--ir", "flight")
    assert done.returncode == 2 and "given more than once" in done.stderr
    done = dfuse("train", "fusion", "--steps", "1", "--out", "run", "--ir", "flight")
    assert done.returncode == 2 and "belong together" in done.stderr
    done = dfuse("train", "fusion", "--steps", "1", "--out", "run")
    assert done.returncode == 2 and "--data" in done.stderr
