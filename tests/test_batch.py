import numpy as np
import pytest

from diffuse_fuse import batch, metrics
from diffuse_fuse.errors import DataError, ImageError, MetricError, UsageError
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

from .images import flir_file


class AverageFuser:
    """Fuses by averaging, fails on request, and counts its calls."""

    def __init__(self, fail_at: int = -1, error: BaseException | None = None) -> None:
        self.calls, self.fail_at, self.error = 0, fail_at, error

    def fuse(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls - 1 == self.fail_at:
            raise self.error
        return (vis // 2 + ir[..., None] // 2).astype(np.uint8)


@pytest.fixture
def folders(tmp_path, scene):
    """ir/, vi/ with the pairs 0, 1, 2 and sub/3, and out/ that is not there yet."""
    for number in ("0", "1", "2", "sub/3"):
        write_image(tmp_path / "ir" / f"{number}.png", scene[0])
        write_image(tmp_path / "vi" / f"{number}.png", scene[1])
    return tmp_path / "ir", tmp_path / "vi", tmp_path / "out"


def rows(out):
    header, *lines = (out / "metrics.csv").read_text(encoding="utf-8").splitlines()
    assert header == ",".join(["picture", *metrics.FUSE])
    return [line.split(",")[0] for line in lines]


def states(results):
    return [result.status for result in results]


def test_a_folder(folders):
    ir, vis, out = folders
    seen = []
    results = batch.run_folders(batch.plan_folders(ir, vis, out), AverageFuser(), out, on_result=seen.append)
    assert states(results) == ["ok"] * 3 and seen == results
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "1.png", "2.png", "metrics.csv"]
    assert rows(out) == ["0.png", "1.png", "2.png"]
    assert list(results[0].metrics) == list(metrics.FUSE) and results[0].seconds > 0
    assert read_visible(out / "0.png").shape == (37, 45, 3)


def test_recursive_mirrors_the_tree(folders):
    ir, vis, out = folders
    batch.run_folders(batch.plan_folders(ir, vis, out, recursive=True, suffix=".jpg"), AverageFuser(), out)
    assert rows(out) == ["0.jpg", "1.jpg", "2.jpg", "sub/3.jpg"]
    assert (out / "sub" / "3.jpg").is_file()


@pytest.mark.parametrize(
    "error, words",
    [
        (ImageError("Too small."), "1.png: Too small."),
        (ValueError("odd"), "bug in dfuse: ValueError: odd"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"), "not enough memory"),
    ],
)
def test_a_bad_pair_does_not_stop_the_others(folders, error, words):
    ir, vis, out = folders
    results = batch.run_folders(batch.plan_folders(ir, vis, out), AverageFuser(1, error), out)
    assert states(results) == ["ok", "failed", "ok"]
    assert words in results[1].error and results[1].metrics == {}
    assert (results[1].traceback is not None) == isinstance(error, ValueError)
    assert rows(out) == ["0.png", "2.png"] and not (out / "1.png").exists()


def test_undefined_metrics_do_not_cost_the_picture(folders, monkeypatch):
    def refuse(*_):
        raise MetricError("Too small for VIF.")

    monkeypatch.setattr(metrics, "compute", refuse)
    ir, vis, out = folders
    results = batch.run_folders(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert states(results) == ["ok"] * 3 and "Too small for VIF." in results[0].warnings[0]
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "1.png", "2.png"]


def test_an_interrupt_while_measuring_leaves_no_picture_without_metrics(folders, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(metrics, "compute", interrupt)
    ir, vis, out = folders
    with pytest.raises(KeyboardInterrupt):
        batch.run_folders(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert not out.exists()


def test_a_damaged_file_does_not_stop_the_others(folders):
    ir, vis, out = folders
    (ir / "0.png").write_bytes(b"")
    results = batch.run_folders(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert states(results) == ["failed", "ok", "ok"] and "is empty" in results[0].error


def test_an_interrupt_keeps_what_is_done_and_a_second_run_does_the_rest(folders):
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    with pytest.raises(KeyboardInterrupt):
        batch.run_folders(plan, AverageFuser(1, KeyboardInterrupt()), out)
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "metrics.csv"] and rows(out) == ["0.png"]
    fuser = AverageFuser()
    assert batch.count_work(plan.jobs, "skip") == 2
    assert states(batch.run_folders(plan, fuser, out)) == ["skipped", "ok", "ok"] and fuser.calls == 2
    assert rows(out) == ["0.png", "1.png", "2.png"]


def test_with_nothing_to_do_no_fuser_is_needed(folders):
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    batch.run_folders(plan, AverageFuser(), out)
    before = (out / "metrics.csv").read_bytes()
    assert batch.count_work(plan.jobs, "skip") == 0
    assert states(batch.run_folders(plan, None, out)) == ["skipped"] * 3
    assert (out / "metrics.csv").read_bytes() == before


def test_replaced_pictures_without_metrics_lose_their_old_row(folders):
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    batch.run_folders(plan, AverageFuser(), out)
    (out / "1.png").unlink()
    results = batch.run_folders(plan, AverageFuser(), out, measure=False)
    assert states(results) == ["skipped", "ok", "skipped"] and results[1].metrics == {}
    assert rows(out) == ["0.png", "2.png"]
    batch.run_folders(plan, AverageFuser(), out, existing="replace")
    assert rows(out) == ["0.png", "1.png", "2.png"]


def test_rows_of_pictures_that_are_gone_are_dropped(folders):
    ir, vis, out = folders
    batch.run_folders(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    for path in (ir / "2.png", out / "2.png", out / "0.png"):
        path.unlink()
    batch.run_folders(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert rows(out) == ["0.png", "1.png"]


def test_a_foreign_metrics_csv_is_not_replaced(folders):
    ir, vis, out = folders
    out.mkdir()
    (out / "metrics.csv").write_text("method,EN\nmine,7\n")
    plan = batch.plan_folders(ir, vis, out)
    with pytest.raises(ImageError, match="was not written by dfuse"):
        batch.run_folders(plan, AverageFuser(), out)
    assert states(batch.run_folders(plan, AverageFuser(), out, measure=False)) == ["ok"] * 3
    assert (out / "metrics.csv").read_text() == "method,EN\nmine,7\n"


def test_two_files_with_one_name_fail_and_the_rest_is_fused(folders, scene):
    ir, vis, out = folders
    write_image(vis / "1.bmp", scene[1])
    results = batch.run_folders(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert states(results) == ["ok", "ok", "failed"]
    assert "1.bmp" in results[2].error and "1.png" in results[2].error


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


def test_an_existing_output_is_refused_unless_asked(folders, tmp_path):
    job = batch.plan_pair(folders[0] / "0.png", folders[1] / "0.png", tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(b"precious")
    (result,) = batch.run([job], AverageFuser(), existing="refuse")
    assert result.status == "failed" and "--overwrite" in result.error
    assert (tmp_path / "a.png").read_bytes() == b"precious"
    (result,) = batch.run([job], AverageFuser(), existing="replace")
    assert result.status == "ok" and read_visible(tmp_path / "a.png").shape == (37, 45, 3)


def test_nan_is_null_in_json_and_left_out_of_means(tmp_path):
    def result(**values):
        return batch.Result(tmp_path, tmp_path, tmp_path, "ok", 1.0, values)

    assert result(EN=float("nan"), SD=float("inf"), SF=2.0).as_dict()["metrics"] == {"EN": None, "SD": None, "SF": 2.0}
    means = batch.mean_metrics([result(EN=1.0, SD=float("nan")), result(EN=3.0, SD=float("nan"))])
    assert means["EN"] == 2 and np.isnan(means["SD"])


def test_the_warnings_of_a_pair_reach_the_result(tmp_path, scene):
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    job = batch.plan_pair(tmp_path / "vis.png", tmp_path / "ir.png", tmp_path / "out.png")
    (result,) = batch.run([job], AverageFuser())
    assert result.status == "ok" and "swapped" in result.warnings[0]


def radiometric(path, celsius, vis):
    path.parent.mkdir(exist_ok=True)
    records = {
        0x01: flir_file.raw_record(flir_file.counts_of(celsius)),
        0x0E: flir_file.visible_record(flir_file.encode(".png", vis)),
        0x20: flir_file.camera_record(),
        0x2A: flir_file.alignment_record(1.0, 0, 0),
    }
    path.write_bytes(flir_file.r_jpeg(flir_file.encode(".jpg", vis), records))


def test_a_folder_of_files_that_hold_both_pictures(tmp_path, scene):
    for number in range(3):
        radiometric(tmp_path / "in" / f"{number}.jpg", 20 + scene[0] / 10.0, scene[1])
    write_image(tmp_path / "in" / "plain.jpg", scene[1])
    write_image(tmp_path / "in" / "2.png", scene[1])
    plan = batch.plan_single_folder(tmp_path / "in", tmp_path / "out")
    results = batch.run_folders(plan, AverageFuser(), tmp_path / "out")
    assert states(results) == ["ok", "ok", "ok", "failed", "failed"]
    failed = " ".join(result.error for result in results if result.status == "failed")
    assert "plain.jpg" in failed and "both become" in failed and " and " in failed
    assert read_visible(tmp_path / "out" / "0.png").shape == (37, 45, 3)
    with pytest.raises(UsageError, match="is an input folder"):
        batch.plan_single_folder(tmp_path / "in", tmp_path / "in")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no pictures in"):
        batch.plan_single_folder(tmp_path / "empty", tmp_path / "out")


def test_one_range_for_a_series(tmp_path, scene):
    """Two scenes ten degrees apart: by themselves they look alike, in a series the second is brighter."""
    for number in range(2):
        radiometric(tmp_path / "in" / f"{number}.jpg", 20 + 10 * number + scene[0] / 30.0, scene[1])
    (tmp_path / "in" / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    jobs = batch.plan_single_folder(tmp_path / "in", tmp_path / "out").jobs
    load, unit = batch.with_series_range(jobs, LoadOptions())
    low, high = load.thermal_range
    assert unit == "°C" and 20 < low < 23 and 36 < high < 39
    means = []
    for options in (LoadOptions(), load):
        seen = []

        class Sees:
            def fuse(self, ir, vis, seen=seen):
                seen.append(float(ir.mean()))
                return vis

        batch.run(jobs, Sees(), existing="replace", measure=False, load=options)
        means.append(seen)
    assert abs(means[0][0] - means[0][1]) < 0.02 and means[1][1] - means[1][0] > 0.4


def test_a_series_needs_one_unit(tmp_path, scene):
    radiometric(tmp_path / "in" / "0.jpg", 20 + scene[0] / 10.0, scene[1])
    write_image(tmp_path / "in" / "1.png", scene[0])
    jobs = batch.plan_single_folder(tmp_path / "in", tmp_path / "out").jobs
    with pytest.raises(DataError, match="8-bit levels and °C"):
        batch.with_series_range(jobs, LoadOptions())
    assert batch.with_series_range(jobs[1:], LoadOptions()) == (LoadOptions(), None)
