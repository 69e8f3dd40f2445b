import numpy as np
import pytest

from diffuse_fuse.alignment.descriptor import REACH, describe, inside_frame

from .conftest import displaced, make_map


def test_brightness_contrast_and_its_sign_do_not_matter(shapes):
    grey = shapes[0].astype(np.float32) / 255
    for other in (1 - grey, 0.2 + 0.5 * grey):
        assert np.abs(describe(grey) - describe(other)).max() < 1e-4


def test_the_norm_is_at_most_one_and_a_flat_picture_has_none(shapes):
    norms = np.linalg.norm(describe(shapes[0].astype(np.float32) / 255)[..., :3], axis=-1)
    assert norms.max() <= 1 and norms.mean() > 0.3
    assert np.abs(describe(np.full((70, 80), 0.5, np.float32))[..., :3]).max() < 1e-3


def test_what_is_invalid_has_no_say(shapes):
    valid = np.ones(shapes[0].shape, bool)
    valid[:, :50] = False
    marked = describe(shapes[0].astype(np.float32) / 255, valid)
    assert not marked[:, : 50 + REACH].any() and marked[:, 50 + REACH :, 3].all()


def test_black_wedges_are_outside_the_frame_and_a_black_sky_is_not(shapes):
    wedged = displaced(np.maximum(shapes[0], 10), make_map(4, 0.9, (10, 0))).astype(np.float32) / 255
    inside = inside_frame(wedged)
    assert not inside[0, 0] and not inside[-1, -1] and inside[120, 160]
    assert inside[wedged > 3 / 255].mean() > 0.99 and 0.6 < inside.mean() < 0.9
    sky = np.maximum(shapes[0], 10).astype(np.float32) / 255
    sky[:60, 30:290] = 0
    assert inside_frame(sky).mean() > 0.99


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_constant_picture_is_all_inside(value):
    assert inside_frame(np.full((20, 30), value, np.float32)).all()
