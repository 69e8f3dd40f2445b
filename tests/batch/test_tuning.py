"""How the cores are shared is found while pairs are fused: each once, in order, the same bytes."""

import time

import numpy as np
import pytest
import torch

from diffuse_fuse import batch
from diffuse_fuse.batch import tuning
from diffuse_fuse.batch.network import Lazy, choose
from diffuse_fuse.batch.tuning import Split, Tuning, climbed
from diffuse_fuse.cli.commands import main
from diffuse_fuse.images.write import write_image

from .conftest import AverageFuser, contents


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(30):
        both = rng.integers(256, size=(24, 32, 4), dtype=np.uint8)
        write_image(tmp_path / "ir" / f"{number:02}.png", both[..., 3])
        write_image(tmp_path / "vi" / f"{number:02}.png", both[..., :3])
    return tmp_path


@pytest.mark.parametrize(
    ("cores", "most", "best"),
    [(2, 2, (2, 1, 2)), (8, 8, (4, 2, 8)), (64, 64, (16, 4, 32)), (64, 4, (4, 16, 32)), (8, 1, (1, 8, 8))],
)
def test_the_fastest_split_is_found_on_any_machine(cores, most, best):
    """With a rate whose best is known, of at most so many pictures at once."""
    wanted, seen = Split(*best), []

    def rate(split):
        seen.append(split)
        assert split.at_once * split.threads <= cores and split.at_once <= most and split.workers <= max(cores, 4)
        far = abs(np.log2(split.at_once / wanted.at_once)) + abs(np.log2(split.workers / wanted.workers))
        return 100 / (1 + far)

    found, tried = climbed(Split(1, cores, min(4, cores)), cores, most, rate)
    assert found == wanted and tried == len(seen) == len(set(seen)) <= 12


def test_one_that_is_hardly_faster_is_chance_and_nothing_left_ends_it():
    assert climbed(Split(1, 2, 2), 2, 2, lambda split: 1.04 if split.at_once == 2 else 1)[0] == Split(1, 2, 2)
    assert climbed(Split(1, 2, 2), 2, 2, lambda split: 0)[1] == 1


def tune(monkeypatch, seconds=0.01):
    monkeypatch.setattr(tuning, "_SECONDS", seconds)
    monkeypatch.setattr(tuning, "_WORTH", 0.0)


def run(folder, fuser, out, workers):
    plan = batch.plan_folders(folder / "ir", folder / "vi", folder / out)
    return batch.run_folder(plan, fuser, folder / out, workers=workers)


def test_each_pair_once_in_order_with_the_usual_bytes(folder, tiny_model, monkeypatch, threads):
    tune(monkeypatch)
    monkeypatch.setattr(tuning, "_LEAST", 1)
    told = []
    lazy = choose(str(tiny_model), "cpu", 2, None).fuser
    found = run(folder, lazy, "tuned", Tuning(2, lambda *what: told.append(what)))
    assert [r.out.name for r in found] == [f"{n:02}.png" for n in range(30)] and {r.status for r in found} == {"ok"}
    ((split, tried),) = told
    assert tried >= 2 and split.at_once * split.threads <= 2
    run(folder, choose(str(tiny_model), "cpu", 1, None).fuser, "usual", 1)
    assert contents(folder / "tuned") == contents(folder / "usual")


def test_a_short_run_tries_nothing_and_one_that_is_done_loads_nothing(folder):
    told, made = [], []

    def make():
        made.append(1)
        return AverageFuser()

    assert {r.status for r in run(folder, Lazy(make), "out", Tuning(2, told.append))} == {"ok"}
    assert not told and made == [1]
    for path in (folder / "ir").iterdir():
        path.touch()  # times play no part
    assert {r.status for r in run(folder, Lazy(make), "out", Tuning(2, told.append))} == {"skipped"} and made == [1]


def test_more_threads_are_found_where_reading_and_writing_take_long(folder, monkeypatch):
    tune(monkeypatch, 0.1)
    monkeypatch.setattr(tuning, "default_workers", lambda: 1)
    monkeypatch.setattr(batch.steps.Steps, "write", slowly(batch.steps.Steps.write))
    told = []
    assert len(run(folder, AverageFuser(), "out", Tuning(8, lambda *what: told.append(what)))) == 30
    assert told[0][0].workers > 1 and told[0][0].at_once == 1


def slowly(write):
    def waiting(self, fused):
        time.sleep(0.03)
        return write(self, fused)

    return waiting


def test_the_option(folder, tiny_model, capsys, monkeypatch, threads):
    tune(monkeypatch)
    begin = ["fuse", str(folder / "ir"), str(folder / "vi"), "--model", str(tiny_model), "--device", "cpu"]
    assert main([*begin, "-o", str(folder / "out"), "--workers", "auto", "--no-metrics"]) == 0
    assert "ways to share the cores" in " ".join(capsys.readouterr().err.split())
    assert main([*begin, "-o", str(folder / "x"), "--workers", "many"]) == 2
    assert "--workers takes auto or a whole number" in capsys.readouterr().err
