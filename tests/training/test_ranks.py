"""Training by several ranks: the steps of one process, whatever their number, and one that writes."""

import json
import os
import subprocess
import sys

import pytest
import torch

from diffuse_fuse.checkpoint import load_weights
from diffuse_fuse.errors import UsageError
from diffuse_fuse.training import ranks
from diffuse_fuse.training.loop import Settings, train
from diffuse_fuse.training.state import load_state


class Pretended:
    """Stands for torch.distributed: this process is one rank after the other."""

    def __init__(self, monkeypatch, count):
        self.count = count
        monkeypatch.setattr(ranks, "count", lambda: self.count)
        monkeypatch.setattr(ranks, "number", lambda: self.number)
        self.number = 0


def gradients(task, step):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in task.model.parameters():  # untrained, some are nothing, and so would gradients be
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    loss = task.loss(task.model, step)
    loss.backward()
    return float(loss.detach()), [p.grad.clone() for p in task.model.parameters() if p.grad is not None]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("diffusion", {}),
        ("fusion", {"relit": 1}),
        ("fusion", {"relit": 0, "unet": "frozen"}),
        ("student", {"judged": 1}),
        ("student", {"judged": 3}),
        ("student", {"judged": 0}),
    ],
)
@pytest.mark.parametrize("count", [2, 4])
def test_the_mean_gradient_of_the_shares_is_that_of_the_batch(make_task, monkeypatch, kind, options, count):
    loss, expected = gradients(make_task(kind, batch=4, **options), 3)
    pretended = Pretended(monkeypatch, count)
    found = []
    for pretended.number in range(count):
        found.append(gradients(make_task(kind, batch=4, **options), 3))
    assert sum(part for part, _ in found) / count == pytest.approx(loss, rel=1e-5)
    means = [sum(parts) / count for parts in zip(*(part for _, part in found), strict=True)]
    for mean, whole in zip(means, expected, strict=True):
        assert (mean - whole).norm() <= 1e-4 * whole.norm() + 1e-7


def test_the_teachers_sizes_are_those_of_the_whole_batch(make_task, monkeypatch):
    whole = make_task("fusion", batch=2, unet="distill")
    sizes = []
    monkeypatch.setattr(ranks, "mean", lambda value: sizes.append(value) or value)
    loss, _ = gradients(whole, 0)
    of_batch = list(sizes)
    pretended = Pretended(monkeypatch, 2)
    monkeypatch.setattr(ranks, "mean", lambda value: of_batch[next(at)])
    total = 0.0
    for pretended.number in range(2):
        at = iter(range(len(of_batch)))
        total += gradients(make_task("fusion", batch=2, unet="distill"), 0)[0] / 2
    assert total == pytest.approx(loss, rel=1e-5)


def test_a_share_is_a_part_of_the_batch_and_of_its_kinds(monkeypatch):
    pretended = Pretended(monkeypatch, 3)
    pretended.number = 1
    assert ranks.share(6) == slice(2, 4)
    assert ranks.common(slice(2, 4), 0, 3) == slice(0, 1)
    assert ranks.common(slice(2, 4), 3, 3) == slice(1, 2)
    assert ranks.common(slice(2, 4), 0, 1) == slice(0, 0)
    with pytest.raises(UsageError, match="cannot be shared by 3 ranks"):
        ranks.require_shares(4)


def torchrun(count, *arguments, code=0):
    """``dfuse train diffusion`` by so many processes, or one without torchrun."""
    start = [sys.executable, "-m"]
    if count > 1:
        start += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m"]
    done = subprocess.run(
        [*start, "diffuse_fuse", "train", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    return done


def apart(first, second):
    """The largest difference between the weights of two states, and of their moving averages."""
    return max(float((first[part][k] - second[part][k]).abs().max()) for part in ("model", "ema") for k in first[part])


@pytest.mark.slow
def test_two_ranks_are_one_and_go_on_as_one(data, tmp_path):
    call = (
        *("diffusion", "--data", data, "--val", data, "--channels", "8,16", "--blocks", "1,1", "--crop", 32),
        *("--batch", 4, "--quiet", "--precision", "fp32", "--seed", 3),
    )
    torchrun(1, *call, "--out", tmp_path / "one", "--steps", 20)
    done = torchrun(2, *call, "--out", tmp_path / "two", "--steps", 20)
    one, two = (load_state(tmp_path / name / "state.pt") for name in ("one", "two"))
    assert one["step"] == two["step"] == 20 and one["identity"] == two["identity"]
    assert apart(one, two) <= 1e-5
    assert done.stdout.strip() == str(tmp_path / "two" / "best.safetensors")  # said once
    logs = [
        [json.loads(line) for line in (tmp_path / n / "log.jsonl").read_text().splitlines()] for n in ("one", "two")
    ]
    assert [line["step"] for line in logs[1]] == [line["step"] for line in logs[0]] == [20, 20]
    assert logs[1][0]["loss"] == pytest.approx(logs[0][0]["loss"], rel=1e-4)
    # the run of one goes on with two ranks, and that of two with one
    torchrun(2, *call, "--out", tmp_path / "one", "--steps", 30, "--resume")
    torchrun(1, *call, "--out", tmp_path / "two", "--steps", 30, "--resume")
    one, two = (load_state(tmp_path / name / "state.pt") for name in ("one", "two"))
    assert one["step"] == two["step"] == 30 and apart(one, two) <= 1e-5
    assert load_weights(tmp_path / "two" / "weights.safetensors").card["steps"] == 30


@pytest.mark.slow
def test_what_is_wrong_ends_all_ranks(data, tmp_path):
    call = ("diffusion", "--data", data, "--channels", "8,16", "--blocks", "1,1", "--crop", 32, "--steps", 1)
    done = torchrun(2, *call, "--batch", 3, "--out", tmp_path / "odd", code=1)
    assert "A batch of 3 crops cannot be shared by 2 ranks" in done.stderr
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "best.safetensors").write_text("precious")
    done = torchrun(2, *call, "--batch", 2, "--out", tmp_path / "taken", code=1)
    assert done.stderr.count("best.safetensors is there") == 1  # by the first rank alone
    assert (tmp_path / "taken" / "best.safetensors").read_text() == "precious"


def test_one_process_needs_no_torchrun(make_task, tmp_path, monkeypatch):
    def never(*_, **__):
        raise AssertionError("no ranks, no group")

    monkeypatch.setattr(torch.distributed, "init_process_group", never)
    ranks.join("cpu")
    train(make_task("diffusion"), Settings(tmp_path, steps=2, quiet=True))
    assert ranks.count() == 1 and ranks.is_first()
