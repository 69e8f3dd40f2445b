"""Neighbours of one size go through the network together: same order, same rows, failures by pair."""

import threading
import time

import numpy as np
import pytest

from diffuse_fuse import Fuser, batch
from diffuse_fuse.batch.network import Lazy
from diffuse_fuse.batch.pipeline import Done, Together, overlapped
from diffuse_fuse.cli.commands import main
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

from .conftest import AverageFuser, rows


class Groups(AverageFuser):
    """Takes up to three pairs in a call, and notes how many there were."""

    def __init__(self, bad: int | None = None) -> None:
        super().__init__()
        self.bad, self.seen = bad, []

    def together(self, height, width):
        return 3

    def fuse_many(self, pairs, depth=8):
        self.seen.append(len(pairs))
        assert len({vis.shape for _, vis in pairs}) == 1
        return [self.fuse(ir, vis, depth) for ir, vis in pairs]

    def fuse(self, ir, vis, depth=8):
        time.sleep(0.02)
        if ir[0, 0] == self.bad:
            raise RuntimeError("out of memory")
        return super().fuse(ir, vis, depth)


@pytest.fixture
def folder(tmp_path):
    """Twelve pairs, of which the seventh and eighth are larger; the first value tells which it is."""
    for number in range(12):
        shape = (40, 50) if number in (6, 7) else (30, 40)
        picture = np.full((*shape, 3), 100 + number, np.uint8)
        write_image(tmp_path / "ir" / f"{number:02}.png", picture[..., 0])
        write_image(tmp_path / "vi" / f"{number:02}.png", picture)
    return tmp_path


def run(folder, fuser, out="out", **options):
    plan = batch.plan_folders(folder / "ir", folder / "vi", folder / out)
    return batch.run_folder(plan, fuser, folder / out, workers=3, **options)


def test_neighbours_of_one_size_in_order(folder):
    fuser, single = Groups(), AverageFuser()
    results = run(folder, fuser)
    assert [r.out.name for r in results] == [f"{n:02}.png" for n in range(12)]
    assert {r.status for r in results} == {"ok"} and fuser.calls == 12
    assert max(fuser.seen) > 1  # what is ready while the network works
    run(folder, single, "single")
    assert (folder / "out/metrics.csv").read_bytes() == (folder / "single/metrics.csv").read_bytes()
    assert rows(folder / "out") == [f"{n:02}.png" for n in range(12)]


def test_a_pair_that_fails_fails_alone(folder):
    results = run(folder, Groups(bad=104))
    assert [r.status for r in results] == ["failed" if n == 4 else "ok" for n in range(12)]
    assert "not enough memory" in results[4].error


@pytest.mark.parametrize("at_once", [1, 3])
def test_groups_are_of_what_is_alike_and_read(at_once):
    calls, found, read = [], [], threading.Event()

    class Item:
        def __init__(self, value, nbytes=1):
            self.value, self.nbytes = value, nbytes

    def reading(number):
        if number == 4:
            read.wait(20)
        return Done(-number) if number == 9 else Item(number)

    def work(items):
        calls.append([item.value for item in items])
        time.sleep(0.2 if len(calls) <= at_once else 0.01)  # reading is ahead
        read.set()
        return [Done(100) if item.value == 13 else item for item in items]

    together = Together(work, lambda a, b: a.value // 8 == b.value // 8, lambda item: 4)
    overlapped(range(20), reading, together, lambda item: item.value, found.append, 4, at_once=at_once)
    assert found == [{9: -9, 13: 100}.get(n, n) for n in range(20)]
    assert sorted(value for call in calls for value in call) == [n for n in range(20) if n != 9]
    assert all(len(call) <= 4 and len({v // 8 for v in call}) == 1 for call in calls)
    assert not any({8, 10} <= set(call) for call in calls) and max(map(len, calls)) > 1


def test_large_items_go_alone():
    calls = []

    class Large:
        nbytes = 1 << 27

    def work(items):
        calls.append(len(items))
        time.sleep(0.01)
        return items

    together = Together(work, lambda *_: True, lambda _: 9)
    overlapped(range(6), lambda _: Large(), together, lambda x: x, lambda _: None, 2)
    assert calls == [1] * 6


def test_the_option_gives_the_pictures_of_one_by_one(folder, tiny_model, capsys):
    begin = ["fuse", str(folder / "ir"), str(folder / "vi"), "--model", str(tiny_model), "--device", "cpu", "-q"]
    for name, size in (("one", "1"), ("auto", "auto"), ("four", "4")):
        assert main([*begin, "-o", str(folder / name), "--batch", size]) == 0
    for number in range(12):
        one, auto, four = (read_visible(folder / name / f"{number:02}.png") for name in ("one", "auto", "four"))
        assert np.array_equal(one, auto) and np.abs(one.astype(int) - four).max() <= 1
    assert main([*begin, "-o", str(folder / "x"), "--batch", "0"]) == 2
    assert "--batch takes auto or a whole number from 1 to 1024" in capsys.readouterr().err


def test_lazy_asks_the_fuser_unless_it_is_said(tiny_model):
    def make():
        return Fuser(tiny_model, device="cpu")

    assert Lazy(make).together(30, 40) == 1 and Lazy(make, batch=4).together(30, 40) == 4
    assert Lazy(make, at_once=2)._made.sharers == 2
    assert Lazy(AverageFuser, batch=4).together(30, 40) == 1  # it takes one at a time
