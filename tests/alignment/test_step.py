import cv2
import numpy as np
import pytest

from diffuse_fuse.alignment import Aligner, Calibration, Kind

from .conftest import displaced, make_map, make_scene


def test_each_pair_by_itself(shapes):
    truth = make_map(0.8, 1.01, (7, -4))
    aligned = Aligner().align(displaced(shapes[0], truth), shapes[1])
    assert aligned.report["source"] == "estimate" and aligned.report["applied"] and aligned.warnings == ()
    inner = np.s_[30:-30, 30:-30]
    assert np.abs(aligned.ir[inner].astype(int) - shapes[0][inner]).mean() < 6


def test_what_cannot_be_trusted_is_warned_about_and_left(shapes):
    other = make_scene(55)[0]
    aligned = Aligner().align(other, shapes[1])
    assert np.array_equal(aligned.ir, other) and not aligned.report["applied"]
    assert "No trustworthy alignment" in aligned.warnings[0] and aligned.report["reason"] == aligned.warnings[0]


def test_a_registered_pair_is_left_without_a_warning(shapes):
    aligned = Aligner().align(*shapes)
    assert np.array_equal(aligned.ir, shapes[0]) and aligned.warnings == () and "already" in aligned.report["reason"]


def test_by_a_calibration_also_at_another_resolution(shapes):
    truth = make_map(1, 0.99, (6, 3))
    rig = Calibration(truth.at_size((640, 480)), Kind.similarity, 9, 9, 0.9, 1.0, 0.5)
    aligned = Aligner(calibration=rig).align(displaced(shapes[0], truth), shapes[1])
    inner = np.s_[30:-30, 30:-30]
    assert np.abs(aligned.ir[inner].astype(int) - shapes[0][inner]).mean() < 6
    assert aligned.report["source"] == "file" and aligned.report["residual_px"] == 0.5


@pytest.mark.parametrize("fill", ["black", "visible"])
def test_holes_neither_help_nor_hurt(shapes, fill):
    ir, vis = shapes
    moved = displaced(ir, make_map(shift=(6, -4)), cv2.BORDER_REPLICATE)
    holes = np.zeros(moved.shape, bool)
    holes[:90, :200] = True
    marked = np.where(holes, 0 if fill == "black" else vis[..., 1], moved).astype(np.uint8)
    aligned = Aligner().align(marked, vis, holes)
    whole = Aligner().align(moved, vis)
    assert aligned.report["applied"] and aligned.holes.dtype == bool
    assert np.abs(np.array(aligned.report["matrix"]) - np.array(whole.report["matrix"]))[:2, 2].max() < 1
    assert 0.7 < aligned.holes.sum() / holes.sum() <= 1.02 and not np.array_equal(aligned.holes, holes)
    assert whole.holes is None


def test_holes_stay_where_nothing_is_moved(shapes):
    ir, vis = shapes
    holes = np.zeros(ir.shape, bool)
    holes[:30] = True
    aligned = Aligner().align(ir, vis, holes)
    assert not aligned.report["applied"] and aligned.holes is holes and aligned.ir is ir
