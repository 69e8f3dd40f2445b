"""Training data: folders, shares, crops and augmentation."""

import cv2
import numpy as np
import pytest

from diffuse_fuse.errors import DataError, UsageError
from diffuse_fuse.training.augment import Augment, centre_crops, draw_batch, draw_evenly, largest_crop, step_generator
from diffuse_fuse.training.pairs import PairSet

from .conftest import write_pairs


def test_small_sets_are_drawn_more_often_a_pair(tmp_path):
    big, small = write_pairs(tmp_path / "big", 9), write_pairs(tmp_path / "small", 1, vis_name="Visible")
    pairs = PairSet.from_folders([big, small])
    assert len(pairs) == 10
    assert pairs.share.sum() == pytest.approx(1)
    assert pairs.share[9] == pytest.approx(1 / 4)  # 1 of sqrt(9) + sqrt(1)


def test_pairs_are_colour_and_infrared(data):
    pair = PairSet.from_folders([data])[0]
    assert pair.shape == (80, 96, 4) and pair.dtype == np.uint8


def test_split_keeps_every_pair_once(data):
    pairs = PairSet.from_folders([data])
    train, val = pairs.split(every=3)
    assert len(val) == 2 and sorted(train.pairs + val.pairs) == sorted(pairs.pairs)
    assert train.share.sum() == pytest.approx(1)


def test_one_pair_cannot_be_split(tmp_path):
    with pytest.raises(DataError, match="One pair is not enough"):
        PairSet.from_folders([write_pairs(tmp_path, 1)]).split(every=12)


def test_folder_without_pairs_is_named(tmp_path):
    with pytest.raises(DataError, match="no layout that dfuse knows"):
        PairSet.from_folders([tmp_path])
    write_pairs(tmp_path, 1)
    (tmp_path / "ir" / "000.png").rename(tmp_path / "ir" / "other.png")
    with pytest.raises(DataError, match="no layout that dfuse knows|no pair|equal names"):
        PairSet.from_folders([tmp_path])


STRONG = Augment(
    crop=48, photometric=1.0, polarity=0.5, grey=0.5, noise=0.1, lift=0.3, blur=1.5, recombine=0.5, transpose=True
)


def test_batch_is_a_function_of_seed_and_step(data):
    pairs = PairSet.from_folders([data])
    draw = [draw_batch(pairs, STRONG, 4, step_generator(*key)) for key in [(0, 7), (0, 7), (0, 8), (1, 7)]]
    assert np.array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2]) and not np.array_equal(draw[0], draw[3])


def test_every_pair_is_drawn_as_often_as_its_share_asks_for(data):
    pairs = PairSet.from_folders([data])
    plain = Augment(crop=80, zoom=(1, 1), photometric=0, grey=0)
    crops = draw_evenly(pairs, plain, 5 * len(pairs), step_generator(0, 0))
    assert crops.shape == (5 * len(pairs), 4, 80, 80)
    infrared = [pairs[i][..., 3].astype(np.float32) / 255 for i in range(len(pairs))]
    windows = [[p[:, x : x + 80] for p in (a, a[:, ::-1]) for x in range(17)] for a in infrared]
    found = [[any(np.array_equal(crop[3], part) for part in parts) for parts in windows] for crop in crops]
    assert np.array_equal(np.sum(found, axis=0), np.full(len(pairs), 5))
    assert np.array_equal(crops, draw_evenly(pairs, plain, 5 * len(pairs), step_generator(0, 0)))


def test_recombined_crops_get_the_infrared_part_of_another_one(data):
    pairs = PairSet.from_folders([data])
    plain = Augment(crop=48, photometric=0.0, grey=0.0)
    apart, mixed = (
        draw_batch(pairs, Augment(**{**vars(plain), "recombine": part}), 6, step_generator(0, 3))
        for part in (1e-9, 1.0)
    )
    assert np.array_equal(mixed[:, 3], np.roll(apart[:, 3], 1, axis=0))
    assert not np.array_equal(mixed[:, 3], apart[:, 3])


def test_a_lift_makes_black_grey_and_keeps_white(data):
    pairs = PairSet.from_folders([data])
    one = (1.0, 1.0)
    lifted = Augment(48, one, one, one, one, one, photometric=1.0, grey=0.0, lift=0.3)
    darkest = [draw_batch(pairs, lifted, 1, step_generator(0, step))[:, 3].min() for step in range(12)]
    assert max(darkest) > 40 / 255 + 0.02  # the darkest grey of the data
    assert draw_batch(pairs, lifted, 16, step_generator(0, 0)).max() <= 1


def test_blur_softens_edges(data):
    pairs = PairSet.from_folders([data])
    sharp, soft = (
        draw_batch(pairs, Augment(48, (1, 1), photometric=0.0, grey=0.0, blur=b), 24, step_generator(0, 1))
        for b in (0.0, 3.0)
    )
    assert len(np.unique(soft)) > 4 * len(np.unique(sharp))


def test_batches_are_in_range(data):
    batch = draw_batch(PairSet.from_folders([data]), STRONG, 32, step_generator(0, 0))
    assert batch.shape == (32, 4, 48, 48) and batch.dtype == np.float32
    assert batch.min() >= 0 and batch.max() <= 1


def test_without_augmentation_crops_are_parts_of_the_picture(data):
    pairs = PairSet.from_folders([data])
    plain = Augment(crop=80, zoom=(1, 1), photometric=0, grey=0)
    crop = draw_batch(pairs, plain, 1, step_generator(3, 3))[0].transpose(1, 2, 0) * 255
    parts = [
        v
        for p in (pairs[i] for i in range(6))
        for x in range(17)
        for v in (p[:, x : x + 80], p[:, x : x + 80][:, ::-1])
    ]
    assert any(np.allclose(crop, part, atol=1e-3) for part in parts)


def test_validation_crops_are_fixed_and_differ(data):
    pairs = PairSet.from_folders([data])
    crops = centre_crops(pairs, (64, 48), 8)
    assert np.array_equal(crops, centre_crops(pairs, (64, 48), 8))
    assert len({crop.tobytes() for crop in crops}) == 8


def test_pictures_smaller_than_the_crop_are_named(data):
    pairs = PairSet.from_folders([data])
    with pytest.raises(DataError, match=r"96×80 pixels, too small for the crop of 128"):
        draw_batch(pairs, Augment(crop=128), 1, step_generator(0, 0))
    with pytest.raises(DataError, match=r"96×80 pixels, too small for the crop of 128"):
        centre_crops(pairs, (128, 128), 1)


def test_one_small_pair_among_large_ones_is_found_before_it_is_drawn(tmp_path):
    for name in ("ir", "vi"):
        (tmp_path / name).mkdir()
        for stem, side in (("a", 96), ("b", 96), ("small", 40)):
            cv2.imwrite(str(tmp_path / name / f"{stem}.png"), np.full((side, side, 3), 90, np.uint8))
    pairs = PairSet.from_folders([tmp_path])
    Augment(crop=48).require_room(pairs)  # enlarged by a little
    with pytest.raises(DataError, match=r"small.png is 40×40 pixels, too small for the crop of 64×64"):
        Augment(crop=64).require_room(pairs)


def test_pictures_a_little_smaller_than_the_crop_are_enlarged(data):
    """96×80 pixels: what fits of the crop's shape, enlarged as a library does it."""
    pairs = PairSet.from_folders([data])
    assert largest_crop(pairs, (1000, 64), 16) == (112, 64) and largest_crop(pairs, (64, 1000), 16) == (64, 144)
    crop = centre_crops(pairs, (112, 112), 1)[0].transpose(1, 2, 0)
    part = pairs[0][:80, 8:88].astype(np.float32) / 255
    expected = cv2.resize(part, (112, 112), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    assert crop.shape == expected.shape
    assert np.abs(crop - expected).max() < 1e-6


def test_crops_may_be_wide_and_are_not_turned_then(data):
    pairs = PairSet.from_folders([data])
    wide = Augment(crop=48, width=96, zoom=(1, 1), photometric=0, grey=0, transpose=True)
    crops = draw_batch(pairs, wide, 12, step_generator(0, 0))
    assert crops.shape == (12, 4, 48, 96)
    rows = [pair[..., 3].astype(np.float32) / 255 for pair in (pairs[i] for i in range(len(pairs)))]
    rows += [picture[:, ::-1] for picture in rows]
    parts = [picture[y : y + 48] for picture in rows for y in range(33)]
    assert all(any(np.allclose(crop[3], part) for part in parts) for crop in crops)
    with pytest.raises(UsageError, match="96×48 does not fit the network: use multiples of 32"):
        wide.require_multiple(32)


def test_reversed_white_is_black_and_finite(tmp_path):
    """Shrinking white by area gives a little more than 1: its reverse is below 0, where gamma is not defined."""
    for name in ("ir", "vi"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "white.png"), np.full((90, 110, 3), 255, np.uint8))
    pairs = PairSet.from_folders([tmp_path])
    augment = Augment(crop=48, polarity=1.0, photometric=1.0)
    for step in range(40):
        batch = draw_batch(pairs, augment, 2, step_generator(0, step))
        assert np.isfinite(batch).all() and np.allclose(batch[:, 3], 0, atol=1e-2)


def test_crops_of_whole_scenes_show_the_pair_made_small(data):
    pairs = PairSet.from_folders([data])
    whole = Augment(crop=32, width=40, whole=1.0, photometric=0.0, grey=0.0)
    crops = draw_batch(pairs, whole, 8, step_generator(0, 1))
    smaller = [cv2.resize(pairs[i], (40, 32), interpolation=cv2.INTER_AREA) / 255 for i in range(len(pairs))]
    for crop in crops.transpose(0, 2, 3, 1):  # 96×80 is nearly 40×32
        assert min(np.abs(turned - s).mean() for s in smaller for turned in (crop, crop[:, ::-1])) < 0.06
    fixed = centre_crops(pairs, (32, 40), len(pairs), whole=True).transpose(0, 2, 3, 1)
    assert max(np.abs(crop - s).mean() for crop, s in zip(fixed, smaller, strict=True)) < 0.06


def test_crops_of_nearly_whole_scenes_vary(data):
    pairs = PairSet.from_folders([data])
    whole = Augment(crop=32, whole=0.8, photometric=0.0, grey=0.0)
    one = PairSet(pairs.pairs[:1])
    crops = draw_batch(one, whole, 6, step_generator(0, 1))
    assert len({crop.tobytes() for crop in crops}) == 6
    mean = one[0].mean() / 255
    assert all(abs(crop.mean() - mean) < 0.1 for crop in crops)
