"""The training loop: resumption bit for bit, checkpoints that are always whole, clear refusals."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from diffuse_fuse.checkpoint import load_weights
from diffuse_fuse.errors import TrainingError, UsageError
from diffuse_fuse.training import loop
from diffuse_fuse.training.loop import Settings, train
from diffuse_fuse.training.state import load_state


def settings(out, steps, **options):
    return Settings(out, steps=steps, warmup=5, cooldown=0.0, quiet=True, **options)


def flat(state):
    """Every tensor and number of a training state, by its place."""
    if isinstance(state, dict):
        return {f"{k}.{kk}": v for k, value in state.items() for kk, v in flat(value).items()}
    if isinstance(state, list | tuple):
        return flat(dict(enumerate(state)))
    return {"": state}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("diffusion", {}),
        ("fusion", {"unet": "finetune"}),
        ("fusion", {"unet": "frozen"}),
        ("fusion", {"unet": "distill"}),
    ],
)
def test_40_steps_are_20_and_resume_and_20(tmp_path, make_task, kind, options):
    train(make_task(kind, **options), settings(tmp_path / "whole", 40))
    train(make_task(kind, **options), settings(tmp_path / "parts", 20))
    train(make_task(kind, **options), settings(tmp_path / "parts", 40, resume=True))
    whole, parts = (flat(load_state(tmp_path / name / "state.pt")) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    for place, value in whole.items():
        if place in ("seconds.", "log."):  # the log of the parts has a line more
            continue
        if place == "best.":  # the run in parts was judged once more, at step 20
            assert parts[place] <= value
            continue
        same = torch.equal(value, parts[place]) if isinstance(value, torch.Tensor) else value == parts[place]
        assert same, place
    weights = [(tmp_path / name / "weights.safetensors") for name in ("whole", "parts")]
    first, second = (load_weights(path, kind).tensors for path in weights)
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_another_seed_gives_another_run(tmp_path, make_task):
    train(make_task("diffusion"), settings(tmp_path / "a", 4))
    train(make_task("diffusion", seed=1), settings(tmp_path / "b", 4))
    first, second = (load_weights(tmp_path / n / "weights.safetensors").tensors for n in "ab")
    assert not all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("kind", ["diffusion", "fusion"])
def test_training_learns(tmp_path, make_task, kind):
    task = make_task(kind)
    before = task.validate(task.model)["val_loss"]
    train(task, settings(tmp_path, 60, lr=3e-3, ema=0.9))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["val_loss"] < before
    assert [entry["step"] for entry in log if "loss" in entry] == [20, 40, 60]
    assert (tmp_path / "preview.png").read_bytes().startswith(b"\x89PNG")
    card = load_weights(tmp_path / "best.safetensors", kind).card
    assert card["steps"] == 60 and card["val_loss"] == log[-1]["val_loss"]


def test_frozen_unet_does_not_move_and_a_free_one_does(tmp_path, make_task):
    for mode, moves in (("frozen", False), ("finetune", True)):
        task = make_task("fusion", unet=mode)
        before = {k: v.clone() for k, v in task.model.unet.state_dict().items()}
        train(task, settings(tmp_path / mode, 5, lr=1e-2))
        after = task.model.unet.state_dict()
        assert any(not torch.equal(before[k], after[k]) for k in before) == moves


def test_lines_after_the_checkpoint_are_dropped_on_resumption(tmp_path, make_task):
    train(make_task("diffusion"), settings(tmp_path, 20))
    log = tmp_path / "log.jsonl"
    log.write_text(log.read_text() + '{"step": 40, "loss": 1.0}\n{"step": 6')  # killed while it wrote
    train(make_task("diffusion"), settings(tmp_path, 40, resume=True))
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == sorted(steps) and steps.count(40) == 2  # one line of training, one of validation


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing is saved on the way out."""


def logged(out):
    """The lines of a log by what they say and their step: loss and learning rate, or the figures of a checkpoint."""
    found = {}
    for line in (out / "log.jsonl").read_text().splitlines():
        entry = json.loads(line)
        entry.pop("seconds")
        key = "loss" in entry, entry.pop("step")
        assert key not in found, f"{key} twice"
        found[key] = entry
    return found


def killing(monkeypatch, name, at):
    """Makes ``loop.name`` end the run when it is called for the ``at``-th time."""
    step, count = getattr(loop, name), itertools.count(1)

    def doomed(*arguments):
        if next(count) == at:
            raise Killed
        return step(*arguments)

    monkeypatch.setattr(loop, name, doomed)


@pytest.mark.parametrize("kills", [[("save_state", 13), ("save_weights", 9)], [("write_image", 21)]])
def test_the_log_of_a_run_that_was_killed_is_that_of_one_that_was_not(tmp_path, make_task, monkeypatch, kills):
    """Killed in the middle of a checkpoint, whose line is in the log already; one is made after each step."""
    always = {"checkpoint_minutes": 0.0}
    train(make_task("diffusion"), settings(tmp_path / "whole", 22, **always))
    for number, kill in enumerate(kills):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            killing(patch, *kill)
            train(make_task("diffusion"), settings(tmp_path / "parts", 22, resume=number > 0, **always))
    train(make_task("diffusion"), settings(tmp_path / "parts", 22, resume=True, **always))
    whole = logged(tmp_path / "whole")
    assert logged(tmp_path / "parts") == whole and len(whole) == 23


def test_a_stop_in_the_middle_of_a_checkpoint_gives_one_line(tmp_path, make_task, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(TrainingError, match="Stopped at step 9"):
        patch.setattr(sys.modules[__name__], "Killed", KeyboardInterrupt)
        killing(patch, "save_state", 9)
        train(make_task("diffusion"), settings(tmp_path, 22, checkpoint_minutes=0.0))
    assert [step for _, step in logged(tmp_path)] == list(range(1, 10))


def test_budget_that_is_used_up_trains_no_further(tmp_path, make_task):
    train(make_task("diffusion"), settings(tmp_path, 5))
    before = (tmp_path / "state.pt").read_bytes()
    assert train(make_task("diffusion"), settings(tmp_path, 5, resume=True)) == tmp_path / "best.safetensors"
    assert (tmp_path / "state.pt").read_bytes() == before


def test_run_is_neither_overwritten_nor_mixed(tmp_path, make_task):
    train(make_task("diffusion"), settings(tmp_path, 2))
    with pytest.raises(TrainingError, match="--resume"):
        train(make_task("diffusion"), settings(tmp_path, 4))
    with pytest.raises(TrainingError, match=r"other settings \(seed\)"):
        train(make_task("diffusion", seed=3), settings(tmp_path, 4, resume=True))


@pytest.mark.parametrize("name", ["weights.safetensors", "best.safetensors", "preview.png", "log.jsonl"])
def test_files_of_others_stay(tmp_path, make_task, name):
    (tmp_path / name).write_text("precious")
    for resume in (False, True):
        with pytest.raises(TrainingError, match=f"{name} is there"):
            train(make_task("diffusion"), settings(tmp_path, 2, resume=resume))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "precious")]
    train(make_task("diffusion"), settings(tmp_path, 2, overwrite=True))
    assert (tmp_path / name).read_bytes() != b"precious" and (tmp_path / "state.pt").exists()


def test_weights_without_their_state_stay(tmp_path, make_task):
    train(make_task("diffusion"), settings(tmp_path, 20))
    (tmp_path / "state.pt").unlink()  # it is large, and the weights are what was wanted
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for resume in (False, True):
        with pytest.raises(TrainingError, match="cannot go on"):
            train(make_task("diffusion"), settings(tmp_path, 2, resume=resume))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("killed", ["before any checkpoint", "in its first checkpoint", "while it wrote its state"])
def test_a_run_that_was_killed_early_begins_anew(tmp_path, make_task, killed):
    (tmp_path / "log.jsonl").write_text('{"step": 20, "seconds": 1.5, "loss": 1.0, "lr": 0.1}\n{"step": 4')
    if killed != "before any checkpoint":
        (tmp_path / "best.safetensors").write_text("half of it")
    if killed == "while it wrote its state":
        with open(tmp_path / "log.jsonl", "a") as file:
            file.write('0, "seconds": 3.0, "val_loss": 0.5}\n')
        (tmp_path / ".state.pt.4711.tmp").write_text("half of it")
    train(make_task("diffusion"), settings(tmp_path, 20, resume=True))
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [20, 20]
    assert not list(tmp_path.glob("*.tmp"))


def test_overwriting_begins_anew(tmp_path, make_task):
    train(make_task("diffusion"), settings(tmp_path, 4))
    train(make_task("diffusion", seed=3), settings(tmp_path, 2, overwrite=True))
    assert load_state(tmp_path / "state.pt")["step"] == 2
    with pytest.raises(UsageError, match="give one of them"):
        settings(tmp_path, 4, resume=True, overwrite=True)


def test_damaged_state_is_one_sentence(tmp_path, make_task):
    train(make_task("diffusion"), settings(tmp_path, 2))
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="no training state of dfuse, or is damaged"):
        train(make_task("diffusion"), settings(tmp_path, 4, resume=True))


def test_a_state_of_nonsense_is_one_sentence(tmp_path):
    torch.save({"identity": {"seed": 0}}, tmp_path / "state.pt")
    data = (tmp_path / "state.pt").read_bytes()
    (tmp_path / "state.pt").write_bytes(data.replace(b"identity", b"\xff\xfe\xfd\xfctity"))
    with pytest.raises(TrainingError, match="no training state of dfuse, or is damaged"):
        load_state(tmp_path / "state.pt")


class Payload:
    """What an attacker would put into a pickle."""

    def __reduce__(self):
        return os.system, ("touch owned",)


def test_state_with_code_in_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"identity": Payload()}, "state.pt")
    with pytest.raises(TrainingError):
        load_state(tmp_path / "state.pt")
    assert not (tmp_path / "owned").exists()


def test_budget_and_precision_are_checked(tmp_path):
    with pytest.raises(UsageError, match="--minutes or --steps"):
        Settings(tmp_path)
    with pytest.raises(UsageError, match="--minutes or --steps"):
        Settings(tmp_path, steps=1, minutes=1.0)
    with pytest.raises(UsageError, match="fp16"):
        Settings(tmp_path, steps=1, precision="fp16")


def command(data, out, *options):
    return [
        *(sys.executable, "-m", "diffuse_fuse", "train", "diffusion", "--data", str(data), "--out", str(out)),
        *("--channels", "8,16", "--blocks", "1,1", "--batch", "2", "--crop", "32", "--threads", "1", *options),
    ]


@pytest.mark.slow
def test_killed_run_goes_on(tmp_path, data):
    """kill -9 in the middle, through the command line; the state left behind is whole and the run goes on."""
    run = subprocess.Popen(command(data, tmp_path / "run", "--steps", "100000", "--checkpoint-minutes", "0.005"))
    state = tmp_path / "run" / "state.pt"
    deadline = time.monotonic() + 60
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    run.send_signal(signal.SIGKILL)
    run.wait()
    reached = load_state(state)["step"]
    assert reached > 0
    more = subprocess.run(
        command(data, tmp_path / "run", "--steps", str(reached + 5), "--resume"), capture_output=True, text=True
    )
    assert more.returncode == 0, more.stderr
    assert load_state(state)["step"] == reached + 5
    assert more.stdout.strip().endswith("best.safetensors")
