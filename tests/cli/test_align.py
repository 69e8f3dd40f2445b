"""``dfuse align``, and the alignment of ``dfuse fuse``, through the installed command."""

import json

import numpy as np
import pytest

from diffuse_fuse.alignment import Transform, load_calibration
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

from ..alignment.conftest import SIZE, displaced, make_map, make_scene
from ..schemas import check

TRUTH = make_map(1.0, 1.02, (9, -6))


@pytest.fixture
def rig(tmp_path):
    """ir/ and vi/ with five pairs of one rig that is off by TRUTH, the last one without anything in common."""
    for seed in range(5):
        ir, vis = make_scene(seed)
        write_image(tmp_path / "ir" / f"{seed}.png", displaced(ir if seed < 4 else make_scene(77)[0], TRUTH))
        write_image(tmp_path / "vi" / f"{seed}.png", vis)
    return "ir", "vi"


def fuse(dfuse, tiny_model, *arguments):
    return dfuse("fuse", *arguments, "--model", tiny_model, "--no-metrics")


def test_a_rig_is_calibrated_and_its_file_used(dfuse, rig, tiny_model, tmp_path):
    done = dfuse("align", *rig, "-o", "T.json")
    assert done.returncode == 0, done.stderr
    calibration = load_calibration(tmp_path / "T.json")
    assert calibration.transform.distance(TRUTH) < 1.0 and calibration.transform.size == SIZE
    assert (calibration.pairs, calibration.used) == (5, 4)
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert "4 of 5" in lines["pairs used"] and "px" in lines["residual"] and "T.json" in done.stderr

    done = fuse(dfuse, tiny_model, "ir/0.png", "vi/0.png", "-o", "a.png", "--align-file", "T.json", "--json")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert result["alignment"]["source"] == "file" and result["alignment"]["applied"]
    assert np.allclose(result["alignment"]["matrix"], calibration.transform.matrix, atol=1e-6)
    again = fuse(dfuse, tiny_model, "ir/0.png", "vi/0.png", "-o", "b.png", "--align-file", "T.json")
    assert again.returncode == 0 and (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_json_and_limit(dfuse, rig):
    done = dfuse("align", *rig, "-o", "T.json", "--limit", "2", "--json", "-q")
    assert done.returncode == 0 and done.stderr == ""
    whole = json.loads(done.stdout)
    assert check(whole) == "align"
    assert [result["ir"] for result in whole["results"]] == ["ir/1.png", "ir/3.png"]
    assert whole["failed"] == [] and whole["pairs"] == 2 and whole["confidence"] > 0.5


def test_a_damaged_pair_does_not_stop_the_others(dfuse, rig, tmp_path):
    (tmp_path / "ir" / "2.png").write_bytes(b"no picture")
    done = dfuse("align", *rig, "-o", "T.json")
    assert done.returncode == 1 and (tmp_path / "T.json").is_file()
    assert "1 of 5 pairs failed" in done.stderr and "2.png" in done.stderr.splitlines()[-1]


def test_without_a_pair_to_trust_no_file_is_written(dfuse, rig, tmp_path):
    for seed in range(4):
        (tmp_path / "ir" / f"{seed}.png").unlink()
    done = dfuse("align", *rig, "-o", "T.json", "-q")
    assert done.returncode == 1 and done.stderr.startswith("Error: Only 0 of 1 pair ")
    assert not (tmp_path / "T.json").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["none", "vi", "-o", "T.json"], "none is not a folder"),
        (["ir", "vi/0.png", "-o", "T.json"], "is not a folder"),
        (["ir", "vi", "-o", "vi"], "is a folder"),
        (["ir", "vi", "-o", "vi/1.png", "--overwrite"], "one of the inputs"),
        (["ir", "vi", "-o", "link.json", "--overwrite"], "one of the inputs"),
        (["ir", "vi", "-o", "hard.json", "--overwrite"], "one of the inputs"),
        (["ir", "empty", "-o", "T.json"], "There are no pictures in empty"),
        (["ir", "vi", "-o", "T.json", "--kind", "magic"], "magic"),
        (["ir", "vi"], "-o"),
    ],
)
def test_wrong_usage(dfuse, rig, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link.json").symlink_to("ir/0.png")
    (tmp_path / "hard.json").hardlink_to(tmp_path / "ir/1.png")
    before = [path.read_bytes() for path in sorted(tmp_path.glob("*/*.png"))]
    done = dfuse("align", *arguments)
    assert done.returncode == 2 and words in done.stderr and done.stdout == ""
    assert [path.read_bytes() for path in sorted(tmp_path.glob("*/*.png"))] == before
    assert not (tmp_path / "T.json").exists()


@pytest.mark.parametrize("name", ["there.json", "nowhere.json"])
def test_a_file_that_is_there_stays(dfuse, rig, tmp_path, name):
    (tmp_path / "there.json").write_text("precious")
    (tmp_path / "nowhere.json").symlink_to("gone.json")
    done = dfuse("align", "ir", "vi", "-o", name)
    assert done.returncode == 1 and "--overwrite" in done.stderr and done.stdout == ""
    assert (tmp_path / "there.json").read_text() == "precious" and (tmp_path / "nowhere.json").is_symlink()


def test_fuse_aligns_and_says_how(dfuse, rig, tiny_model, tmp_path):
    done = fuse(dfuse, tiny_model, "ir/0.png", "vi/0.png", "-o", "out.png", "--align", "auto", "--json")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    report = result["alignment"]
    assert report["source"] == "estimate" and report["applied"] and report["reason"] is None
    assert Transform(np.array(report["matrix"]), SIZE).distance(TRUTH) < 1.5
    assert report["confidence"] > 0.5 and report["residual_px"] < report["residual_before_px"]
    assert "Aligned" in done.stderr and "confidence" in done.stderr
    plain = fuse(dfuse, tiny_model, "ir/0.png", "vi/0.png", "-o", "plain.png", "--json")
    assert "alignment" not in json.loads(plain.stdout)["results"][0]
    assert not np.array_equal(read_visible(tmp_path / "out.png"), read_visible(tmp_path / "plain.png"))


def test_without_confidence_the_picture_is_that_without_alignment(dfuse, rig, tiny_model, tmp_path):
    done = fuse(dfuse, tiny_model, "ir/4.png", "vi/4.png", "-o", "out.png", "--align", "auto", "--json")
    assert done.returncode == 0 and "Warning: No trustworthy alignment" in done.stderr
    assert not json.loads(done.stdout)["results"][0]["alignment"]["applied"]
    assert fuse(dfuse, tiny_model, "ir/4.png", "vi/4.png", "-o", "plain.png", "--align", "none").returncode == 0
    assert np.array_equal(read_visible(tmp_path / "out.png"), read_visible(tmp_path / "plain.png"))


def test_a_folder_is_aligned_pair_by_pair(dfuse, rig, tiny_model):
    done = fuse(dfuse, tiny_model, *rig, "-o", "out", "--align", "affine", "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert [result["alignment"]["applied"] for result in results] == [True] * 4 + [False]
    assert "4 of 5 pairs were aligned" in done.stderr and done.stderr.count("No trustworthy alignment was found") == 1


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["--align-file", "none.json"], 1, "no alignment file none.json"),
        (["--align-file", "T.json", "--align", "auto"], 2, "use only one of them"),
        (["--align", "magic"], 2, "magic"),
    ],
)
def test_wrong_alignment_options(dfuse, rig, tiny_model, tmp_path, arguments, code, words):
    (tmp_path / "T.json").write_text("{}")
    done = fuse(dfuse, tiny_model, "ir/0.png", "vi/0.png", "-o", "out.png", *arguments)
    assert done.returncode == code and words in done.stderr and not (tmp_path / "out.png").exists()


def test_a_calibration_of_another_camera_fails_the_pair(dfuse, rig, pair, tiny_model, tmp_path):
    assert dfuse("align", *rig, "-o", "T.json", "-q").returncode == 0
    done = fuse(dfuse, tiny_model, *pair, "-o", "out.png", "--align-file", "T.json")
    assert done.returncode == 1 and "320×240" in done.stderr and "45×37" in done.stderr
    assert not (tmp_path / "out.png").exists()
