import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffuse_fuse.errors import DataError
from diffuse_fuse.images.pairs import find_pair_folders, find_pairs, find_pairs_in_one


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    root.mkdir(exist_ok=True)
    return root


def names(pairing):
    return [(pair.ir.name, pair.vis.name, pair.relative.as_posix()) for pair in pairing.pairs]


def test_pairs_by_stem_whatever_case_suffix_and_order(tmp_path):
    ir = touch(tmp_path / "ir", "b.TIFF", "A.png", "frame.0001.png")
    vis = touch(tmp_path / "vi", "a.JPG", "B.jpg", "frame.0001.jpg")
    assert names(find_pairs(ir, vis)) == [
        ("A.png", "a.JPG", "a"),
        ("b.TIFF", "B.jpg", "B"),
        ("frame.0001.png", "frame.0001.jpg", "frame.0001"),
    ]


def test_what_is_no_picture_is_passed_over(tmp_path):
    ir = touch(tmp_path / "ir", "a.png", "Thumbs.db", ".DS_Store", "._a.png", "notes.txt")
    vis = touch(tmp_path / "vi", "a.png", "Thumbs.db", "notes.txt")
    found = find_pairs(ir, vis)
    assert names(found) == [("a.png", "a.png", "a")]
    assert not (found.ir_only or found.vis_only or found.ambiguous)


def test_files_without_a_partner_are_reported(tmp_path):
    found = find_pairs(touch(tmp_path / "ir", "a.png", "x.png"), touch(tmp_path / "vi", "a.png", "y.png", "z.png"))
    assert [path.name for path in found.ir_only] == ["x.png"]
    assert [path.name for path in found.vis_only] == ["y.png", "z.png"]


def test_one_name_on_two_files_is_ambiguous(tmp_path):
    found = find_pairs(touch(tmp_path / "ir", "a.png", "a.tif", "b.png"), touch(tmp_path / "vi", "a.png", "b.png"))
    assert names(found) == [("b.png", "b.png", "b")]
    (ambiguous,) = found.ambiguous
    assert "a.png" in str(ambiguous) and "a.tif" in str(ambiguous) and "infrared" in str(ambiguous)
    assert not found.vis_only


def test_subfolders_only_when_asked_and_mirrored(tmp_path):
    ir = touch(tmp_path / "ir", "Day/1.png", "night/deep/1.png", "1.png")
    vis = touch(tmp_path / "vi", "day/1.jpg", "night/deep/1.jpg", "1.jpg", ".hidden/1.jpg")
    assert [relative for _, _, relative in names(find_pairs(ir, vis))] == ["1"]
    found = find_pairs(ir, vis, recursive=True)
    assert [relative for _, _, relative in names(found)] == ["1", "day/1", "night/deep/1"]
    assert not (found.ir_only or found.vis_only)


def test_an_output_folder_inside_an_input_is_left_out(tmp_path):
    ir, vis = touch(tmp_path / "ir", "a.png", "fused/a.png"), touch(tmp_path / "vi", "a.png", "fused/a.png")
    assert len(find_pairs(ir, vis, recursive=True).pairs) == 2
    found = find_pairs(ir, vis, recursive=True, exclude=vis / "fused")
    assert names(found) == [("a.png", "a.png", "a")]


def test_composed_and_decomposed_accents_are_one_name(tmp_path):
    found = find_pairs(touch(tmp_path / "ir", "e\u0301te\u0301.png"), touch(tmp_path / "vi", "\u00e9t\u00e9.png"))
    assert len(found.pairs) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    ir, vis = touch(tmp_path / "ir", "s/a.png"), touch(tmp_path / "vi")
    stored = touch(tmp_path / "disk", "a.png")
    (vis / "s").symlink_to(stored, target_is_directory=True)
    (ir / "s" / "loop").symlink_to(ir, target_is_directory=True)
    assert names(find_pairs(ir, vis, recursive=True)) == [("a.png", "a.png", "s/a")]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        find_pairs(tmp_path / "no", tmp_path)


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_every_file_is_in_exactly_one_place(tmp_path_factory, left, right):
    root = tmp_path_factory.mktemp("pairs")
    ir = touch(root / "ir", *(f"{number}.png" for number in left))
    vis = touch(root / "vi", *(f"{number}.jpg" for number in right))
    found = find_pairs(ir, vis)
    assert {int(pair.vis.stem) for pair in found.pairs} == left & right
    assert {int(path.stem) for path in found.ir_only} == left - right
    assert {int(path.stem) for path in found.vis_only} == right - left


@pytest.mark.parametrize("ir, vis", [("ir", "vi"), ("IR", "Vis"), ("thermal", "RGB"), ("lwir", "visible"), ("T", "V")])
def test_the_folders_of_a_data_set(tmp_path, ir, vis):
    for name in (ir, vis, "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "t.txt").write_text("")
    assert find_pair_folders(tmp_path) == (tmp_path / ir, tmp_path / vis)


def test_a_data_set_that_lacks_a_folder_or_has_two(tmp_path):
    (tmp_path / "ir").mkdir()
    with pytest.raises(DataError, match=r"no visible folder.*but holds ir"):
        find_pair_folders(tmp_path)
    (tmp_path / "vi").mkdir()
    (tmp_path / "visible").mkdir()
    with pytest.raises(DataError, match=r"more than one visible folder \(vi, visible\)"):
        find_pair_folders(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        find_pair_folders(tmp_path / "no")


@pytest.mark.parametrize(
    "ir, vis",
    [("a_ir.png", "a_vis.png"), ("DJI_0001_T.JPG", "DJI_0001_V.JPG"), ("x-thermal.tif", "x-rgb.jpg"),
     ("b_ir.png", "b.png"), ("c.png", "c_vis.png")],
)  # fmt: skip
def test_marks_that_cameras_add_are_no_part_of_the_name(tmp_path, ir, vis):
    found = find_pairs(touch(tmp_path / "ir", ir), touch(tmp_path / "vi", vis))
    assert names(found) == [(ir, vis, vis.rsplit(".", 1)[0])] and not (found.ir_only or found.vis_only)


def test_whole_names_come_before_names_without_marks(tmp_path):
    ir = touch(tmp_path / "ir", "a_ir.png", "b_t.png", "ir.png", "_ir.png")
    vis = touch(tmp_path / "vi", "a_ir.png", "a_vis.png", "b_t.png", "b_v.png", "vis.png", "_vis.png")
    found = find_pairs(ir, vis)
    assert [(left, right) for left, right, _ in names(found)] == [("a_ir.png", "a_ir.png"), ("b_t.png", "b_t.png")]
    assert [path.name for path in found.ir_only] == ["_ir.png", "ir.png"]
    assert [path.name for path in found.vis_only] == ["_vis.png", "a_vis.png", "b_v.png", "vis.png"]


def test_one_infrared_picture_with_two_visible_candidates_is_named(tmp_path):
    ir = touch(tmp_path / "ir", "DJI_7_T.JPG", "DJI_8_T.JPG")
    found = find_pairs(ir, touch(tmp_path / "vi", "DJI_7_W.JPG", "DJI_7_V.JPG", "DJI_8_W.JPG"))
    assert [left for left, _, _ in names(found)] == ["DJI_8_T.JPG"]
    (ambiguous,) = found.ambiguous
    assert "DJI_7_W.JPG" in str(ambiguous) and "DJI_7_V.JPG" in str(ambiguous)


def test_the_wide_lens_goes_before_the_zoom_lens(tmp_path):
    ir = touch(tmp_path / "ir", "DJI_7_T.JPG", "DJI_8_T.JPG")
    found = find_pairs(ir, touch(tmp_path / "vi", "DJI_7_W.JPG", "DJI_7_Z.JPG", "DJI_8_Z.JPG"))
    assert [(left, right) for left, right, _ in names(found)] == [
        ("DJI_7_T.JPG", "DJI_7_W.JPG"), ("DJI_8_T.JPG", "DJI_8_Z.JPG"),
    ]  # fmt: skip
    assert [path.name for path in found.passed_over] == ["DJI_7_Z.JPG"]


MARKED = [
    ("IR_0001.png", "VIS_0001.png", "0001"),
    ("thermal_0001.png", "rgb_0001.png", "0001"),
    ("00012i.jpg", "00012v.jpg", "00012"),
    ("i000000.jpg", "v000000.jpg", "000000"),
    ("0001_ir.png", "0001_co.png", "0001"),
    ("0001_nir.tiff", "0001_rgb.tiff", "0001"),
    ("s06_V000_I00019_lwir.png", "s06_V000_I00019_visible.png", "s06_V000_I00019"),
    ("DJI_20211104142340_0003_T.JPG", "DJI_20211104142340_0003_W.JPG", "DJI_20211104142340_0003"),
    ("DJI_2021_0003_T_point2.JPG", "DJI_2021_0003_V_point2.JPG", "DJI_2021_0003_point2"),
    ("scene IR 7.png", "scene VIS 7.png", "scene_7"),
    ("seq-ir-007.png", "seq-vis-007.png", "seq_007"),
    ("IR12.bmp", "VIS12.bmp", "12"),
    ("12ir.png", "12vi.png", "12"),
    ("streetIR.png", "streetRGB.png", "street"),
    ("000001_tir.jpg", "000001_rgb.jpg", "000001"),
    ("FLIR_00002_PreviewData.jpeg", "FLIR_00002_RGB.jpg", "FLIR_00002"),
]


@pytest.mark.parametrize("ir, vis, key", MARKED)
@pytest.mark.parametrize("folders", [1, 2])
def test_marks_stand_before_inside_or_after_the_name(tmp_path, ir, vis, key, folders):
    digits = [text for text in ir.split(".")[0] if text.isdigit()]
    more = [name.replace(digits[-1] if digits else "street", "8" if digits else "road") for name in (ir, vis)]
    both = touch(tmp_path / "ir", ir, more[0]), touch(tmp_path / ("vi" if folders == 2 else "ir"), vis, more[1])
    found = find_pairs(*both) if folders == 2 else find_pairs_in_one(both[0])
    assert (ir, vis, vis.rsplit(".", 1)[0]) in names(found) and len(found.pairs) == 2
    assert key in [pair.key.name for pair in found.pairs]
    assert not (found.ir_only or found.vis_only or found.ambiguous or found.passed_over)


@pytest.mark.parametrize("folders", [1, 2])
def test_shots_whose_times_differ_by_a_second_pair_by_their_number(tmp_path, folders):
    one = touch(tmp_path / "ir", "DJI_20230630101500_0001_T.JPG", "DJI_20230630101505_0002_T.JPG",
                "DJI_20230630111505_0003_T.JPG")  # fmt: skip
    other = touch(tmp_path / ("vi" if folders == 2 else "ir"), "DJI_20230630101459_0001_V.JPG",
                  "DJI_20230630101506_0002_V.JPG", "DJI_20230630101510_0003_V.JPG")  # fmt: skip
    found = find_pairs(one, other) if folders == 2 else find_pairs_in_one(one)
    assert [left[-10:-6] for left, _, _ in names(found)] == ["0001", "0002"]
    assert "2 pairs have times" in found.notes[0]
    assert len(found.ir_only) == len(found.vis_only) == 1


def test_what_one_folder_leaves_over_is_in_its_place(tmp_path):
    root = touch(tmp_path, "1_ir.png", "1_vis.png", "2_ir.png", "3_vis.png", "readme.png", "4.png", "4_ir.png")
    found = find_pairs_in_one(root)
    assert names(found) == [("1_ir.png", "1_vis.png", "1_vis"), ("4_ir.png", "4.png", "4")]
    assert [[path.name for path in part] for part in (found.ir_only, found.vis_only, found.passed_over)] == [
        ["2_ir.png"], ["3_vis.png"], ["readme.png"],
    ]  # fmt: skip


def test_one_folder_without_marks_has_no_pairs(tmp_path):
    assert find_pairs_in_one(touch(tmp_path, "FLIR0001.jpg", "FLIR0002.jpg", "a.png", "b.png")).pairs == ()


@given(st.sets(st.sampled_from(["a", "a_ir", "a_vis", "a_t", "b", "b_v", "b_ir"])),
       st.sets(st.sampled_from(["a", "a_ir", "a_vis", "a_w", "b", "b_v", "b_ir"])))  # fmt: skip
def test_no_file_is_lost_or_used_twice(tmp_path_factory, ir, vis):
    root = tmp_path_factory.mktemp("pairs")
    found = find_pairs(touch(root / "ir", *(f"{x}.png" for x in ir)), touch(root / "vi", *(f"{x}.png" for x in vis)))
    used = [
        [pair.ir for pair in found.pairs] + [p for each in found.ambiguous for p in each.ir] + list(found.ir_only),
        [pair.vis for pair in found.pairs]
        + [p for each in found.ambiguous for p in each.vis]
        + list(found.vis_only)
        + list(found.passed_over),
    ]
    assert sorted(path.stem for path in used[0]) == sorted(ir) and sorted(path.stem for path in used[1]) == sorted(vis)
    pairs = {(pair.ir.stem, pair.vis.stem) for pair in found.pairs}
    assert {(name, name) for name in ir & vis} <= pairs


def test_rjpg_files_are_pictures(tmp_path):
    found = find_pairs(touch(tmp_path / "ir", "a.RJPG", "b.rjpeg"), touch(tmp_path / "vi", "a.jpg", "b.jpg"))
    assert len(found.pairs) == 2
