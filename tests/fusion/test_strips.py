"""Strips of columns: the picture of the whole width, whatever number of threads makes them."""

import threading

import numpy as np
import pytest
import torch

from diffuse_fuse.fusion.student_rows import usual_rows
from diffuse_fuse.fusion.tiles import at_once, band_rows, fuse_in_bands, side_by_side, strips
from diffuse_fuse.networks.student import SIZES, StudentConfig, StudentModel

from .conftest import random_model, random_student


@pytest.fixture(params=[1, 2, 4])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def pair(height, width):
    rng = np.random.default_rng(7)
    return (
        rng.integers(256, size=(height, width), dtype=np.uint8),
        rng.integers(256, size=(height, width, 3), dtype=np.uint8),
    )


CONFIGS = [StudentConfig((8,), (1,)), StudentConfig((8, 8), (1, 1), 1), StudentConfig((8, 8), (1, 1), fine=12)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("config", CONFIGS)
def test_strips_make_the_picture_of_the_whole_width(config, dtype, threads, monkeypatch):
    model = random_student(config).to(dtype, memory_format=torch.channels_last)
    width = next(w for w in range(100, 10_000, 101) if len(strips(model, w)) == 4)
    sources, seconds, progress = pair(70, width), {}, []
    found = fuse_in_bands(model, *sources, rows=16, seconds=seconds, on_rows=lambda *rows: progress.append(rows))
    assert torch.get_num_threads() == threads
    assert set(seconds) == {"network", "colour"} and min(seconds.values()) > 0
    assert progress[-1] == (70, 70) and progress == sorted(progress)
    assert np.array_equal(found, fuse_in_bands(model, *sources, rows=16))
    monkeypatch.setattr("diffuse_fuse.fusion.tiles._MOST_MORE", 0)
    assert len(strips(model, width)) == 1
    whole = fuse_in_bands(model, *sources, rows=16)
    assert np.abs(found.astype(int) - whole).max() <= 1


def test_thermal_counts_are_stretched_over_the_whole_width(threads, monkeypatch):
    model = random_student(CONFIGS[0])
    width = next(w for w in range(100, 10_000, 100) if len(strips(model, w)) == 2)
    counts = np.linspace(2000, 3000, 48 * width).reshape(width, 48).T.astype(np.uint16)
    _, vis = pair(48, width)
    found = fuse_in_bands(model, counts, vis)
    monkeypatch.setattr("diffuse_fuse.fusion.tiles._MOST_MORE", 0)
    assert np.abs(found.astype(int) - fuse_in_bands(model, counts, vis)).max() <= 1


@pytest.mark.parametrize("size", SIZES)
def test_how_many_strips_and_how_much_more_they_compute(size):
    model = StudentModel(SIZES[size])
    assert [len(strips(model, width)) for width in (640, 4000, 6000, 11_600, 20_000)] == [1, 1, 2, 2, 4]
    for width in (6000, 11_611, 20_000):
        parts = strips(model, width)
        assert sum(part.stop - part.start for part in parts) <= width * 16 / 15 + model.multiple
        assert min(part.out.start - part.start for part in parts[1:]) >= model.hyper.reach
        assert band_rows(model, width) == usual_rows(model, max(part.stop - part.start for part in parts))
    assert len(strips(model, 11_600, "cuda")) == 1
    assert len(strips(random_model(), 50_000)) == 1


def test_works_share_the_threads_evenly(threads):
    assert [at_once(parts) for parts in (1, 2, 4)] == [1, min(2, threads), threads]
    counts, together = set(), threading.Barrier(at_once(2))

    def work(steps):
        together.wait(timeout=60)
        for step in steps:
            counts.add(torch.get_num_threads())
            yield step

    assert sorted(side_by_side([work([1, 2]), work([3])])) == [1, 2, 3]
    assert counts == {threads // at_once(2)} and torch.get_num_threads() == threads


def test_what_a_work_raises_is_raised_and_ends_the_others(threads):
    steps = []

    def fails():
        yield 1
        raise ValueError("no")

    def goes_on():
        for step in range(10_000_000):
            steps.append(step)
            yield step

    with pytest.raises(ValueError, match="no"):
        list(side_by_side([fails(), goes_on()]))
    assert len(steps) < 10_000_000 and torch.get_num_threads() == threads
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dfuse-strip")]


def test_works_end_where_nobody_takes_what_they_yield(threads):
    made = side_by_side([iter(range(10_000_000)), iter(range(10_000_000))])
    next(made)
    made.close()
    assert torch.get_num_threads() == threads
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dfuse-strip")]
