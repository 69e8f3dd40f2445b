"""``--ir-field`` of ``fuse``, ``align``, ``eval`` and ``video``: the visible camera sees more than the infrared one."""

import json

import cv2
import numpy as np
import pytest

from diffuse_fuse.alignment import load_calibration
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

from ..alignment.conftest import make_scene

BOX = (90, 60, 400, 320)  # of a visible picture of 640×480


@pytest.fixture
def flight(tmp_path):
    """Two pairs of a drone: the thermal camera, 5:4, sees a part of what the visible one, 4:3, does."""
    x, y, w, h = BOX
    for seed in (3, 4):
        ir, vis = make_scene(seed, (640, 480))
        write_image(tmp_path / "flight" / f"DJI_000{seed}_V.png", vis)
        part = cv2.resize(ir[y : y + h, x : x + w], (320, 256), interpolation=cv2.INTER_AREA)
        write_image(tmp_path / "flight" / f"DJI_000{seed}_T.png", part)
    return tmp_path / "flight"


def fuse(dfuse, tiny_model, flight, *arguments):
    pair = (f"flight/DJI_0003_{kind}.png" for kind in "TV")
    return dfuse("fuse", *pair, "-o", "out.png", "--overwrite", "--model", tiny_model, *arguments)


def size(path):
    height, width = read_visible(path).shape[:2]
    return width, height


def test_without_it_says_what_to_do(dfuse, tiny_model, flight):
    done = fuse(dfuse, tiny_model, flight)
    assert done.returncode == 1 and "--ir-field auto" in done.stderr and "--stretch" in done.stderr


@pytest.mark.parametrize("name", ["--ir-field", "--crop-vis", "--crop"])
def test_given(dfuse, tiny_model, flight, tmp_path, name):
    done = fuse(dfuse, tiny_model, flight, name, "90,60,400,320", "--json")
    assert done.returncode == 0, done.stderr
    assert size(tmp_path / "out.png") == (400, 320)
    assert "that part is fused" in json.loads(done.stdout)["results"][0]["warnings"][0]


def test_a_number_takes_the_middle(dfuse, tiny_model, flight, tmp_path):
    assert fuse(dfuse, tiny_model, flight, "--crop", "1.5").returncode == 0
    assert size(tmp_path / "out.png") == (400, 320)


def test_nonsense_is_wrong_use(dfuse, tiny_model, flight):
    done = fuse(dfuse, tiny_model, flight, "--ir-field", "here")
    assert done.returncode == 2 and "X,Y,W,H" in done.stderr
    done = fuse(dfuse, tiny_model, flight, "--ir-field", "900,900,99,99")
    assert done.returncode == 1 and "does not overlap" in done.stderr


@pytest.mark.parametrize("option", [("--ir-field", "auto"), ("--align", "auto")])
def test_found(dfuse, tiny_model, flight, tmp_path, option):
    done = fuse(dfuse, tiny_model, flight, *option, "--json")
    assert done.returncode == 0, done.stderr
    width, height = size(tmp_path / "out.png")
    assert abs(width - 400) <= 6 and abs(height - 320) <= 6
    found = json.loads(done.stdout)["results"][0]["alignment"]
    found = found.get("located", found)
    assert found["source"] == "search" and np.abs(np.array(found["field"]) - BOX).max() < 6


def test_not_sure_is_said_and_nothing_is_made(dfuse, tiny_model, flight, tmp_path):
    write_image(flight / "DJI_0003_T.png", make_scene(77)[0][:, :300])
    done = fuse(dfuse, tiny_model, flight, "--ir-field", "auto")
    assert done.returncode == 1 and "No trustworthy field" in done.stderr and not (tmp_path / "out.png").exists()


def test_a_file_of_align_serves_all_commands(dfuse, tiny_model, flight, tmp_path):
    done = dfuse("align", "flight", "-o", "rig.json")
    assert done.returncode == 0, done.stderr
    rig = load_calibration(tmp_path / "rig.json")
    assert np.abs(np.array(rig.field.as_list()) - BOX).max() < 4 and "of 640×480" in done.stdout

    done = fuse(dfuse, tiny_model, flight, "--align-file", "rig.json")
    assert done.returncode == 0, done.stderr
    wanted = size(tmp_path / "out.png")
    dry = dfuse("fuse", "flight", "-o", "fused", "--align-file", "rig.json", "--model", tiny_model, "--dry-run")
    assert dry.returncode == 0 and "{}×{}".format(*wanted) in dry.stderr
    done = dfuse("video", "flight", "-o", "frames", "--align-file", "rig.json", "--model", tiny_model)
    assert done.returncode == 0, done.stderr
    assert {size(path) for path in (tmp_path / "frames").iterdir()} == {wanted}
    done = dfuse(
        "eval", "flight", "--align-file", "rig.json", "--model", tiny_model, "--metrics", "EN", "--workers", "1"
    )
    assert done.returncode == 0, done.stderr


def test_a_given_field_is_calibrated_further(dfuse, flight, tmp_path):
    done = dfuse("align", "flight", "-o", "rig.json", "--ir-field", "94,57,400,320")
    assert done.returncode == 0, done.stderr
    rig = load_calibration(tmp_path / "rig.json")
    assert rig.field.as_list() == [94, 57, 400, 320]
    shift, *_ = rig.transform.about_centre()
    assert np.allclose(shift, (4, -3), atol=1)


def test_eval_and_video_take_it_too(dfuse, tiny_model, flight, tmp_path):
    given = ("--ir-field", "90,60,400,320", "--model", tiny_model)
    done = dfuse("eval", "flight", *given, "--metrics", "EN", "--workers", "1", "-o", "scores")
    assert done.returncode == 0, done.stderr
    assert {size(path) for path in (tmp_path / "scores" / "fused").rglob("*.png")} == {(400, 320)}
    done = dfuse("video", "flight", *given, "-o", "frames")
    assert done.returncode == 0, done.stderr
    assert {size(path) for path in (tmp_path / "frames").iterdir()} == {(400, 320)}
    done = dfuse("video", "flight", "--ir-field", "auto", "--model", tiny_model, "-o", "found")
    assert done.returncode == 0, done.stderr
    assert len({size(path) for path in (tmp_path / "found").iterdir()}) == 1


def test_video_says_why_no_field_was_found(dfuse, tiny_model, flight):
    """The advice to look for the field is no use to whoever asked for it."""
    for seed in (3, 4):
        write_image(flight / f"DJI_000{seed}_T.png", make_scene(70 + seed)[0][:, :300])
    done = dfuse("video", "flight", "--ir-field", "auto", "--model", tiny_model, "-o", "found")
    error = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "No trustworthy field" in error and "--ir-field auto" not in error, done.stderr
