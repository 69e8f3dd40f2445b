"""Re-lighting: the infrared picture takes the visible one's light by day, and keeps what is its own."""

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffuse_fuse import Fuser, metrics
from diffuse_fuse.errors import UsageError
from diffuse_fuse.fusion import relight as module
from diffuse_fuse.fusion.relight import SceneLight, as_whole, checked_balance, relight, scene_light
from diffuse_fuse.images.read import read_infrared, read_visible

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
import scene as rendered


@pytest.fixture(scope="module")
def day():
    return rendered.render("day", 320, 240)


@pytest.fixture(scope="module")
def night():
    return rendered.render("night", 320, 240)


def outdoors(height=120, width=160):
    """A bright sky that is cold, over grey ground with a warm, dark person: ir, vis and where the person is."""
    ir, vis = np.full((height, width), 90, np.uint8), np.full((height, width, 3), 120, np.uint8)
    ir[: height // 2], vis[: height // 2] = 5, (190, 215, 240)
    person = np.zeros((height, width), bool)
    person[height // 2 + 5 : height // 2 + 35, width // 2 : width // 2 + 8] = True
    ir[person], vis[person] = 250, (40, 30, 30)
    return ir, vis, person


def light(**values):
    usual = {"amount": 1.0, "bright": 1.0, "glare": 1.0, "mean": 0.3, "spread": 0.2, "median": 0.3, "noise": 0.0,
             "lamps": 0.0}  # fmt: skip
    return SceneLight(**{**usual, "even": 0.0, **values})


def test_the_cold_sky_of_noon_is_bright():
    ir, vis, _ = outdoors()
    relit, _ = relight(ir, vis)
    assert relit[:40].min() > 195 and ir[:40].max() < 10


def test_a_hot_target_keeps_its_brightness_in_both_pictures():
    ir, vis, person = outdoors()
    relit, lifted = relight(ir, vis)
    inside = cv2.erode(person.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert relit[inside].min() > 210 and lifted[inside].min() > 180
    outside = cv2.dilate(person.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert np.array_equal(lifted[outside], vis[outside])


def test_a_grey_day_keeps_its_bright_sky_and_hardly_more():
    ir, vis, person = outdoors()
    vis = np.repeat(cv2.cvtColor(vis, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    relit, _ = relight(ir, vis)
    assert relit[:40].min() > 190
    ground = ~person
    ground[: len(ir) // 2 + 20] = False
    assert np.abs(relit[ground].astype(int) - ir[ground]).max() < 15


def test_a_burnt_out_sky_stays_so_over_a_dark_street():
    ir, vis, _ = outdoors()
    half = len(ir) // 2
    vis[:] //= 6
    vis[:half] = 15
    vis[: half // 2, 20:120] = 252  # between dark trees
    ir[: half // 2, :20] = ir[: half // 2, 120:] = ir[half // 2 : half] = 60
    assert scene_light(ir, vis).amount == 0
    relit, _ = relight(ir, vis)
    assert relit[3 : half // 2 - 8, 30:110].min() > 230
    below = np.abs(relit[half + 10 :].astype(int) - ir[half + 10 :])
    assert np.median(below) == 0 and below.max() <= 6  # fine detail, such as the person's rim, is cleared


def test_clouds_of_the_infrared_picture_are_not_drawn_into_a_burnt_out_sky():
    rng = np.random.default_rng(0)
    ir, vis, _ = outdoors()
    half = len(ir) // 2
    clouds = cv2.GaussianBlur(rng.normal(0, 60, (half, ir.shape[1])).astype(np.float32), (0, 0), 3)
    ir[:half] = np.clip(60 + 60 * clouds / clouds.std() / 3, 0, 255)
    vis[:half] = 250
    relit, _ = relight(ir, vis)
    assert relit[: half - 20].std() < 0.3 * ir[: half - 20].std()


def test_wide_hot_ground_is_lifted_less_than_a_target():
    ir, vis, person = outdoors()
    ground = ~person
    ground[: len(ir) * 3 // 4] = False
    ir[len(ir) * 3 // 4 :] = 250
    person[len(ir) * 3 // 4 - 6 :] = False  # what is near the hot ground belongs to it
    relit, _ = relight(ir, vis)
    inside = cv2.erode(person.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert np.median(relit[inside]) > 235 > 215 > np.median(relit[ground])


def test_a_balance_of_one_is_the_pair_itself(day):
    ir, vis = day
    relit, lifted = relight(ir, vis, 1)
    assert relit is ir and lifted is vis


def test_the_light_of_the_scene_decides(day, night):
    assert scene_light(*day).amount > 0.9 and scene_light(*night).amount < 0.15
    grey = np.repeat(cv2.cvtColor(day[1], cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert scene_light(day[0], grey).amount < 0.2


def test_at_night_lamps_are_not_lifted_and_the_dark_stays_as_it_is(night):
    ir, vis = night
    relit, _ = relight(ir, vis)
    brightness = cv2.GaussianBlur(cv2.cvtColor(vis, cv2.COLOR_RGB2GRAY), (0, 0), 6)
    assert np.abs(relit.astype(int) - ir)[brightness > 100].mean() < 20
    dark = brightness < 18
    assert dark.mean() > 0.1
    for balance in ("auto", 0.0):
        assert np.abs(relight(ir, vis, balance)[0].astype(int) - ir)[dark].mean() < 3


def test_an_infrared_picture_without_information_changes_nothing():
    """Neither by day nor at night does a constant wash the visible picture out."""
    vis = np.random.default_rng(0).integers(20, 60, (64, 80, 3), dtype=np.uint8)
    relit, lifted = relight(np.full((64, 80), 180, np.uint8), vis)
    assert np.array_equal(lifted, vis) and abs(float(relit.mean()) - 40) < 4


@pytest.mark.parametrize("model", ["fast", "tiny"])
def test_along_the_dial_vif_ir_never_falls_and_tone_never_rises(day, model):
    values = []
    for balance in (0, 0.25, 0.5, 0.75, 1):
        fused = Fuser(model, device="cpu", balance=balance).fuse(*day)
        values.append((metrics.vif_ir(*day, fused), metrics.tone(*day, fused)))
    vif_ir, tone = np.array(values).T
    assert (np.diff(vif_ir) > -1e-3).all() and (np.diff(tone) < 1e-3).all(), (vif_ir, tone)
    assert vif_ir[-1] > vif_ir[0] and tone[0] > tone[-1]


def test_no_light_of_noon_is_lost_in_the_rendered_street(day):
    ir, vis = day
    auto, infrared = (Fuser("fast", device="cpu", balance=balance).fuse(ir, vis) for balance in ("auto", 1))
    assert metrics.tone(ir, vis, auto) > 0.9 > metrics.tone(ir, vis, infrared)
    assert metrics.darkened(ir, vis, auto) < 0.02 < metrics.darkened(ir, vis, infrared)


def test_every_kind_of_array_means_the_same(day):
    ir, vis = day
    expected = relight(ir, vis)
    deep = ir.astype(np.uint16) * 257, vis.astype(np.uint16) * 257
    for pair in (deep, (ir / 255, vis / 255), (ir, vis / 255)):
        found = relight(*as_whole(*pair))
        for was, now, scale in zip(expected, found, (255, 65535 if pair is deep else 255), strict=True):
            whole = now if now.dtype == np.uint8 else now * (255 / (scale if now.dtype == np.uint16 else 1))
            assert np.abs(whole - was.astype(float)).mean() < 0.5 and np.abs(whole - was.astype(float)).max() < 6


def test_a_grey_visible_picture_stays_grey(day):
    ir, vis = day
    plane = vis[..., 1].copy()
    flat, lifted = relight(ir, plane, 0.0)
    three = relight(ir, np.dstack([plane] * 3), 0.0)[1]
    assert lifted.shape == plane.shape and np.array_equal(three, np.dstack([lifted] * 3))
    assert flat.shape == ir.shape


def test_what_a_lamp_lights_by_night_keeps_its_light_and_gets_no_grain():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:160, :200]
    lit = (y - 80) ** 2 + (x - 60) ** 2 < 45**2
    vis = np.repeat(cv2.GaussianBlur(np.where(lit, 150, 4).astype(np.float32), (0, 0), 3)[..., None], 3, axis=2)
    ir = np.clip(40 + rng.normal(0, 2, lit.shape), 0, 255).astype(np.uint8)
    ir[70:95, 55:61] = ir[70:95, 150:156] = 250
    relit, lifted = relight(ir, vis.astype(np.uint8))
    inside = cv2.erode(lit.astype(np.uint8), np.ones((19, 19))) > 0
    plain = inside & (abs(x - 58) > 24)
    grain = [(p - cv2.GaussianBlur(p, (0, 0), 2))[plain].std() for p in (relit.astype(np.float32), np.float32(ir))]
    assert np.median(relit[plain]) > 125 and grain[0] < 0.8 * grain[1]
    assert relit[72:93, 56:60].min() > 230 and np.array_equal(relit[:, 140:], ir[:, 140:])
    assert np.array_equal(lifted, vis.astype(np.uint8)), "the visible picture gets hot targets by day alone"


@pytest.mark.parametrize("portion", [1 << 11, 1 << 13, 1 << 30])
def test_portions_do_not_show(day, monkeypatch, portion):
    """What is made of a pixel does not depend on which rows are made at once."""
    ir, vis = day
    known = scene_light(ir, vis)
    expected = relight(ir, vis, light=known)
    monkeypatch.setattr(module, "_PORTION", portion)
    found = relight(ir, vis, light=known)
    assert np.array_equal(found[0], expected[0]) and np.array_equal(found[1], expected[1])


@settings(max_examples=30)
@given(st.integers(16, 400), st.integers(16, 400), st.sampled_from([0.0, 0.4, "auto"]))
def test_any_size(height, width, balance):
    rng = np.random.default_rng(height * 1000 + width)
    ir, vis = rng.integers(256, size=(height, width), dtype=np.uint8), rng.integers(256, size=(height, width, 3))
    relit, lifted = relight(ir, vis.astype(np.uint8), balance)
    assert relit.shape == ir.shape and lifted.shape == vis.shape and relit.dtype == lifted.dtype == np.uint8


def test_smooth_light_stays_smooth():
    """No squares of the reduced picture, no bands: the steps from pixel to pixel stay as small as they were."""
    y, x = np.mgrid[:480, :640].astype(np.float32)
    ir = 0.2 + 0.2 * np.sin(x / 90) * np.cos(y / 70)
    vis = np.repeat((0.6 + 0.2 * np.cos(x / 110 + y / 130))[..., None], 3, axis=2)
    relit, _ = relight(ir, vis.astype(np.float32), 0.0)
    for axis in (0, 1):
        assert np.abs(np.diff(relit, axis=axis)).max() < 0.012
        assert np.abs(np.diff(relit, n=2, axis=axis)).max() < 0.004


def test_noise_is_not_raised_where_both_are_flat():
    rng = np.random.default_rng(1)
    ir = np.clip(np.linspace(20, 120, 256)[:, None] + rng.normal(0, 4, (256, 256)), 0, 255).astype(np.uint8)
    vis = np.full((256, 256, 3), (150, 170, 190), np.uint8)
    relit, _ = relight(ir, vis, 0.0)
    fine = relit.astype(np.float32) - cv2.GaussianBlur(relit.astype(np.float32), (0, 0), 2)
    assert fine.std() < 0.7 * 4


def test_the_light_of_a_video_may_be_given(day):
    ir, vis = day
    own = relight(ir, vis, "auto")
    same = relight(ir, vis, 1, scene_light(ir, vis))
    other = relight(ir, vis, "auto", light(amount=0.0, bright=0.0, glare=0.0))
    assert np.array_equal(own[0], same[0]) and other[0] is ir


def test_the_pair_is_not_changed(day):
    before = [x.copy() for x in day]
    relight(*day)
    assert all(map(np.array_equal, before, day))


@pytest.mark.parametrize("balance", [-0.1, 1.5, "day", "nan", None])
def test_another_balance_is_refused(balance):
    with pytest.raises(UsageError, match="auto or a number from 0 to 1"):
        checked_balance(balance)


def test_a_balance_may_be_a_text():
    assert checked_balance("0.25") == 0.25 and checked_balance("auto") == "auto" and checked_balance(1) == 1


SHARED = Path(os.environ.get("DFUSE_SHARED", "shared")) / "data"
REAL = ("roadscene/val/*/FLIR_00993.*", "roadscene/val/*/FLIR_07360.*", "msrs/train/*/00556D.*")


@pytest.mark.skipif(not SHARED.is_dir(), reason="there are no real pairs: set DFUSE_SHARED")
@pytest.mark.parametrize("files", REAL)
def test_the_dial_on_real_pairs(files):
    """As on the rendered street, but for a tremble of the network where the dial changes next to nothing."""
    ir_file, vis_file = sorted(SHARED.glob(files))
    ir, vis = read_infrared(ir_file), read_visible(vis_file)
    values = []
    for balance in (0, 0.25, 0.5, 0.75, 1):
        fused = Fuser("fast", device="cpu", balance=balance).fuse(ir, vis)
        values.append((metrics.vif_ir(ir, vis, fused), metrics.tone(ir, vis, fused)))
    vif_ir, tone = np.array(values).T
    assert (np.diff(vif_ir) > -0.012).all() and (np.diff(tone) < 0.006).all(), (vif_ir, tone)
    assert vif_ir[-1] > vif_ir[0] and tone[0] > tone[-1]
