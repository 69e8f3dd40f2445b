import os

import pytest

from diffuse_fuse import batch
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

from .conftest import AverageFuser, contents, states


def test_files_without_partner_are_in_the_plan(folders, scene):
    ir, vis, out = folders
    (ir / "2.png").unlink()
    write_image(ir / "x.png", scene[0])
    plan = batch.plan_folders(ir, vis, out)
    assert (plan.ir_only, plan.vis_only) == ((ir / "x.png",), (vis / "2.png",))


def test_no_input_can_become_an_output(folders):
    ir, vis, out = folders
    out.symlink_to(vis, target_is_directory=True)
    for other in (ir, vis, vis / ".." / "ir", out):
        with pytest.raises(UsageError, match="is an input folder"):
            batch.plan_folders(ir, vis, other)
    with pytest.raises(UsageError, match="give two different folders"):
        batch.plan_folders(vis, out, ir)
    for other in (ir / "0.png", vis / "0.png", vis, out, out / "0.png"):
        with pytest.raises(UsageError, match="one of the inputs"):
            batch.plan_pair(ir / "0.png", vis / "0.png", other)


def test_an_output_of_one_pair_that_is_an_input_of_another(tmp_path, scene):
    """data/vi/1.png pairs with data/ir/vi/1.png, so fusing into data/ would write over an input."""
    for name in ("ir/vi/1.png", "data/vi/1.png"):
        write_image(tmp_path / name, scene[1])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "vi").symlink_to(tmp_path / "data" / "vi", target_is_directory=True)
    with pytest.raises(UsageError, match="one of the inputs"):
        batch.plan_folders(tmp_path / "ir", tmp_path / "data", tmp_path / "out", recursive=True)


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard", "symbolic"])
@pytest.mark.parametrize("existing", ["resume", "replace"])
def test_links_to_inputs_in_the_output_folder_are_refused(folders, link, existing):
    ir, vis, out = folders
    out.mkdir()
    link(ir / "1.png", out / "1.png")
    before = contents(ir)
    with pytest.raises(UsageError, match="one of the inputs"):
        batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(), out, existing=existing)
    with pytest.raises(UsageError, match="one of the inputs"):
        batch.plan_pair(ir / "1.png", vis / "1.png", out)
    assert contents(ir) == before


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard", "symbolic"])
def test_links_to_other_files_are_replaced_and_not_written_through(folders, tmp_path, link):
    ir, vis, out = folders
    out.mkdir()
    (tmp_path / "other.png").write_bytes(b"precious")
    link(tmp_path / "other.png", out / "1.png")
    plan = batch.plan_folders(ir, vis, out)
    assert "skipped" in states(batch.run_folder(plan, AverageFuser(), out))
    assert states(batch.run_folder(plan, AverageFuser(), out, existing="replace")) == ["ok"] * 3
    assert (tmp_path / "other.png").read_bytes() == b"precious" and not (out / "1.png").is_symlink()


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("name", ["ir/fused", "vi/fused", "vi/sub/fused"])
def test_an_output_folder_inside_an_input_folder_is_no_input(folders, tmp_path, name, recursive):
    ir, vis, _ = folders
    before = [contents(ir), contents(vis)]
    for expected in ("ok", "skipped"):
        plan = batch.plan_folders(ir, vis, tmp_path / name, recursive)
        results = batch.run_folder(plan, AverageFuser(), tmp_path / name)
        assert states(results) == [expected] * (4 if recursive else 3) and not plan.ir_only and not plan.vis_only
    for folder, was in zip((ir, vis), before, strict=True):
        assert {key: data for key, data in contents(folder).items() if "fused" not in key} == was


def test_no_pairs_at_all(folders, tmp_path):
    ir, vis, out = folders
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no pictures in .*empty: add -r"):
        batch.plan_folders(ir, tmp_path / "empty", out)
    (tmp_path / "other").mkdir()
    write_image(tmp_path / "other" / "z.png", read_visible(vis / "0.png"))
    with pytest.raises(UsageError, match=r"No picture in .* has the name of one in"):
        batch.plan_folders(ir, tmp_path / "other", out)
    with pytest.raises(UsageError, match="is a file"):
        batch.plan_folders(ir, vis, vis / "0.png")


def test_where_the_picture_of_one_pair_goes(folders, tmp_path):
    ir, vis = folders[0] / "0.png", folders[1] / "1.png"
    assert batch.plan_pair(ir, vis, tmp_path / "a.JPG").out == tmp_path / "a.JPG"
    assert batch.plan_pair(ir, vis, tmp_path / "a.jpeg", ".jpg").out == tmp_path / "a.jpeg"
    assert batch.plan_pair(ir, vis, tmp_path / "a").out == tmp_path / "a.png"
    assert batch.plan_pair(ir, vis, tmp_path / "a", ".webp").out == tmp_path / "a.webp"
    assert batch.plan_pair(ir, vis, tmp_path).out == tmp_path / "1.png"
    assert batch.plan_pair(ir, vis, tmp_path, ".tif").out == tmp_path / "1.tif"
    with pytest.raises(UsageError, match="contradict"):
        batch.plan_pair(ir, vis, tmp_path / "a.jpg", ".png")
    with pytest.raises(UsageError, match=r"\.gif is unknown"):
        batch.plan_pair(ir, vis, tmp_path / "a.gif")
    assert batch.format_suffix("PNG") == batch.format_suffix(".png") == ".png"
    with pytest.raises(UsageError, match="Unknown format exr: use one of png"):
        batch.format_suffix("exr")
