import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from diffuse_fuse import batch, metrics
from diffuse_fuse.batch import steps
from diffuse_fuse.errors import ImageError, MetricError, UsageError, WeightsError
from diffuse_fuse.images.read import read_image, read_visible
from diffuse_fuse.images.write import write_image

from .conftest import AverageFuser, contents, radiometric, rows, states


def test_a_folder(folders):
    ir, vis, out = folders
    seen = []
    results = batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(), out, watch=batch.Watch(seen.append))
    assert states(results) == ["ok"] * 3 and seen == results
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "1.png", "2.png", "metrics.csv"]
    assert rows(out) == ["0.png", "1.png", "2.png"]
    assert list(results[0].metrics) == list(metrics.FUSE) and results[0].seconds > 0
    assert read_visible(out / "0.png").shape == (37, 45, 3)


def test_recursive_mirrors_the_tree(folders):
    ir, vis, out = folders
    batch.run_folder(batch.plan_folders(ir, vis, out, recursive=True, suffix=".jpg"), AverageFuser(), out)
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
    results = batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(1, error), out)
    assert states(results) == ["ok", "failed", "ok"]
    assert words in results[1].error and results[1].metrics == {}
    assert (results[1].traceback is not None) == isinstance(error, ValueError)
    assert rows(out) == ["0.png", "2.png"] and not (out / "1.png").exists()


def test_undefined_metrics_do_not_cost_the_picture(folders, monkeypatch):
    def refuse(*_):
        raise MetricError("Too small for VIF.")

    monkeypatch.setattr(metrics, "compute", refuse)
    ir, vis, out = folders
    results = batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert states(results) == ["ok"] * 3 and "Too small for VIF." in results[0].warnings[0]
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "1.png", "2.png"]


def test_an_interrupt_while_measuring_leaves_no_picture_without_metrics(folders, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(metrics, "compute", interrupt)
    ir, vis, out = folders
    with pytest.raises(KeyboardInterrupt):
        batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert not out.exists()


def test_what_is_wrong_with_the_weights_stops_the_run(folders):
    ir, vis, out = folders
    with pytest.raises(WeightsError):
        batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(1, WeightsError("Damaged.")), out)
    assert rows(out) == ["0.png"] and (out / "0.png").is_file()


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_that_is_stopped_finishes_what_the_network_made(folders, workers):
    ir, vis, out = folders
    fuser = AverageFuser()
    plan = batch.plan_folders(ir, vis, out)
    results = batch.run_folder(plan, fuser, out, workers=workers, watch=batch.Watch(stop=lambda: fuser.calls == 2))
    assert states(results) == ["ok", "ok"] and fuser.calls == 2
    assert rows(out) == ["0.png", "1.png"] and not (out / "2.png").exists()


def test_a_damaged_file_does_not_stop_the_others(folders):
    ir, vis, out = folders
    (ir / "0.png").write_bytes(b"")
    results = batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert states(results) == ["failed", "ok", "ok"] and "is empty" in results[0].error


def test_an_interrupt_keeps_what_is_done_and_a_second_run_does_the_rest(folders):
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    with pytest.raises(KeyboardInterrupt):
        batch.run_folder(plan, AverageFuser(1, KeyboardInterrupt()), out)
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "metrics.csv"] and rows(out) == ["0.png"]
    fuser = AverageFuser()
    assert states(batch.run_folder(plan, fuser, out)) == ["skipped", "ok", "ok"] and fuser.calls == 2
    assert rows(out) == ["0.png", "1.png", "2.png"]


def test_with_nothing_to_do_no_fuser_is_needed(folders):
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    batch.run_folder(plan, AverageFuser(), out)
    before = (out / "metrics.csv").read_bytes()
    assert states(batch.run_folder(plan, None, out)) == ["skipped"] * 3
    assert (out / "metrics.csv").read_bytes() == before


def test_replaced_pictures_without_metrics_lose_their_old_row(folders):
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    batch.run_folder(plan, AverageFuser(), out)
    (out / "1.png").unlink()
    results = batch.run_folder(plan, AverageFuser(), out, recipe=batch.Recipe(measure=False))
    assert states(results) == ["skipped", "ok", "skipped"] and results[1].metrics == {}
    assert rows(out) == ["0.png", "2.png"]
    batch.run_folder(plan, AverageFuser(), out, existing="replace")
    assert rows(out) == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
@pytest.mark.parametrize("recipe", [batch.Recipe(), batch.Recipe(side_by_side=True)], ids=["plain", "side by side"])
def test_rows_that_are_missing_are_measured_again(folders, suffix, recipe):
    ir, vis, out = folders
    plan, recipe = batch.plan_folders(ir, vis, out, suffix=suffix), replace(recipe, weights="a" * 64)
    batch.run_folder(plan, AverageFuser(), out, recipe=recipe)
    before = contents(out)
    table = (out / "metrics.csv").read_text().splitlines(keepends=True)
    (out / "metrics.csv").write_text("".join([*table[:1], table[2]]))
    results = batch.run_folder(plan, None, out, recipe=recipe)
    assert states(results) == ["skipped"] * 3 and [bool(result.metrics) for result in results] == [True, False, True]
    assert contents(out) == before


def test_where_a_missing_row_cannot_be_measured_that_is_said(folders):
    ir, vis, out = folders
    plan, recipe = batch.plan_folders(ir, vis, out, suffix=".bmp"), batch.Recipe(weights="a" * 64)
    batch.run_folder(plan, AverageFuser(), out, recipe=recipe)
    write_image(out / "1.bmp", read_visible(out / "1.bmp")[:20])
    (out / "metrics.csv").unlink()
    results = batch.run_folder(plan, None, out, recipe=recipe)
    assert states(results) == ["skipped"] * 3 and rows(out) == ["0.bmp", "2.bmp"]
    assert "1.bmp are missing and cannot be computed: " in results[1].warnings[-1]


def test_of_a_picture_that_says_nothing_nothing_is_measured(folders, scene):
    ir, vis, out = folders
    write_image(out / "1.png", scene[1])
    results = batch.run_folder(
        batch.plan_folders(ir, vis, out), AverageFuser(), out, recipe=batch.Recipe(weights="a" * 64)
    )
    assert states(results) == ["ok", "skipped", "ok"] and rows(out) == ["0.png", "2.png"]


def test_rows_of_pictures_that_are_gone_are_dropped(folders):
    ir, vis, out = folders
    batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    for path in (ir / "2.png", out / "2.png", out / "0.png"):
        path.unlink()
    batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert rows(out) == ["0.png", "1.png"]


def test_a_foreign_metrics_csv_is_not_replaced(folders):
    ir, vis, out = folders
    out.mkdir()
    (out / "metrics.csv").write_text("method,EN\nmine,7\n")
    plan = batch.plan_folders(ir, vis, out)
    with pytest.raises(ImageError, match="was not written by dfuse"):
        batch.run_folder(plan, AverageFuser(), out)
    assert states(batch.run_folder(plan, AverageFuser(), out, recipe=batch.Recipe(measure=False))) == ["ok"] * 3
    assert (out / "metrics.csv").read_text() == "method,EN\nmine,7\n"


def test_two_files_with_one_name_fail_and_the_rest_is_fused(folders, scene):
    ir, vis, out = folders
    write_image(vis / "1.bmp", scene[1])
    results = batch.run_folder(batch.plan_folders(ir, vis, out), AverageFuser(), out)
    assert states(results) == ["ok", "ok", "failed"]
    assert "1.bmp" in results[2].error and "1.png" in results[2].error


def test_an_existing_output_is_refused_unless_asked(folders, tmp_path):
    job = batch.plan_pair(folders[0] / "0.png", folders[1] / "0.png", tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(b"precious")
    (result,) = batch.run([job], AverageFuser(), existing="refuse")
    assert result.status == "failed" and "--overwrite" in result.error
    assert (tmp_path / "a.png").read_bytes() == b"precious"
    (result,) = batch.run([job], AverageFuser(), existing="replace")
    assert result.status == "ok" and read_visible(tmp_path / "a.png").shape == (37, 45, 3)


def test_an_existing_gif_is_refused_unless_asked(folders, tmp_path):
    """That of a.png when a.jpg is written."""
    recipe = batch.Recipe(gif=True)
    jobs = [batch.plan_pair(folders[0] / "0.png", folders[1] / "0.png", tmp_path / name) for name in ("a.png", "a.jpg")]
    assert states(batch.run(jobs[:1], AverageFuser(), recipe=recipe)) == ["ok"]
    (result,) = batch.run(jobs[1:], AverageFuser(), recipe=recipe)
    assert result.status == "failed" and "a.gif exists already" in result.error and not (tmp_path / "a.jpg").exists()
    assert states(batch.run(jobs[1:], AverageFuser(), existing="replace", recipe=recipe)) == ["ok"]


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


def test_a_folder_of_files_that_hold_both_pictures(tmp_path, scene):
    for number in range(3):
        radiometric(tmp_path / "in" / f"{number}.jpg", 20 + scene[0] / 10.0, scene[1])
    write_image(tmp_path / "in" / "plain.jpg", scene[1])
    write_image(tmp_path / "in" / "2.png", scene[1])
    plan = batch.plan_single_folder(tmp_path / "in", tmp_path / "out")
    results = batch.run_folder(plan, AverageFuser(), tmp_path / "out")
    assert states(results) == ["ok", "ok", "ok", "failed", "failed"]
    failed = " ".join(result.error for result in results if result.status == "failed")
    assert "plain.jpg" in failed and "both become" in failed and " and " in failed
    assert read_visible(tmp_path / "out" / "0.png").shape == (37, 45, 3)
    with pytest.raises(UsageError, match="is an input folder"):
        batch.plan_single_folder(tmp_path / "in", tmp_path / "in")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no pictures in"):
        batch.plan_single_folder(tmp_path / "empty", tmp_path / "out")


class Waits:
    """A fuser that goes on when the test says so."""

    def __init__(self):
        self.go = threading.Event()

    def fuse(self, ir, vis):
        assert self.go.wait(20)
        return vis


def test_whatever_the_number_of_workers_the_bytes_are_the_same(folders):
    ir, vis, out = folders
    found = []
    for workers in (1, 4):
        target = out / str(workers)
        plan = batch.plan_folders(ir, vis, target, recursive=True)
        batch.run_folder(plan, AverageFuser(), target, workers=workers, recipe=batch.Recipe(weights="0" * 64))
        found.append(contents(target))
    assert found[0] == found[1] and len(found[0]) == 5


def test_pictures_are_read_ahead_but_not_many_of_them(folders, scene, monkeypatch):
    ir, vis, out = folders
    for number in range(3, 30):
        write_image(ir / f"{number}.png", scene[0])
        write_image(vis / f"{number}.png", scene[1])
    read = []
    load_pair = steps.load_pair
    monkeypatch.setattr(steps, "load_pair", lambda *args: read.append(args) or load_pair(*args))
    fuser = Waits()
    plan = batch.plan_folders(ir, vis, out)
    running = threading.Thread(
        target=lambda: batch.run(plan.jobs, fuser, workers=2, recipe=batch.Recipe(measure=False)), daemon=True
    )
    running.start()
    deadline = time.monotonic() + 20
    while len(read) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)  # would more be read, it would be now
    assert len(read) == 4  # the one with the network, and workers + 1 behind it
    fuser.go.set()
    running.join(20)
    assert len(read) == len(plan.jobs) == 30


def test_a_disk_that_takes_no_more_is_a_failure_of_each_pair(folders):
    """The limit on a file's size is the kernel's own refusal to write, as a full disk is."""
    resource = pytest.importorskip("resource")
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        results = batch.run_folder(plan, AverageFuser(), out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert states(results) == ["failed"] * 3
    assert all(f"{result.out} cannot be written: " in result.error for result in results)
    assert list(out.iterdir()) == []  # no half picture, no temporary file
    assert states(batch.run_folder(plan, AverageFuser(), out)) == ["ok"] * 3
    assert rows(out) == ["0.png", "1.png", "2.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such pipes there")
def test_each_kind_of_bad_file_is_one_failure(folders, scene):
    ir, vis, out = folders
    for number in range(3, 9):
        write_image(ir / f"{number}.png", scene[0])
        write_image(vis / f"{number}.png", scene[1])
    plan = batch.plan_folders(ir, vis, out)
    (ir / "1.png").unlink()  # vanished since it was planned
    (vis / "3.png").unlink()
    (vis / "3.png").mkdir()
    (out / "4.png").mkdir(parents=True)
    (ir / "5.png").write_bytes((ir / "5.png").read_bytes()[:400])
    (ir / "6.png").unlink()
    os.mkfifo(ir / "6.png")
    results = batch.run_folder(plan, AverageFuser(), out)
    assert {result.out.stem for result in results if result.status == "ok"} == {"0", "2", "7", "8"}
    said = {result.out.stem: result.error for result in results if result.status == "failed"}
    assert "does not exist" in said["1"] and "is a folder" in said["3"] and "is a folder" in said["4"]
    assert "cut off" in said["5"] and "a pipe" in said["6"]


def test_a_place_that_takes_no_files(folders, monkeypatch):
    ir, vis, out = folders
    out.mkdir()
    (out / "sub").write_bytes(b"a file where a folder should be made")
    plan, fuser = batch.plan_folders(ir, vis, out, recursive=True), AverageFuser()
    results = batch.run_folder(plan, fuser, out)
    assert states(results) == ["ok"] * 3 + ["failed"] and fuser.calls == 3
    assert "3.png cannot be written" in results[3].error and "is a file, not a folder" in results[3].error
    monkeypatch.setattr(os, "access", lambda path, mode: path != out)  # root may write anywhere
    results = batch.run_folder(plan, fuser, out, existing="replace")
    assert states(results) == ["failed"] * 4 and fuser.calls == 3  # said before the network has worked for nothing
    assert "1.png cannot be written: the folder" in results[1].error


def test_only_metrics(folders, scene):
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    batch.run_folder(plan, AverageFuser(), out)
    table, pictures = (out / "metrics.csv").read_bytes(), contents(out)
    (out / "metrics.csv").unlink()
    results = batch.run_folder(plan, None, out, existing="measure")
    assert states(results) == ["ok"] * 3 and (out / "metrics.csv").read_bytes() == table
    assert contents(out) == pictures
    (out / "0.png").unlink()
    write_image(out / "1.png", scene[1][:20])
    results = batch.run_folder(plan, None, out, existing="measure")
    assert states(results) == ["failed", "failed", "ok"]
    assert "0.png does not exist" in results[0].error and "differ in size" in results[1].error
    assert rows(out) == ["1.png", "2.png"]


def test_sixteen_bits_side_by_side_and_in_turn(folders, scene):
    ir, vis, out = folders
    job = batch.plan_pair(ir / "0.png", vis / "0.png", out / "a.png")
    (plain,) = batch.run([job], AverageFuser(), existing="replace")
    recipe = batch.Recipe(depth=16, side_by_side=True, gif=True)
    (result,) = batch.run([job], AverageFuser(), existing="replace", recipe=recipe)
    assert result.status == "ok", result.error
    assert result.metrics == pytest.approx(plain.metrics, nan_ok=True)  # of the fused picture, as 8 bits show it
    shown = read_image(out / "a.png")
    assert shown.dtype == np.uint16 and shown.shape == (37, 3 * 45 + 2, 3)
    expected = AverageFuser().fuse(*scene, depth=16)
    assert np.array_equal(shown[:, -45:], expected) and np.array_equal(shown[:, :45, 0], scene[0] * np.uint16(257))
    with Image.open(out / "a.gif") as gif:
        assert gif.n_frames == 3 and gif.size == (45, 37)
        gif.seek(1)
        assert np.array_equal(np.asarray(gif.convert("L")), scene[0])
