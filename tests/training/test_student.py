"""Training of students: what the teacher adds, and ``dfuse train student`` from pairs to a fused picture."""

import json

import pytest
import torch

from diffuse_fuse.checkpoint import Weights, load_weights, save_weights
from diffuse_fuse.cli.commands import main
from diffuse_fuse.errors import UsageError
from diffuse_fuse.networks.student import SIZES, StudentModel
from diffuse_fuse.training import student
from diffuse_fuse.training.loop import Settings, train
from diffuse_fuse.training.state import load_state
from diffuse_fuse.training.student import distance, start_student, unlikeness

from .conftest import write_pairs
from .test_loop import flat


def settings(out, steps, **options):
    return Settings(out, steps=steps, warmup=5, cooldown=0.0, quiet=True, **options)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Pairs with room for the crops of whole students."""
    return write_pairs(tmp_path_factory.mktemp("data"), 2, 128, 96)


def test_10_steps_are_5_and_resume_and_5(tmp_path, make_task):
    train(make_task("student"), settings(tmp_path / "whole", 10))
    train(make_task("student"), settings(tmp_path / "parts", 5))
    train(make_task("student"), settings(tmp_path / "parts", 10, resume=True))
    whole, parts = (flat(load_state(tmp_path / name / "state.pt")) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    for place, value in whole.items():
        if place not in ("seconds.", "best.", "log."):  # of the log: a run that stops says so
            assert torch.equal(value, parts[place]) if isinstance(value, torch.Tensor) else value == parts[place], place


def test_a_student_comes_closer_to_its_teacher(tmp_path, make_task):
    task = make_task("student", teacher_weight=1000.0)
    with torch.no_grad():
        task.teacher.head.out.bias.fill_(0.1)  # what max(Y, IR) is not
        task.val_taught += 0.1
    before = task.validate(task.model)
    train(task, settings(tmp_path, 40, lr=5e-3, ema=0.8))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["val_teacher"] < 0.5 * before["val_teacher"]
    assert log[-1]["val_loss"] < before["val_loss"] and {"val_vif", "val_qabf"} <= log[-1].keys()
    weights = load_weights(tmp_path / "best.safetensors", "student")
    assert weights.card["teacher_weight"] == 1000.0 and weights.card["steps"] == 40
    assert (tmp_path / "preview.png").read_bytes().startswith(b"\x89PNG")


def test_the_teacher_sees_each_batch_once_and_never_learns(make_task):
    task = make_task("student", reuse=3)
    seen = []
    task.teacher.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    for step in range(12):
        task.loss(task.model, step).backward()
    assert 1 < len(seen) <= 4 and set(seen) == {2}
    assert all(parameter.grad is None for parameter in task.teacher.parameters())
    assert all(parameter.grad is not None for parameter in task.model.parameters())


def test_lessons_are_bounded_and_the_same_when_they_come_up_again(make_task, monkeypatch):
    monkeypatch.setattr(student, "_LESSONS", 2)
    task = make_task("student")
    first = task._lesson(0)
    for number in (1, 2, 3):
        task._lesson(number)
    assert set(task._lessons) == {2, 3}
    assert all(torch.equal(a, b) for a, b in zip(task._lesson(0), first, strict=True))
    assert not torch.equal(task._lesson(1)[0], first[0])


def test_the_fusion_losses_see_as_many_crops_as_they_are_to(make_task, monkeypatch):
    seen = []
    whole = student.fusion_loss
    monkeypatch.setattr(student, "fusion_loss", lambda fused, *rest: (seen.append(len(fused)), whole(fused, *rest))[1])
    for judged in (0, 1, 2):
        task = make_task("student", judged=judged)
        task.loss(task.model, 0)
    assert seen == [1, 2]
    assert make_task("student", judged=0).identity() != make_task("student", judged=1).identity()


def test_turns_are_the_eight_symmetries_of_a_square():
    square = torch.arange(9.0).view(1, 1, 3, 3)
    turned = [student._turned((square, square), turn) for turn in range(8)]
    assert all(torch.equal(a, b) for a, b in turned)
    assert len({tuple(a.flatten().tolist()) for a, _ in turned}) == 8


def test_distance_counts_levels_and_edges():
    flat_, edge = torch.full((1, 1, 64, 64), 0.5), torch.full((1, 1, 64, 64), 0.5)
    assert distance(flat_, edge).item() == pytest.approx(0, abs=1e-6)
    assert distance(flat_ + 0.1, edge).item() == pytest.approx(0.1, abs=1e-3)
    edge[..., 32:] = 0.7
    assert distance(flat_, edge).item() > 0.1 + 0.01  # the mean difference, and the edge


def test_unlikeness_sees_faded_detail_whatever_its_strength():
    """Detail of half its contrast: 2·½/(1 + ¼) of it is left. An other mean is no matter, other detail is all."""
    generator = torch.Generator().manual_seed(0)
    for strength in (0.06, 0.2):
        detail = torch.randn(1, 1, 96, 96, generator=generator) * strength
        other = torch.randn(1, 1, 96, 96, generator=generator) * strength
        assert unlikeness(0.5 + detail, 0.4 + detail).item() == pytest.approx(0, abs=2e-3)
        assert unlikeness(0.5 + detail / 2, 0.5 + detail).item() == pytest.approx(0.2, abs=0.06)
        assert unlikeness(0.5 + other, 0.5 + detail).item() > 0.6


def test_crops_and_sizes_that_do_not_fit_are_refused(make_task):
    with pytest.raises(UsageError, match="no size 'huge'.* fast, tiny"):
        start_student("huge", 0)
    torch.manual_seed(1)
    first, again, other = (start_student("tiny", seed)[0] for seed in (3, 3, 4))
    assert torch.equal(first.stem.weight, again.stem.weight) and not torch.equal(first.stem.weight, other.stem.weight)


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_from_pairs_to_a_fused_picture(large, tiny_model, tmp_path, capsys):
    out = tmp_path / "run"
    common = ("train", "student", "--teacher", tiny_model, "--size", "tiny", "--data", large, "--out", out)
    small = ("--crop", 96, "--batch", 1, "--threads", 1, "--device", "cpu", "--quiet")
    assert run(*common, *small, "--steps", 1) == 0
    assert capsys.readouterr().out.strip() == str(out / "best.safetensors")
    weights = load_weights(out / "best.safetensors", "student")
    assert weights.card["teacher"].startswith("tiny ") and weights.card["data"] == [f"{large.parent.name}/{large.name}"]
    assert run(*common, *small, "--steps", 1) == 1  # there is a run already
    assert run(*common, *small, "--steps", 2, "--resume") == 0
    assert run(*common, *small, "--steps", 3, "--resume", "--teacher-weight", 1) == 1
    assert "other settings (teacher_weight)" in capsys.readouterr().err
    picture = tmp_path / "fused.png"
    pair = (large / "ir" / "000.png", large / "vi" / "000.png")
    assert run("fuse", *pair, "-o", picture, "--model", out / "best.safetensors", "--device", "cpu") == 0
    assert picture.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--teacher", "nosuch"), 2, "no model 'nosuch'"),
        (("--teacher", "diffusion"), 1, "fusion or student weights are needed"),
        (("--size", "huge"), 2, "no size 'huge'"),
        (("--crop", 80), 2, "use multiples of 32"),
        (("--minutes", 1), 2, "either --minutes or --steps"),
    ],
)
def test_wrong_runs_are_one_sentence(large, tiny_model, tmp_path, capsys, arguments, code, says):
    common = ("train", "student", "--data", large, "--out", tmp_path / "run", "--steps", 1, "--threads", 1, "--quiet")
    assert run(*common, "--teacher", tiny_model, *arguments) == code
    assert says in capsys.readouterr().err


def test_a_student_goes_on_from_its_own_kind(tmp_path):
    torch.manual_seed(3)
    trained = StudentModel(SIZES["tiny"])
    save_weights(
        tmp_path / "t.safetensors", Weights("student", trained.config(), {}, trained.state_dict()), torch.float32
    )
    begun, source = start_student("tiny", 0, str(tmp_path / "t.safetensors"))
    assert source.startswith("student ")
    assert all(torch.equal(a, b) for a, b in zip(begun.parameters(), trained.parameters(), strict=True))
    wider, _ = start_student("fast", 0, str(tmp_path / "t.safetensors"))
    assert wider.hyper == SIZES["fast"]
    ir, vis = torch.rand(1, 1, 64, 64), torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(wider(ir, vis), trained(ir, vis))
    with pytest.raises(UsageError, match="cannot grow"):
        start_student("tiny", 0, "fast")
