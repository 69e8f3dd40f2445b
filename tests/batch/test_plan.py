import pytest

from diffuse_fuse import batch
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image


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
    with pytest.raises(UsageError, match="two folders are needed"):
        batch.plan_folders(vis, out, ir)
    for other in (ir / "0.png", vis / "0.png", vis, out, out / "0.png"):
        with pytest.raises(UsageError, match="one of the input pictures"):
            batch.plan_pair(ir / "0.png", vis / "0.png", other)


def test_an_output_of_one_pair_that_is_an_input_of_another(tmp_path, scene):
    """data/vi/1.png pairs with data/ir/vi/1.png, so fusing into data/ would write over an input."""
    for name in ("ir/vi/1.png", "data/vi/1.png"):
        write_image(tmp_path / name, scene[1])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "vi").symlink_to(tmp_path / "data" / "vi", target_is_directory=True)
    with pytest.raises(UsageError, match="one of the input pictures"):
        batch.plan_folders(tmp_path / "ir", tmp_path / "data", tmp_path / "out", recursive=True)


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
    with pytest.raises(UsageError, match="exr is unknown: use one of png"):
        batch.format_suffix("exr")
