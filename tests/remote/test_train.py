"""``dfuse train`` on a folder in a bucket: a copy of it stays on this machine, and is brought up to date."""

import pytest

from .conftest import BUCKET
from .test_s3 import requests

pytestmark = pytest.mark.slow
SET = f"s3://{BUCKET}/set"


@pytest.fixture
def train(dfuse, s3, tmp_path, monkeypatch):
    from tests.training.conftest import write_pairs

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for path in sorted(write_pairs(tmp_path / "set", 4).rglob("*.png")):
        s3.files.put_file(str(path), f"{BUCKET}/{path.relative_to(tmp_path)}")

    def run(out, *arguments):
        small = ["--crop", 32, "--batch", 1, "--channels", "8,8", "--blocks", "1,1", "--device", "cpu", "--steps", 2]
        return dfuse("train", "diffusion", "--out", out, *small, "--quiet", *arguments)

    return run


def test_a_copy_stays_and_is_brought_up_to_date(train, s3, tmp_path):
    copy = tmp_path / "cache" / "dfuse" / "data" / "s3" / BUCKET / "set"
    s3.faults.plan += [("GET", "/ir/002.png", "503")] * 100
    done = train("run", "--data", SET)
    assert done.returncode == 1 and f"{SET}/ir/002.png cannot be read, tried" in done.stderr
    s3.faults.plan.clear()
    done = train("run", "--data", SET)
    assert done.returncode == 0, done.stderr
    assert requests(s3, "GET", "/ir/001.png") == 1  # it was there from the first time
    s3.files.rm_file(f"{BUCKET}/set/ir/003.png")
    s3.files.pipe_file(f"{BUCKET}/set/notes.txt", b"no picture")
    assert train("run", "--data", SET, "--overwrite").returncode == 0
    assert sorted(path.name for path in (copy / "ir").iterdir()) == ["000.png", "001.png", "002.png"]
    assert not (copy / "notes.txt").exists() and requests(s3, "GET", "/ir/001.png") == 1


def test_the_weights_are_those_of_local_files(train, tmp_path):
    assert train("far", "--data", SET).returncode == 0
    assert train("near", "--ir", "set/ir", "--vis", "set/vi").returncode == 0
    far, near = (next((tmp_path / name).glob("*.safetensors")) for name in ("far", "near"))
    from diffuse_fuse.checkpoint import load_weights

    pairs = zip(*(sorted(load_weights(path).tensors.items()) for path in (far, near)), strict=True)
    assert all(a == b and (x == y).all() for (a, x), (b, y) in pairs)


def test_what_is_no_folder_is_said(train, s3, dfuse, tmp_path):
    done = train("run", "--data", f"s3://{BUCKET}/none")
    assert done.returncode == 2 and f"There is no folder s3://{BUCKET}/none" in done.stderr
    done = train("run", "--data", f"{SET}/ir/000.png")
    assert done.returncode == 2 and "give the address of a folder" in done.stderr
    done = dfuse("train", "recipe", "tiny.toml", "--data-root", SET)
    assert done.returncode == 2 and "a folder of this machine" in done.stderr
    done = train(f"s3://{BUCKET}/run", "--data", SET)
    assert done.returncode == 2 and "copy the weights there" in done.stderr
    (tmp_path / "pairs.csv").write_text(f"ir,vis\n{SET}/ir/000.png,{SET}/vi/000.png\n")
    done = train("run", "--data", "pairs.csv")
    assert done.returncode == 2 and "pairs.csv names addresses" in done.stderr
