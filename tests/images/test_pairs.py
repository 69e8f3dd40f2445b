import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffuse_fuse.errors import DataError
from diffuse_fuse.images.pairs import find_pair_folders, find_pairs


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
    with pytest.raises(DataError, match=r"no visible folder.*there is ir"):
        find_pair_folders(tmp_path)
    (tmp_path / "vi").mkdir()
    (tmp_path / "visible").mkdir()
    with pytest.raises(DataError, match=r"more than one visible folder \(vi, visible\)"):
        find_pair_folders(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        find_pair_folders(tmp_path / "no")
