"""Small infrared pictures at the size of large visible ones: the means stay, and no sign becomes heat."""

import cv2
import numpy as np
import pytest

from diffuse_fuse.errors import ImageError, UsageError
from diffuse_fuse.images.enlarging import AUTO, Lies, applies, detail_gain, enlarge, name_of
from diffuse_fuse.images.field import Field, cut_to
from diffuse_fuse.images.given import given_pair
from diffuse_fuse.images.load import load_pair, load_values, match_sizes
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.write import write_image

SIZE = (96, 128)


def scene(seed=0):
    """A picture of blobs with edges in [0.1, 0.9], float32 H×W."""
    rng = np.random.default_rng(seed)
    picture = np.full(SIZE, 0.4, np.float32)
    for _ in range(24):
        centre = (int(rng.integers(SIZE[1])), int(rng.integers(SIZE[0])))
        cv2.circle(picture, centre, int(rng.integers(3, 12)), float(rng.uniform(0.1, 0.9)), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 0.7)


def rgb(grey):
    return np.repeat(grey[..., None], 3, axis=2)


def reduced(picture, size):
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)


def error(a, b):
    return float(np.sqrt(np.mean((a - b) ** 2)))


@pytest.mark.parametrize("how", ["auto", "cubic", "guided"])
@pytest.mark.parametrize("small", [(24, 32), (12, 16), (25, 33)])
def test_what_was_measured_comes_back_as_means(small, how):
    ir, vis = 0.2 + 0.6 * scene(), rgb(scene(1))  # far from black and white, where overshoot is cut off
    y = reduced(ir, small)
    found = enlarge(y, vis, Lies(small, SIZE), how)
    assert found.shape == SIZE and found.dtype == np.float32
    np.testing.assert_allclose(reduced(found, small), y, atol=1e-4)


@pytest.mark.parametrize("small", [(24, 32), (12, 16)])
def test_it_is_nearer_to_the_true_picture_than_interpolation(small):
    ir = scene()
    y = reduced(ir, small)
    found = enlarge(y, rgb(ir), Lies(small, SIZE), "cubic")
    for interpolation in (cv2.INTER_LINEAR, cv2.INTER_CUBIC):
        assert error(found, ir) < 0.97 * error(cv2.resize(y, SIZE[::-1], interpolation=interpolation), ir)


def test_details_that_both_pictures_have_are_taken_from_the_large_one():
    ir = scene()
    y, lies = reduced(ir, (24, 32)), Lies((24, 32), SIZE)
    vis = rgb(1 - 0.7 * ir)  # the other way round, and fainter
    assert error(enlarge(y, vis, lies, "guided"), ir) < 0.6 * error(enlarge(y, vis, lies, "cubic"), ir)


def test_what_only_the_visible_picture_shows_does_not_become_heat():
    """A sign of black and white stripes beside a body: in the infrared picture nothing of it shows."""
    ir = np.full(SIZE, 0.4, np.float32)
    cv2.circle(ir, (96, 48), 10, 0.9, -1, cv2.LINE_AA)
    vis = np.full(SIZE, 0.5, np.float32)
    vis[20:76, 8:60] = 0.5 + 0.45 * np.sign(np.sin(np.arange(52) * 0.9))
    y, lies = reduced(ir, (24, 32)), Lies((24, 32), SIZE)
    found = enlarge(y, rgb(vis), lies, "guided")
    assert np.abs(found[24:72, 12:56] - 0.4).max() < 0.004  # a level of 255


def test_noise_in_both_agrees_nowhere():
    rng = np.random.default_rng(3)
    gain = detail_gain(*(rng.normal(0.5, 0.1, (60, 80)).astype(np.float32) for _ in range(2)))
    assert (gain == 0).mean() > 0.95


@pytest.mark.parametrize(("how", "small", "done"), [
    ("auto", (48, 64), True), ("auto", (49, 65), False), ("cubic", (80, 100), True), ("cubic", SIZE, False),
    ("cubic", (192, 256), False), ("auto", (48, 100), False),
])  # fmt: skip
def test_only_smaller_pictures_are_enlarged_and_by_auto_clearly_smaller_ones(how, small, done):
    assert applies(how, Lies(small, SIZE)) is done


def test_types_stay_and_counts_are_stretched():
    y = (reduced(scene(), (24, 32)) * 255).astype(np.uint8)
    vis, lies = rgb(scene(1)), Lies((24, 32), SIZE)
    for given, kind in ((y, np.uint8), (rgb(y), np.uint8), (y / np.float32(255), np.float32)):
        found = enlarge(given, vis, lies, "cubic")
        assert found.dtype == kind and found.shape == SIZE
    counts = enlarge(y.astype(np.uint16) + 7000, vis, lies, "cubic")
    assert counts.dtype == np.float32 and np.ptp(counts) > 0.9
    with pytest.raises(ImageError, match="in \\[0, 1\\]"):
        enlarge(y * 1.0, vis, lies, "cubic")


def test_another_way_of_enlarging_is_asked():
    class Own:
        name = "own"

        def __call__(self, ir, vis, lies):
            assert ir.dtype == vis.dtype == np.float32 and lies.small == ir.shape and lies.large == vis.shape[:2]
            return np.full(lies.large, 2, np.float32)

    found = enlarge(np.zeros((24, 32), np.uint8), rgb(scene()), Lies((24, 32), SIZE), Own())
    assert (found == 255).all() and name_of(Own()) == "own" and name_of("auto") == AUTO != "auto"


def test_pairs_are_read_so(tmp_path):
    ir, vis = (scene() * 255).astype(np.uint8), (rgb(scene(1)) * 255).astype(np.uint8)
    small = reduced(ir, (24, 32))
    write_image(tmp_path / "ir.png", small)
    write_image(tmp_path / "vis.png", vis)
    paths = tmp_path / "ir.png", tmp_path / "vis.png"
    plain = match_sizes(small, vis)[0]
    for how in ("auto", "cubic", "guided"):
        wanted = enlarge(small, vis, Lies((24, 32), SIZE), how)
        pair = load_pair(*paths, LoadOptions(enlarge=how))
        assert np.array_equal(pair.ir, wanted) and not np.array_equal(pair.ir, plain)
        assert np.array_equal(given_pair(small, vis, how)[0], wanted)
        assert "32×24" in pair.warnings[0] and "resized" in pair.warnings[0]
    assert np.array_equal(load_pair(*paths, LoadOptions(enlarge=None)).ir, plain)
    assert load_pair(*paths, LoadOptions(size="ir")).ir.shape == (24, 32)
    assert np.ptp(load_values(*paths)[0]) > 100  # levels, not clipped to [0, 1]
    with pytest.raises(UsageError, match="auto, cubic, guided, or an Enlarger, not 'linear'"):
        LoadOptions(enlarge="linear")


@pytest.mark.parametrize("how", ["auto", "guided"])
def test_a_field_in_a_larger_picture_keeps_its_means(how):
    scene_ir, vis = scene(), rgb(scene())
    y = reduced(scene_ir[16:80, 24:120], (16, 24))
    ir, part = cut_to(y, vis, Field(24, 16, 96, 64, SIZE[::-1]), None, how)
    assert ir.shape == part.shape[:2] == (64, 96)
    np.testing.assert_allclose(reduced(ir, (16, 24)), y, atol=1e-4)
    over, part = cut_to(y, vis, Field(-10.5, 16, 96, 64, SIZE[::-1]), None, how)  # 4 of its rows' pixels
    assert over.shape == part.shape[:2] and np.isfinite(over).all()
