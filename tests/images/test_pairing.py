"""Pairs by patterns, maps and order; two folders or one."""

import json

import pytest

from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.pairing import Rules, glob_parts, pair_sources, why_none

from .test_pairs import touch


def stems(pairing):
    return [(pair.ir.stem, pair.vis.stem) for pair in pairing.pairs]


def test_patterns_in_one_folder_and_in_two(tmp_path):
    root = touch(tmp_path, "c01_1.tif", "c01_2.tif", "c02_1.tif", "c02_2.tif", "c03_1.tif", "x.png")
    found = pair_sources(root, rules=Rules("*_1.tif", "*_2.tif"))
    assert stems(found) == [("c01_1", "c01_2"), ("c02_1", "c02_2")]
    assert [path.name for path in (*found.ir_only, *found.passed_over)] == ["c03_1.tif", "x.png"]
    ir, vis = touch(tmp_path / "a", "heat7x.png"), touch(tmp_path / "b", "photo7x.png", "photo7y.png")
    assert stems(pair_sources(ir, vis, rules=Rules("heat*", "photo*"))) == [("heat7x", "photo7x")]


def test_one_pattern_chooses_and_names_pair(tmp_path):
    ir = touch(tmp_path / "ir", "D_1_T.JPG")
    vis = touch(tmp_path / "vis", "D_1_W.JPG", "D_1_Z.JPG")
    found = pair_sources(ir, vis, rules=Rules(vis_pattern="*_z.jpg"))
    assert stems(found) == [("D_1_T", "D_1_Z")] and [path.name for path in found.passed_over] == ["D_1_W.JPG"]
    with pytest.raises(UsageError, match="--vis-pattern nothing matches no picture"):
        pair_sources(ir, vis, rules=Rules(vis_pattern="nothing"))
    with pytest.raises(UsageError, match="both match"):
        pair_sources(ir, rules=Rules("*", "*"))


@pytest.mark.parametrize("name, text", [
    ("m.json", json.dumps({"rgb/video-b-1.jpg": "video-a-7.jpg", "gone.jpg": "gone.jpg"})),
    ("m.json", json.dumps({"video-a-7.jpg": "video-b-1.jpg"})),
    ("m.csv", "ir;vis\nvideo-a-7;video-b-1\n"),
    ("m.csv", "ir,vis,out\nx\\video-a-7.jpg,x\\video-b-1.jpg,\n"),
])  # fmt: skip
def test_a_map_file(tmp_path, name, text):
    ir, vis = touch(tmp_path / "t", "video-a-7.jpg", "video-a-8.jpg"), touch(tmp_path / "rgb", "video-b-1.jpg")
    (tmp_path / name).write_text(text)
    found = pair_sources(ir, vis, rules=Rules(map_file=tmp_path / name))
    assert stems(found) == [("video-a-7", "video-b-1")] and len(found.ir_only) == 1


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": 1}', "{}"])
def test_what_is_no_map(tmp_path, text):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(UsageError, match=r"m\.json"):
        pair_sources(
            touch(tmp_path / "ir", "a.png"), touch(tmp_path / "vis", "a.png"), rules=Rules(map_file=tmp_path / "m.json")
        )


def test_consecutive_numbers_only_when_asked(tmp_path):
    ir = touch(tmp_path / "ir", "DJI_0002_R.JPG", "DJI_0004_R.JPG", "DJI_0008_R.JPG")
    vis = touch(tmp_path / "vis", "DJI_0001.jpg", "DJI_0003.jpg", "DJI_0005.jpg", "DJI_0007.jpg")
    found = pair_sources(ir, vis)
    assert not found.pairs and "--by-order" in why_none(ir, vis, found, False)
    found = pair_sources(ir, vis, rules=Rules(by_order=True))
    assert [vis[-1] for _, vis in stems(found)] == ["1", "3", "7"] and [p.stem for p in found.vis_only] == ["DJI_0005"]
    one = touch(tmp_path / "one", "DJI_0002_R.JPG", "DJI_0001.jpg", "DJI_0003.jpg", "DJI_0004_R.JPG")
    assert stems(pair_sources(one, rules=Rules(by_order=True))) == [
        ("DJI_0002_R", "DJI_0001"),
        ("DJI_0004_R", "DJI_0003"),
    ]


def test_order_without_numbers_needs_equal_counts(tmp_path):
    ir, vis = touch(tmp_path / "ir", "a.png", "b.png"), touch(tmp_path / "vis", "x.png", "y.png")
    assert stems(pair_sources(ir, vis, rules=Rules(by_order=True))) == [("a", "x"), ("b", "y")]
    touch(vis, "z.png")
    with pytest.raises(UsageError, match="2 infrared and 3 visible"):
        pair_sources(ir, vis, rules=Rules(by_order=True))
    with pytest.raises(UsageError, match="contradict"):
        pair_sources(ir, vis, rules=Rules("*", "*", by_order=True))


def test_one_folder_that_holds_two(tmp_path):
    touch(tmp_path, "Thermal/a.png", "RGB/a.png", "labels/a.png")
    assert stems(pair_sources(tmp_path)) == [("a", "a")]


def test_what_stars_stand_for():
    assert glob_parts("*_T.jp?g")("Ab_t.JPEG") == ("ab", "e")
    assert glob_parts("a/*.png")("a/b/c.png") is None and glob_parts("**/x*.png")("a/b/x1.png") == ("a/b/", "1")
    assert glob_parts("[1](2).png")("[1](2).PNG") == ()


def test_no_pairs_say_what_helps(tmp_path):
    root = touch(tmp_path, "c01_1.tif", "c01_2.tif")
    assert "--ir-pattern" in why_none(root, None, pair_sources(root), False)


def test_folders_of_both_kinds_are_found_below_one_folder(tmp_path):
    """Sequences of a data set, whose files have the same names; what lies beside them is passed over."""
    for name in ("one", "deep/two"):
        touch(tmp_path / "set" / name / "infrared", "i0001.jpg", "i0002.jpg")
        touch(tmp_path / "set" / name / "visible", "v0001.jpg")
    touch(tmp_path / "set" / "out" / "ir", "9.png")
    touch(tmp_path / "set" / "out" / "vis", "9.png")
    touch(tmp_path / "set", "cover.jpg")
    found = pair_sources(tmp_path / "set", recursive=True, exclude=tmp_path / "set" / "out")
    assert [pair.relative.as_posix() for pair in found.pairs] == ["deep/two/v0001", "one/v0001"]
    assert stems(found) == [("i0001", "v0001"), ("i0001", "v0001")]
    assert [path.name for path in found.passed_over] == ["cover.jpg"]
    assert [path.name for path in found.ir_only] == ["i0002.jpg", "i0002.jpg"]
    assert not pair_sources(tmp_path / "set").pairs


@pytest.mark.parametrize("ir, vis, second", [
    ("cropinfrared", "crop_LR_visible", "crop_HR_visible"),  # RoadScene
    ("images_thermal", "images_rgb", "images_raw_thermal"),
    ("Thermal images", "RGB images", "masks"),
    ("day-lwir", "day-visible-wide", "day-visible-zoom"),
])  # fmt: skip
@pytest.mark.parametrize("deeper", [False, True])
def test_folders_whose_names_hold_a_mark(tmp_path, ir, vis, second, deeper):
    root = tmp_path / "set" if deeper else tmp_path
    for folder in (ir, vis, second):
        touch(root / folder, "FLIR_00006.jpg", "FLIR_00012.jpg")
    found = pair_sources(tmp_path, recursive=deeper)
    assert [(pair.ir.parent.name, pair.vis.parent.name) for pair in found.pairs] == [(ir, vis)] * 2
    assert [path.parent.name for path in found.passed_over] in ([second] * 2, [] if second == "masks" else [None])


@pytest.mark.parametrize("names", [("photos", "thermal"), ("fired", "rgb"), ("thermal_rgb", "rgb"),
                                   ("a_thermal", "b_thermal", "rgb"), ("colorado", "iraq")])  # fmt: skip
def test_other_folders_are_not_taken_for_kinds(tmp_path, names):
    for name in names:
        touch(tmp_path / name, "a.jpg")
    assert not pair_sources(tmp_path, recursive=True).pairs
