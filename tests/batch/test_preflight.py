"""What a run will take, before it starts."""

import threading
import time

import cv2
import numpy as np

from diffuse_fuse import batch
from diffuse_fuse.images.field import GivenField
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.write import write_image

from .conftest import AverageFuser, contents

RECIPE = batch.Recipe(measure=False, weights="a" * 64)


class SlowFuser(AverageFuser):
    """A microsecond a pixel, as networks take their time."""

    def fuse(self, ir, vis, depth=8):
        time.sleep(1e-6 * ir.size)
        return super().fuse(ir, vis, depth)


def big(folder, count, height, width):
    rng = np.random.default_rng(0)
    for number in range(count):
        noise = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        write_image(folder / "ir" / f"{number:02}.png", noise[..., 0])
        write_image(folder / "vi" / f"{number:02}.png", noise)
    return batch.plan_folders(folder / "ir", folder / "vi", folder / "out")


def test_pairs_sizes_time_and_disk_space(tmp_path):
    plan = big(tmp_path, 12, 300, 400)
    found = batch.look_ahead(plan, SlowFuser(), tmp_path / "out", recipe=RECIPE)
    assert (found.pairs, found.to_do, found.kept, found.errors) == (12, 12, 0, ())
    assert found.sizes == (("400×300", 12),) and found.looked_at == 12
    assert not (tmp_path / "out").exists()
    start = time.perf_counter()
    batch.run_folder(plan, SlowFuser(), tmp_path / "out", recipe=RECIPE)
    seconds = time.perf_counter() - start
    assert 0.4 * seconds < found.seconds < 2.5 * seconds
    size = sum(len(data) for data in contents(tmp_path / "out").values())
    assert 0.8 * size < found.bytes < 1.25 * size and found.free > found.bytes


class OneAtATime(AverageFuser):
    """May be given two at once, but the machine lets one work: others hold its second core."""

    at_once = 2

    def __init__(self):
        super().__init__()
        self.core = threading.Lock()

    def fuse(self, ir, vis, depth=8):
        with self.core:
            time.sleep(1e-6 * ir.size)
        return super().fuse(ir, vis, depth)


def test_cores_that_others_hold_are_not_promised(tmp_path):
    plan = big(tmp_path, 12, 256, 320)
    found = batch.look_ahead(plan, OneAtATime(), tmp_path / "out", recipe=RECIPE)
    assert found.seconds > 0.9 * 12 * 256 * 320 * 1e-6
    start = time.perf_counter()
    batch.run_folder(plan, OneAtATime(), tmp_path / "out", recipe=RECIPE)
    seconds = time.perf_counter() - start
    assert 0.5 * seconds < found.seconds < 2 * seconds


def test_what_is_there_is_counted_and_on_request_checked(folders, scene):
    ir, vis, out = folders
    plan = batch.plan_folders(ir, vis, out)
    batch.run_folder(plan, AverageFuser(), out, recipe=RECIPE)
    write_image(ir / "1.png", 255 - scene[0])
    (out / "2.png").unlink()
    before = contents(out)
    quick = batch.look_ahead(plan, None, out, recipe=RECIPE)
    assert (quick.to_do, quick.redone, quick.kept, quick.seconds) == (1, 0, 2, None)
    exact = batch.look_ahead(plan, AverageFuser(), out, recipe=RECIPE, check=True)
    assert (exact.to_do, exact.redone, exact.kept) == (2, 1, 1) and exact.seconds > 0
    everything = batch.look_ahead(plan, None, out, recipe=RECIPE, existing="replace", check=True)
    assert (everything.to_do, everything.kept) == (3, 0)
    assert contents(out) == before


def test_files_that_cannot_be_read_do_not_stop_it(folders):
    ir, vis, out = folders
    for folder in (ir, vis):
        (folder / "0.png").write_bytes(b"no picture")
    plan = batch.plan_folders(ir, vis, out)
    found = batch.look_ahead(plan, AverageFuser(), out, recipe=RECIPE)
    assert found.to_do == 2 and found.looked_at == 2 and found.seconds > 0
    assert len(found.errors) == 1 and "0.png" in found.errors[0]
    for folder in (ir, vis):
        for number in (1, 2):
            (folder / f"{number}.png").write_bytes(b"")
    found = batch.look_ahead(plan, AverageFuser(), out, recipe=RECIPE)
    assert found.sizes == () and found.seconds is None and found.bytes is None
    assert found.as_dict()["seconds"] is None and found.to_do == 0


def test_a_dry_run_promises_only_what_will_be_done(folders, scene):
    """Proportions that the run refuses, a text, and a file that is gone, beside a pair that can be fused."""
    ir, vis, out = folders
    write_image(vis / "1.png", scene[1][:, :20])
    (ir / "2.png").write_text("a text")
    plan = batch.plan_folders(ir, vis, out, recursive=True)
    (vis / "sub" / "3.png").unlink()
    found = batch.look_ahead(plan, AverageFuser(), out, recipe=RECIPE, check=True)
    ran = batch.run_folder(plan, AverageFuser(), out, recipe=RECIPE)
    assert (found.pairs, found.to_do) == (4, 1)
    assert sorted(found.errors) == sorted(result.error for result in ran if result.error)


def test_the_size_of_a_field_is_said_and_holes_are_cut_along(tmp_path):
    noise = np.random.default_rng(0).integers(1000, 2000, (500, 640)).astype(np.uint16)
    noise[:, :300] = 0  # nothing was measured there
    write_image(tmp_path / "vi" / "a.png", np.full((600, 800, 3), 90, np.uint8))
    (tmp_path / "ir").mkdir()
    cv2.imwrite(str(tmp_path / "ir" / "a.png"), noise)
    plan = batch.plan_folders(tmp_path / "ir", tmp_path / "vi", tmp_path / "out")
    recipe = batch.Recipe(LoadOptions(field=GivenField(None, 60, 40, 640, 500, False)), measure=False)
    found = batch.look_ahead(plan, AverageFuser(), tmp_path / "out", recipe=recipe, check=True)
    assert found.sizes == (("640×500", 1),) and found.seconds and not found.errors
