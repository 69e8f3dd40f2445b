"""What happens to an output that is there: it says itself how it was made."""

import itertools
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from diffuse_fuse import batch
from diffuse_fuse.alignment import Aligner, Kind
from diffuse_fuse.batch import resume, steps
from diffuse_fuse.files import temporary_path
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.provenance import read_provenance
from diffuse_fuse.images.write import write_image

from .conftest import AverageFuser, contents, radiometric, states

RECIPE = batch.Recipe(measure=False, model="tiny", weights="a" * 64)


@pytest.fixture
def again(folders):
    """Runs the three pairs with a recipe and returns the results and how often the network was asked."""
    ir, vis, out = folders

    def run(recipe=RECIPE, existing="resume", suffix=None):
        fuser = AverageFuser()
        plan = batch.plan_folders(ir, vis, out, suffix=suffix)
        return batch.run_folder(plan, fuser, out, recipe=recipe, existing=existing), fuser.calls

    return run


def test_a_picture_says_what_it_is_made_of(folders, again):
    ir, vis, out = folders
    again(replace(RECIPE, load=LoadOptions(thermal_range=(10.0, 40.0)), more={"denoise": 4.0}))
    found = read_provenance(out / "1.png")
    assert (found.model, found.weights) == ("tiny", "a" * 64)
    assert found.options["thermal_range"] == [10.0, 40.0] and found.options["denoise"] == 4.0
    assert found.options["format"] == "png" and found.options["depth"] == 8 and found.options["align"] is None
    assert found.sources["ir"].name == "1.png" and found.sources["ir"].sha256 == resume.sha256(ir / "1.png")
    assert found.sources["vis"].sha256 == resume.sha256(vis / "1.png")


class Keeps(AverageFuser):
    """Keeps the pictures that it fused."""

    def fuse(self, ir, vis, depth=8):
        self.pictures = ir, vis
        return super().fuse(ir, vis, depth)


@pytest.mark.parametrize("moment", ["standing", "load_pair", "noted_of"])
@pytest.mark.parametrize("there", [False, True], ids=["new", "redone"])
def test_the_hashes_are_those_of_the_pixels_when_an_input_is_replaced(folders, scene, monkeypatch, moment, there):
    """The input is replaced before or after each step of reading; made again, the picture is up to date or not."""
    ir, vis, out = folders
    others = {}
    for number, shift in enumerate((10, 20, 30)):
        write_image(ir.parent / "other" / f"{number}.png", np.roll(scene[0], shift))
        others[number] = (ir.parent / "other" / f"{number}.png").read_bytes()
    job = batch.plan_pair(ir / "0.png", vis / "0.png", out / "0.png")
    if there:
        batch.run([job], AverageFuser(), recipe=replace(RECIPE, depth=16))
    count = itertools.count()
    step = getattr(steps, moment)

    def replacing(*arguments):
        (ir / "0.png").write_bytes(others[next(count)])
        done = step(*arguments)
        (ir / "0.png").write_bytes(others[next(count)])
        return done

    monkeypatch.setattr(steps, moment, replacing)
    fuser = Keeps()
    (result,) = batch.run([job], fuser, existing="resume", recipe=RECIPE)
    assert result.status == "ok" and next(count) == 2
    noted = read_provenance(out / "0.png").sources["ir"].sha256
    pixels = {resume.sha256(ir.parent / "other" / f"{n}.png"): np.roll(scene[0], s) for n, s in enumerate((10, 20, 30))}
    write_image(ir.parent / "first.png", scene[0])
    pixels[resume.sha256(ir.parent / "first.png")] = scene[0]
    assert np.array_equal(fuser.pictures[0], pixels[noted])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_what_is_up_to_date_is_kept(folders, again, suffix):
    again(suffix=suffix)
    before = contents(folders[2])
    results, calls = again(suffix=suffix)
    assert states(results) == ["skipped"] * 3 and calls == 0 and not any(result.warnings for result in results)
    assert contents(folders[2]) == before
    assert states(again(suffix=suffix, existing="replace")[0]) == ["ok"] * 3 and contents(folders[2]) == before


@pytest.mark.parametrize(
    "other, why",
    [
        (replace(RECIPE, weights="b" * 64), "the weights changed"),
        (replace(RECIPE, load=LoadOptions(polarity="black-hot")), "the options changed"),
        (replace(RECIPE, load=LoadOptions(thermal_range=(0.0, 1.0))), "the options changed"),
        (replace(RECIPE, load=LoadOptions(stretch=True)), "the options changed"),
        (replace(RECIPE, load=LoadOptions(gps=False)), "the options changed"),
        (replace(RECIPE, aligner=Aligner(Kind.shift)), "the options changed"),
        (replace(RECIPE, more={"denoise": "auto"}), "the options changed"),
        (replace(RECIPE, depth=16), "the options changed"),
        (replace(RECIPE, side_by_side=True), "the options changed"),
        (replace(RECIPE, side_by_side=True, weights="b" * 64), "the weights and the options changed"),
    ],
)
def test_other_weights_and_options_make_it_again(again, other, why):
    again()
    results, calls = again(other)
    assert [result.redone for result in results] == [why] * 3 and calls == 3
    assert states(again(other)[0]) == ["skipped"] * 3


def test_options_that_change_no_pixel_do_not(again):
    again()
    assert again(replace(RECIPE, load=LoadOptions(max_pixels=5000), measure=True, model="renamed"))[1] == 0


def test_other_inputs_make_it_again(folders, again, scene):
    ir, vis, _ = folders
    again()
    write_image(ir / "1.png", 255 - scene[0])
    write_image(vis / "2.png", 255 - scene[1])
    os.utime(ir / "0.png")  # another time, the same bytes
    results, calls = again()
    assert [result.redone for result in results] == [None, "the inputs changed", "the inputs changed"] and calls == 2


def test_another_version_makes_it_again(again, monkeypatch):
    again()
    monkeypatch.setattr("diffuse_fuse.__version__", "99.0")
    assert again()[0][0].redone == "the version of dfuse changed"


def test_a_picture_that_dfuse_did_not_make_is_kept_with_a_warning(folders, again, scene):
    out = folders[2]
    write_image(out / "1.png", scene[1])
    (out / "2.png").write_bytes(b"precious")
    before = contents(out)
    results, calls = again()
    assert states(results) == ["ok", "skipped", "skipped"] and calls == 1
    assert results[1].warnings == results[2].warnings == (resume.KEPT_UNKNOWN,)
    assert {name: data for name, data in contents(out).items() if name != "0.png"} == before
    assert states(again(existing="replace")[0]) == ["ok"] * 3


@pytest.mark.skipif(os.name == "nt", reason="no pipes there, and links need rights")
def test_what_is_no_file_in_a_picture_s_place_is_no_picture_that_is_done(folders, again, tmp_path):
    out = folders[2]
    out.mkdir(exist_ok=True)
    (out / "0.png").touch()
    (out / "1.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(out / "2.png")
    results, calls = again()
    assert states(results) == ["failed"] * 3 and calls == 0
    wrong = ("is empty", "is a broken link", "is not a regular file (a pipe, socket or device)")
    for result, text in zip(results, wrong, strict=True):
        assert result.error == f"{result.out} {text}: move it away, or add --overwrite."
    assert states(again(existing="replace")[0]) == ["ok"] * 3 and not (tmp_path / "nowhere.png").exists()


def test_a_format_that_says_nothing_is_kept_with_a_warning(again):
    again(suffix=".bmp")
    results, calls = again(replace(RECIPE, weights="b" * 64), suffix=".bmp")
    assert states(results) == ["skipped"] * 3 and calls == 0 and "BMP" in results[0].warnings[0]


def test_without_weights_to_name_it_is_kept_as_it_is(again):
    again(replace(RECIPE, weights=None))
    results, calls = again(replace(RECIPE, weights=None, depth=16))
    assert states(results) == ["skipped"] * 3 and calls == 0 and results[0].warnings == ()


def test_a_gif_that_is_missing_is_made(folders, again):
    out = folders[2]
    again()
    results, _ = again(replace(RECIPE, gif=True))
    assert [result.redone for result in results] == ["the GIF was missing"] * 3
    (out / "1.gif").unlink()
    assert again(replace(RECIPE, gif=True))[1] == 1 and (out / "1.gif").is_file()


@pytest.mark.parametrize("with_picture", [False, True])
def test_a_gif_of_somebody_else_stays(folders, again, with_picture):
    out = folders[2]
    if with_picture:
        again()
    out.mkdir(exist_ok=True)
    Image.new("L", (9, 9)).save(out / "1.gif")
    before = (out / "1.gif").read_bytes()
    results, _ = again(replace(RECIPE, gif=True, depth=16))
    assert states(results) == ["ok", "failed", "ok"] and "1.gif exists, and dfuse did not" in results[1].error
    assert (out / "1.gif").read_bytes() == before
    assert states(again(replace(RECIPE, gif=True, depth=16), existing="replace")[0]) == ["ok"] * 3
    assert states(again(replace(RECIPE, gif=True))[0]) == ["ok"] * 3  # its own are replaced


def test_a_file_that_holds_both_pictures(tmp_path, scene):
    radiometric(tmp_path / "in" / "0.jpg", 20 + scene[0] / 10.0, scene[1])
    plan = batch.plan_single_folder(tmp_path / "in", tmp_path / "out")
    assert states(batch.run_folder(plan, AverageFuser(), tmp_path / "out", recipe=RECIPE)) == ["ok"]
    assert states(batch.run_folder(plan, None, tmp_path / "out", recipe=RECIPE)) == ["skipped"]
    radiometric(tmp_path / "in" / "0.jpg", 21 + scene[0] / 10.0, scene[1])
    (result,) = batch.run_folder(plan, AverageFuser(), tmp_path / "out", recipe=RECIPE)
    assert result.redone == "the inputs changed"


def test_what_a_killed_run_left_half_written_is_removed(folders, again):
    out = folders[2]
    out.mkdir()
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    (out / f".1.png.{dead.pid}.tmp").write_bytes(b"half")
    (out / f".metrics.csv.{dead.pid}.tmp").write_bytes(b"half")
    kept = [f".1.png.{os.getppid()}.tmp", f".other.png.{dead.pid}.tmp", ".1.png.tmp", f"1.png.{dead.pid}.tmp"]
    for name in kept:  # of a run that goes on, of somebody else
        (out / name).write_bytes(b"")
    again(replace(RECIPE, measure=True))
    assert sorted(path.name for path in out.iterdir()) == sorted([*kept, "0.png", "1.png", "2.png", "metrics.csv"])


@pytest.mark.parametrize("name", ["ü" * 125 + ".png", "two\nlines.png"], ids=["long", "newline"])
def test_what_was_half_written_is_removed_whatever_its_name(name, tmp_path, monkeypatch):
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    monkeypatch.setattr(os, "getpid", lambda: dead.pid)
    left = temporary_path(tmp_path / name)
    left.write_bytes(b"half")
    other = temporary_path(tmp_path / f"{name}2")
    other.write_bytes(b"half of another")
    assert resume.clear_away([tmp_path / name]) == 1
    assert list(tmp_path.iterdir()) == [other]


def test_a_name_that_is_too_long_is_said_before_the_network_works(folders, again):
    ir, vis, _ = folders
    for folder in (ir, vis):
        (folder / "1.png").rename(folder / f"{'n' * 251}.png")
    results, calls = again(suffix=".tiff")
    assert sorted(states(results)) == ["failed", "ok", "ok"] and calls == 2
    (error,) = (result.error for result in results if result.error)
    assert error.endswith(".tiff cannot be written: its name is too long for the file system.")
