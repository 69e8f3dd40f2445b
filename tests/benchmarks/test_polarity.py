"""The count of wrong and found polarities, on a few made pictures; and on real ones where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from polarity import count, framed, looks

DATA = Path(os.environ.get("DFUSE_SHARED", Path(__file__).parents[3] / "shared")) / "data"


def test_frames_are_drawn_inside():
    picture = np.full((100, 120), 7, np.uint8)
    drawn = framed(picture, 0.05, 255)
    assert (drawn[5:-5, 5:-5] == 7).all() and (drawn[:5] == 255).all() and (drawn[:, -5:] == 255).all()
    assert [share for share, _ in looks(picture, (0.1,))] == [0.0, 0.1, 0.1]


def test_it_counts(tmp_path):
    (tmp_path / "ir").mkdir()
    y, x = np.mgrid[:96, :128]
    for number in range(2):
        scene = 60 + np.random.default_rng(number).normal(0, 3, x.shape)
        for column in (30, 60, 95):
            scene += 150 * ((x - column) ** 2 + (y - 50 + 5 * number) ** 2 < 12)
        cv2.imwrite(str(tmp_path / "ir" / f"{number}.png"), np.clip(scene, 0, 255).astype(np.uint8))
    assert count(tmp_path, (0.05,)) == {"pictures": 2, "looks": 6, "wrong": 0, "found": 6, "plain": 2}
    assert count(tmp_path, cut=3)["looks"] == 6


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there: set DFUSE_SHARED to the folder that holds data/")
@pytest.mark.parametrize(
    "name, every", [("tno", 4), ("roadscene/val", 7), ("msrs/test_sample", 14), ("m3fd_sample", 2)]
)
def test_real_white_hot_pictures_stay_white_hot(name, every):
    assert count(DATA / name, (0.02, 0.1), every)["wrong"] == 0


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there: set DFUSE_SHARED to the folder that holds data/")
def test_few_parts_of_white_hot_pictures_are_taken_for_black_hot():
    assert count(DATA / "roadscene" / "val", every=2, cut=4)["wrong"] <= 3
