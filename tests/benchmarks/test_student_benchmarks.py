"""The two measurements of students: colours and precision."""

import copy

import numpy as np
import pytest
import student_colour
import student_precision
import torch

from diffuse_fuse.networks.student import StudentConfig, StudentModel


def test_colours_of_base_are_nearest_to_base(scene):
    ir, vis = scene
    pair = np.dstack([vis, ir])
    rows = {(name, rounding): student_colour.score(path, pair) for name, rounding, path in student_colour.PATHS}
    apart = {key: row[3] for key, row in rows.items()}
    assert apart["base", "each channel"] < apart["student", "differences"] < 1


def test_time_is_that_of_the_thread(scene):
    ir, vis = scene
    assert 0 < student_colour.milliseconds(lambda y, vis: y + vis, np.dstack([vis, ir])) < 1000


def test_precision_counts_levels(scene):
    torch.manual_seed(0)
    ir, vis = scene
    full = StudentModel(StudentConfig((16,), (1,))).eval().requires_grad_(False)
    pair = np.dstack([vis, ir])
    assert student_precision.differences(full, copy.deepcopy(full), pair).max() == 0
    brighter = copy.deepcopy(full)
    brighter.offset.bias.fill_(3 / 255)
    apart = student_precision.differences(full, brighter, pair)
    assert apart.size == vis.size and np.median(apart) == pytest.approx(3)
