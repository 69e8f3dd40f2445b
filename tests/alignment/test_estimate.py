import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffuse_fuse.alignment import Kind, Transform, estimate
from diffuse_fuse.alignment.estimate import CONFIDENT, MINIMUM_SIZE
from diffuse_fuse.errors import AlignmentError
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.pairs import find_pairs

from .conftest import SIZE, displaced, make_map, make_scene

SHARED = Path(os.environ.get("DFUSE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
ROADSCENE = SHARED / "data" / "roadscene" / "train"


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("border", [cv2.BORDER_CONSTANT, cv2.BORDER_REFLECT_101])
def test_a_shift_is_found_by_every_kind(shapes, kind, border):
    truth = make_map(shift=(9.5, -6.25))
    result = estimate(displaced(shapes[0], truth, border), shapes[1], kind)
    assert result.applied and result.kind is kind
    assert result.transform.distance(truth) < 1.5
    assert result.confidence > CONFIDENT and result.residual < 1 < result.residual_before


@pytest.mark.parametrize("seed", range(4))
def test_rotation_scale_and_shift_are_found(seed):
    ir, vis = make_scene(seed)
    rng = np.random.default_rng(seed)
    truth = make_map(rng.uniform(-1.5, 1.5), rng.uniform(0.97, 1.03), tuple(rng.uniform(-15, 15, 2)))
    assert estimate(displaced(ir, truth), vis).transform.distance(truth) < 1.0


def test_an_affine_map_is_found_better_by_affine(shapes):
    truth = Transform(make_map(1.0, 1.01, (4, 3)).matrix @ np.array([[1.02, 0.015, 0], [0, 0.98, 0], [0, 0, 1]]), SIZE)
    warped = displaced(shapes[0], truth)
    errors = {kind: estimate(warped, shapes[1], kind).found.distance(truth) for kind in (Kind.similarity, Kind.affine)}
    assert errors[Kind.affine] < 1.5 < errors[Kind.similarity]


def test_a_homography_is_found_better_by_homography(shapes):
    bend = np.array([[1, 0, 0], [0, 1, 0], [1.2e-4, -1e-4, 1]])
    truth = Transform(make_map(shift=(3, 2)).matrix @ bend, SIZE)
    warped = displaced(shapes[0], truth)
    errors = {kind: estimate(warped, shapes[1], kind).found.distance(truth) for kind in (Kind.affine, Kind.homography)}
    assert errors[Kind.homography] < 2.0 and errors[Kind.homography] < errors[Kind.affine]


def test_contrast_its_sign_and_the_type_do_not_matter(shapes):
    truth = make_map(-1, 1.02, (5, 5))
    warped = displaced(shapes[0], truth, cv2.BORDER_REPLICATE)
    expected = estimate(warped, shapes[1]).transform
    for other in (255 - warped, 40 + warped // 3, warped.astype(np.float32) / 255):
        assert estimate(other, shapes[1]).transform.distance(expected) < 0.5


def test_the_same_pair_gives_the_same_transform(shapes):
    warped = displaced(shapes[0], make_map(1, 0.98, (7, -3)))
    first, second = (estimate(warped, shapes[1]) for _ in range(2))
    assert np.array_equal(first.transform.matrix, second.transform.matrix)
    assert first.as_dict() == second.as_dict()


def test_a_registered_pair_is_left_alone(shapes):
    result = estimate(*shapes)
    assert not result.applied and not result.is_warning and "already" in result.reason
    assert np.array_equal(result.transform.matrix, np.eye(3)) and result.confidence > CONFIDENT


@pytest.mark.parametrize("ir", ["other", "noise", "constant", "black"])
def test_without_anything_in_common_nothing_is_done(shapes, ir):
    pictures = {
        "other": make_scene(99)[0],
        "noise": np.random.default_rng(0).integers(256, size=(240, 320), dtype=np.uint8),
        "constant": np.full((240, 320), 77, np.uint8),
        "black": np.zeros((240, 320), np.uint8),
    }
    result = estimate(pictures[ir], shapes[1])
    assert not result.applied and result.is_warning and result.confidence < CONFIDENT
    assert np.array_equal(result.transform.matrix, np.eye(3))
    assert all(np.isfinite(value) for value in (result.residual, result.residual_before, result.confidence))


def test_a_large_picture_is_aligned_at_its_own_scale(shapes):
    truth = make_map(0.7, 1.01, (6, -4))
    ir, vis = displaced(shapes[0], truth), shapes[1]
    size = (1280, 960)
    result = estimate(*(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in (ir, vis)))
    assert result.transform.size == size
    assert result.transform.distance(truth.at_size(size)) < 4.0


@pytest.mark.parametrize("shape", [(1, 1), (MINIMUM_SIZE - 1, 300), (16, 16)])
def test_too_small_pictures_are_not_aligned(shape):
    result = estimate(np.zeros(shape, np.uint8), np.zeros((*shape, 3), np.uint8))
    assert not result.applied and result.is_warning and "too small" in result.reason


@pytest.mark.parametrize("shape", [(64, 64), (65, 500), (500, 65), (97, 131)])
def test_odd_sizes(shape):
    rng = np.random.default_rng(1)
    image = rng.integers(256, size=shape, dtype=np.uint8)
    result = estimate(image, np.dstack([image] * 3))
    assert result.transform.size == (shape[1], shape[0])


def test_other_sizes_are_refused(shapes):
    with pytest.raises(AlignmentError, match="one size"):
        estimate(shapes[0][:-1], shapes[1])


@pytest.mark.parametrize("kind", ["day", "night"])
@pytest.mark.parametrize("moved", [(1.2, 0.98, (11, -8)), (-1.0, 1.02, (-7, 5))])
def test_a_rendered_pair(street, kind, moved):
    """By day to half a pixel, at night to one and a half; twice that would be a change for the worse."""
    ir, vis = street(kind, *SIZE)
    truth = make_map(*moved)
    result = estimate(displaced(ir, truth), vis)
    assert result.applied and result.confidence > 0.9
    assert result.transform.distance(truth) < (1 if kind == "day" else 2.8)


@pytest.mark.parametrize("size", [(96, 80), (160, 128)])
def test_small_registered_pictures_are_left_alone(street, size):
    """Few windows agree with whatever fits noise best; cut out of a pair that is registered to the pixel."""
    rng, (w, h) = np.random.default_rng(0), size
    for number in range(8):
        ir, vis = street(("day", "night")[number % 2], 640, 480)
        x, y = rng.integers(640 - w), rng.integers(480 - h)
        part = np.s_[y : y + h, x : x + w]
        moved = estimate(np.ascontiguousarray(ir[part]), np.ascontiguousarray(vis[part])).transform.displacement()
        assert moved < 0.01 * np.hypot(w, h), (number, moved)


def test_small_moved_pictures_are_found(street):
    """Stricter, not blind."""
    ir, vis = (cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA) for picture in street("day", 640, 480))
    truth = make_map(0.8, 1.01, (5, -3), (160, 120))
    result = estimate(displaced(ir, truth), vis)
    assert result.applied and result.transform.distance(truth) < 1.5


@pytest.mark.skipif(not ROADSCENE.is_dir(), reason="RoadScene is not at hand")
def test_a_real_pair():
    pair = next(pair for pair in find_pairs(ROADSCENE / "ir", ROADSCENE / "vi").pairs if "06422" in pair.ir.name)
    loaded = load_pair(pair.ir, pair.vis)
    ir = np.rint(np.asarray(loaded.ir, np.float32) * (255 if loaded.ir.dtype != np.uint8 else 1)).astype(np.uint8)
    truth = make_map(1.2, 0.98, (11, -8), (ir.shape[1], ir.shape[0]))
    result = estimate(displaced(ir, truth), loaded.vis)
    assert result.applied and result.transform.distance(truth) < 4
