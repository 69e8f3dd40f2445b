"""Files are looked at before anything is computed, and what is odd is said by name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from diffuse_fuse.errors import DataError, UsageError
from diffuse_fuse.evaluation import prepare
from diffuse_fuse.evaluation.inspection import jpeg_trace, look_at
from diffuse_fuse.evaluation.matching import match_results
from diffuse_fuse.evaluation.methods import make_methods, parse_fused
from diffuse_fuse.images import find_pairs
from diffuse_fuse.images.write import write_bytes, write_image
from tests.evaluation.conftest import picture


def results(dataset: Path, name: str, pattern: str = "{}.png", only: str = "abc", size=(40, 56)) -> Path:
    folder = dataset.parent / name
    for index, stem in enumerate(only):
        write_image(folder / pattern.format(stem), picture(100 + index, size=size))
    return folder


def plan(dataset: Path, **folders: Path):
    return prepare(dataset, folders, metrics=["EN"])


def test_clean_results(dataset: Path) -> None:
    found = plan(dataset, mine=results(dataset, "mine"))
    assert (found.problems, found.notes) == ((), ())
    assert [sorted(case.results) for case in found.cases] == [["mine"]] * 3


def test_missing_results_are_named(dataset: Path) -> None:
    problems = plan(dataset, mine=results(dataset, "mine", only="ac")).problems
    assert problems == ("mine: no result for 1 of 3 pairs: b",)


def test_results_of_another_size_are_named_and_left_out(dataset: Path) -> None:
    found = plan(dataset, mine=results(dataset, "mine", size=(32, 48)))
    assert len(found.problems) == 1
    assert "3 of 3 results have another size" in found.problems[0] and "48×32 instead of 56×40" in found.problems[0]
    assert all(not case.results for case in found.cases)


def test_jpeg_results_are_scored_with_a_note(dataset: Path) -> None:
    found = plan(dataset, mine=results(dataset, "mine", "{}.jpg"))
    assert found.problems == ()
    assert len(found.notes) == 1 and "3 of 3 results are JPEG" in found.notes[0]


def test_grey_results_on_a_coloured_set(dataset: Path) -> None:
    folder = dataset.parent / "grey"
    for stem in "abc":
        write_image(folder / f"{stem}.png", picture(9, 1))
    assert "3 of 3 results are grey" in plan(dataset, grey=folder).notes[0]


def test_unreadable_files_are_named(dataset: Path) -> None:
    folder = results(dataset, "mine")
    write_bytes(folder / "b.png", b"no picture")
    write_bytes(dataset / "vi" / "c.png", (dataset / "vi" / "c.png").read_bytes()[:200])
    found = plan(dataset, mine=folder)
    assert [case.name for case in found.cases] == ["a", "b"]
    assert len(found.problems) == 2
    assert "c.png" in found.problems[0] and "cut off" in found.problems[0]
    assert found.problems[1].startswith("mine: ") and "b.png" in found.problems[1]


def test_unequal_pair_is_named_and_left_out(dataset: Path) -> None:
    write_image(dataset / "ir" / "b.png", picture(0, 1, (20, 28)))
    found = plan(dataset, mine=results(dataset, "mine"))
    assert [case.name for case in found.cases] == ["a", "c"]
    assert len(found.problems) == 1 and "b.png" in found.problems[0] and "28×20" in found.problems[0]


def test_nothing_left_is_an_error(dataset: Path) -> None:
    for stem in "abc":
        write_bytes(dataset / "ir" / f"{stem}.png", b"")
    with pytest.raises(DataError, match="No pair"):
        plan(dataset, mine=results(dataset, "mine"))


@pytest.mark.parametrize("pattern", ["{}_Mine.png", "fused-{}.bmp", "sub/{}.tif"])
def test_names_with_something_around_them(dataset: Path, pattern: str) -> None:
    pairs = find_pairs(dataset / "ir", dataset / "vi").pairs
    found = match_results(results(dataset, "mine", pattern), pairs)
    assert sorted(found.files) == ["a", "b", "c"] and found.missing == ()


@pytest.fixture
def mixed(dataset: Path) -> Path:
    """All methods' results in one folder, as benchmarks ship them: a_Good.png, a_Blur.png, a_Good2.png."""
    for method in ("Blur", "Good", "Good2"):
        folder = results(dataset, "mine", "{}_" + method + ".png")
    return folder


def test_a_method_never_gets_the_pictures_of_another(dataset: Path, mixed: Path) -> None:
    pairs = find_pairs(dataset / "ir", dataset / "vi").pairs
    for name in ("Good", "good2", "BLUR"):
        found = match_results(mixed, pairs, name)
        assert {path.stem[2:].lower() for path in found.files.values()} == {name.lower()} and not found.missing
    with pytest.raises(DataError, match=r"\*_blur.*\*_good.*none is called 'Best'.*PATTERN"):
        match_results(mixed, pairs, "Best")
    results(dataset, "mine")  # the sources' copies, say
    assert "a_Good.png" in {path.name for path in match_results(mixed, pairs, "Good").files.values()}


def test_a_pattern_chooses_among_results(dataset: Path, mixed: Path) -> None:
    pairs = find_pairs(dataset / "ir", dataset / "vi").pairs
    name, value = parse_fused(f"Best={mixed}:*_Good.png")
    assert name == "Best"
    found = match_results(value.folder, pairs, name, value.pattern)
    assert sorted(path.name for path in found.files.values()) == ["a_Good.png", "b_Good.png", "c_Good.png"]
    with pytest.raises(DataError, match=r"that x\* fits"):
        match_results(mixed, pairs, "Best", "x*")
    with pytest.raises(UsageError, match="no folder"):
        parse_fused("Best=nowhere:*_Good.png")


def test_folders_of_methods_below_one_folder(dataset: Path) -> None:
    pairs = find_pairs(dataset / "ir", dataset / "vi").pairs
    for method in ("Blur", "Good"):
        folder = results(dataset, "mine", method + "/{}.png")
    assert {path.parent.name for path in match_results(folder, pairs, "Good").files.values()} == {"Good"}
    with pytest.raises(DataError, match="several methods"):
        match_results(folder, pairs, "Best")


def test_frames_of_several_videos_are_not_mixed_up(tmp_path: Path) -> None:
    for video in ("V0", "V1"):
        for kind in ("ir", "vi"):
            write_image(tmp_path / kind / video / "1.png", picture(1))
    pairs = find_pairs(tmp_path / "ir", tmp_path / "vi", recursive=True).pairs
    write_image(tmp_path / "flat" / "V0_1.png", picture(1))
    write_image(tmp_path / "flat" / "V1_1.png", picture(2))
    assert {name: path.name for name, path in match_results(tmp_path / "flat", pairs).files.items()} == {
        "V0/1": "V0_1.png",
        "V1/1": "V1_1.png",
    }
    write_image(tmp_path / "unclear" / "1.png", picture(1))
    assert match_results(tmp_path / "unclear", pairs).files == {}


def test_two_results_for_one_pair(dataset: Path) -> None:
    folder = results(dataset, "mine")
    write_image(folder / "a.jpg", picture(1))
    with pytest.raises(DataError, match="2 pictures are named like a"):
        plan(dataset, mine=folder)


def test_empty_folder_of_results(dataset: Path) -> None:
    (dataset.parent / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        plan(dataset, mine=dataset.parent / "empty")


def test_former_jpegs_are_recognised() -> None:
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(128, 400, (256, 320)), (0, 0), 2.5).clip(0, 255).astype(np.uint8)
    through = cv2.imdecode(cv2.imencode(".jpg", texture, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_UNCHANGED)
    assert jpeg_trace(texture) < 0.4
    assert jpeg_trace(through) > 0.6
    assert jpeg_trace(texture[:5, :5]) == 0.0


def test_lossy_webp_is_told_from_lossless(tmp_path: Path) -> None:
    image = picture(0)
    for name, quality in (("lossy", 80), ("lossless", 101)):
        write_bytes(tmp_path / name, cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes())
    assert look_at(tmp_path / "lossy").lossy == "lossy WebP"
    assert look_at(tmp_path / "lossless").lossy is None


def test_names_of_methods() -> None:
    assert [method.name for method in make_methods({"a": lambda ir, vis: vis}, baselines=True)] == [
        "a", "visible", "average", "max",
    ]  # fmt: skip
    for name in ("a/b", "", " a", ".."):
        with pytest.raises(UsageError):
            make_methods({name: lambda ir, vis: vis})
    with pytest.raises(UsageError, match="baseline"):
        make_methods({"max": lambda ir, vis: vis}, baselines=True)


@pytest.mark.parametrize("text", ["no-equals", "=folder", "name=", "name=/does/not/exist"])
def test_wrong_fused_options(text: str) -> None:
    with pytest.raises(UsageError, match="--fused"):
        parse_fused(text)


def test_a_file_that_must_hold_both_pictures_and_does_not_is_a_problem(tmp_path: Path) -> None:
    """MFNet has four channels; a plain picture must not be scored as its own partner."""
    write_image(tmp_path / "images" / "00001D.png", picture(1))
    with pytest.raises(DataError, match="No pair"):
        prepare(tmp_path, None, metrics=["EN"], baselines=True)
