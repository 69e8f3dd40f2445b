"""``dfuse train``: from two folders of pairs to a fused picture, and what is refused."""

import json
import subprocess
import sys

import pytest

from diffuse_fuse.checkpoint import load_weights


def dfuse(*arguments, code=0):
    run = subprocess.run(
        [sys.executable, "-m", "diffuse_fuse", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    return run


SMALL = ("--batch", 2, "--threads", 1, "--quiet")
TINY = ("--channels", "8,16", "--blocks", "1,1", "--crop", 32, *SMALL)


@pytest.fixture(scope="module")
def diffusion(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "diffusion"
    run = dfuse("train", "diffusion", "--data", data, "--val", data, "--out", out, "--steps", 2, *TINY)
    assert run.stdout.strip() == str(out / "best.safetensors")
    return out / "best.safetensors"


def test_from_pairs_to_a_fused_picture(data, diffusion, tmp_path):
    first = tmp_path / "first"
    dfuse(
        *("train", "fusion", "--diffusion", diffusion, "--data", data, "--out", first, "--steps", 2, "--crop", 64),
        *("--unet", "frozen", "--feature-steps", "5,50", "--noise", "fixed", *SMALL),
    )
    weights = load_weights(first / "weights.safetensors", "fusion")
    assert weights.config["features"] == {"steps": [5, 50], "noise": "fixed"}
    assert weights.card["steps"] == 2 and weights.card["unet"].startswith("frozen from diffusion")

    second = tmp_path / "second"
    dfuse(
        *("train", "fusion", "--init", first / "weights.safetensors", "--data", data, "--out", second),
        *("--steps", 1, "--crop", 64, *SMALL),
    )
    out = tmp_path / "fused.png"
    fused = dfuse(
        *("fuse", data / "ir" / "000.png", data / "vi" / "000.png", "-o", out, "--json"),
        *("--model", second / "best.safetensors"),
    )
    assert json.loads(fused.stdout)["ok"] == 1 and out.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--steps", 1, "--minutes", 1), 2, "either --minutes or --steps"),
        ((), 2, "either --minutes or --steps"),
        (("--steps", 1, "--channels", "8,x"), 2, "--channels takes whole numbers"),
        (("--steps", 1, "--schedule", "sine"), 2, "Unknown noise schedule 'sine'"),
        (("--steps", 1, "--crop", 128), 1, "too small for the crop"),
        (("--steps", 1, "--data", "nowhere"), 1, "nowhere"),
    ],
)
def test_wrong_diffusion_runs_are_one_sentence(data, tmp_path, arguments, code, says):
    run = dfuse("train", "diffusion", "--data", data, "--out", tmp_path / "run", *TINY[:4], *arguments, code=code)
    assert says in run.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--diffusion", "nowhere.safetensors"), 2, "no model 'nowhere.safetensors'"),
        (("--init", "nosuch"), 2, "no model 'nosuch'"),
        (("--init", "a", "--diffusion", "b"), 2, "exclude each other"),
        (("--unet", "melted"), 2, "Unknown way 'melted'"),
        (("--feature-steps", "1,two"), 2, "--feature-steps takes whole numbers"),
        (("--noise", "loud"), 1, "Unknown noise rule 'loud'"),
    ],
)
def test_wrong_fusion_runs_are_one_sentence(data, tmp_path, arguments, code, says):
    common = ("train", "fusion", "--data", data, "--out", tmp_path / "run", "--steps", 1, *SMALL)
    assert says in dfuse(*common, *arguments, code=code).stderr
