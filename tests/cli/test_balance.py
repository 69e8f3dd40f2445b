"""The dial on the command line: one option, one meaning, for every command that fuses."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse import Fuser
from diffuse_fuse.images.provenance import read_provenance
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
import scene as rendered


@pytest.fixture
def street(tmp_path):
    """A folder of one rendered pair by day: ir, vis as arrays; the files are ir/street.png and vis/street.png."""
    ir, vis = rendered.render("day", 160, 120)
    write_image(tmp_path / "ir" / "street.png", ir)
    write_image(tmp_path / "vis" / "street.png", vis)
    return ir, vis


def test_the_picture_is_that_of_the_library_and_says_its_balance(dfuse, tmp_path, street):
    for number, balance in enumerate(("auto", "0.25", "1")):
        out = f"{number}.png"
        found = dfuse("fuse", "ir/street.png", "vis/street.png", "-o", out, "--model", "tiny", "--balance", balance)
        assert found.returncode == 0, found.stderr
        expected = Fuser("tiny", balance=balance, threads=1).fuse(*street)
        assert np.abs(read_visible(tmp_path / out).astype(int) - expected).max() <= 1
        noted = read_provenance(tmp_path / out).options["balance"]
        assert noted == (balance if balance == "auto" else float(balance))


def test_another_balance_makes_a_folder_again(dfuse, street):
    first = dfuse("fuse", "ir", "vis", "-o", "out", "--model", "tiny")
    again = dfuse("fuse", "ir", "vis", "-o", "out", "--model", "tiny", "--balance", "auto", "--json")
    other = dfuse("fuse", "ir", "vis", "-o", "out", "--model", "tiny", "--balance", "1", "--json")
    assert first.returncode == again.returncode == other.returncode == 0
    assert json.loads(again.stdout)["results"][0]["status"] == "skipped"
    assert json.loads(other.stdout)["results"][0]["redone"] == "the options changed"


def test_eval_has_a_row_for_each_balance(dfuse, street):
    found = dfuse("eval", ".", "--model", "tiny", "--balance", "auto", "--balance", "1", "--metrics", "Tone", "--json")
    assert found.returncode == 0, found.stderr
    methods = {row["name"]: row for row in json.loads(found.stdout)["methods"]}
    assert set(methods) == {"tiny", "tiny balance 1"}
    assert methods["tiny"]["balance"] == "auto" and methods["tiny balance 1"]["balance"] == 1


@pytest.mark.parametrize("command", ["fuse", "video", "bench", "eval"])
def test_a_wrong_balance_is_said_in_one_sentence(dfuse, street, command):
    paths = {"bench": [], "eval": ["."]}.get(command, ["ir", "vis", "-o", "out"])
    found = dfuse(command, *paths, "--balance", "night")
    assert found.returncode == 2
    assert "--balance takes auto or a number from 0 to 1, such as 0.3, not 'night'." in " ".join(found.stderr.split())
