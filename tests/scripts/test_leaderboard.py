"""Rows of the leaderboard: measured, taken from evaluations and tables, and refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import leaderboard  # noqa: E402

app = typer.Typer()
app.command()(leaderboard.main)


def draw(folder: Path, seed: int, names: tuple[str, ...] = ("a", "b")) -> Path:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for name in names:
        picture = cv2.GaussianBlur(rng.integers(0, 256, (48, 48, 3), np.uint8), (0, 0), 2)
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return folder


@pytest.fixture
def data(tmp_path) -> Path:
    draw(tmp_path / "data" / "ir", 0)
    draw(tmp_path / "data" / "vis", 1)
    return tmp_path / "data"


@pytest.fixture
def add(tmp_path):
    def run(*arguments: object):
        return CliRunner().invoke(app, [*map(str, arguments), "--board", str(tmp_path / "board.csv")])

    return run


def board(tmp_path) -> dict[str, dict[str, str]]:
    return {row["method"]: row for row in leaderboard.read(tmp_path / "board.csv")}


def test_one_command_measures_pictures_and_adds_their_row(add, data, tmp_path):
    mine, other = draw(tmp_path / "mine", 2), draw(tmp_path / "other", 3, ("a",))
    done = add("small", data, "--fused", f"My method={mine}", "--new")
    assert done.exit_code == 0 and done.output == "small: My method\n"
    first = board(tmp_path)["My method"]
    assert (first["set"], first["kind"], first["pairs"]) == ("small", "folder", "2")
    assert len(first["fingerprint"]) == 16 and all(first[name] for name in leaderboard.METRICS if name != "Darkened")

    done = add("small", data, "--fused", f"Another={other}")
    assert done.exit_code == 0 and "Problem: " in done.output
    assert board(tmp_path)["Another"]["pairs"] == "1" and board(tmp_path)["My method"] == first

    cv2.imwrite(str(mine / "a.png"), np.zeros((48, 48, 3), np.uint8))
    assert add("small", data, "--fused", f"My method={mine}").exit_code == 0
    assert list(board(tmp_path)) == ["My method", "Another"]  # replaced in its place
    assert board(tmp_path)["My method"]["EN"] != first["EN"]


def test_weights_are_fused_and_measured(add, data, tmp_path):
    done = add("small", data, "--model", "mine=tiny", "--balance", "1", "--new")
    assert done.exit_code == 0 and board(tmp_path)["mine"]["kind"] == "model"


def summary(tmp_path, **changes) -> Path:
    means = {name: {"mean": 0.5} for name in leaderboard.METRICS} | {"SCD": {"mean": None}}
    method = {"name": "base", "kind": "model", "pairs": 17, "metrics": means}
    whole = {"dataset": {"fingerprint": "f" * 64}, "convention": "plain", "methods": [method], **changes}
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(whole))
    return path


def test_rows_of_an_evaluation_and_of_a_table(add, tmp_path):
    assert add("tno", "--summary", summary(tmp_path), "--new").exit_code == 0
    table = tmp_path / "scores.csv"
    table.write_text("method,EN,VIF_vi,SCD,n\nbase,1,1,1,17\nmax,6.5,0.25,nan,17\nTheirs,7,0.5,1.5,11\n")
    done = add("tno", "--peers", table)
    assert done.exit_code == 0 and done.output == "tno: max, Theirs\n"  # base is measured already
    rows = board(tmp_path)
    assert rows["base"]["SCD"] == "" and rows["base"]["EN"] == "0.50000"
    assert (rows["max"]["kind"], rows["max"]["VIF_vis"], rows["max"]["SCD"]) == ("baseline", "0.25000", "")
    assert (rows["Theirs"]["kind"], rows["Theirs"]["pairs"], rows["Theirs"]["Tone"]) == ("table", "11", "")


@pytest.mark.parametrize(
    ("arguments", "changes", "words"),
    [
        (("tno",), {}, "Give the folder of the pairs"),
        (("tno", "DATA"), {}, "Give the folder of the pairs"),
        (("tno", "DATA", "--fused", "mine"), {}, "--fused mine: give a name and a folder"),
        (("tno", "DATA", "--model", "fast"), {}, "--model fast: give a name and weights"),
        (("tno", "--summary", "SUMMARY"), {"dataset": {"fingerprint": "0" * 64}}, "These are not the pairs of tno"),
        (("tno", "--summary", "SUMMARY"), {"convention": "tang"}, "of the convention tang"),
        (("tno", "--summary", "SUMMARY"), {"methods": [{"name": "x"}]}, "This is no summary.json"),
        (("tno", "--summary", "NOWHERE"), {}, "cannot be read as a summary.json"),
        (("tno", "--peers", "NOWHERE"), {}, "is no table with the columns"),
        (("elsewhere", "--summary", "SUMMARY"), {}, "The board has no set 'elsewhere', but tno: --new begins one"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(add, data, tmp_path, arguments, changes, words):
    assert add("tno", "--summary", summary(tmp_path), "--new").exit_code == 0
    before = (tmp_path / "board.csv").read_bytes()
    paths = {"DATA": data, "SUMMARY": summary(tmp_path, **changes), "NOWHERE": tmp_path / "nowhere"}
    done = add(*(paths.get(argument, argument) for argument in arguments))
    assert done.exit_code in (1, 2) and done.output.startswith("Error: ") and words in done.output
    assert len(done.output.splitlines()) == 1 and (tmp_path / "board.csv").read_bytes() == before


def test_another_table_is_no_board(add, tmp_path):
    (tmp_path / "board.csv").write_text("method,EN\n")
    done = add("tno", "--summary", summary(tmp_path))
    assert done.exit_code == 1 and "is no leaderboard" in done.output


def test_the_board_of_the_repository_holds():
    rows = leaderboard.read(leaderboard.BOARD)
    assert len({(row["set"], row["method"]) for row in rows}) == len(rows)
    for name, count in (("roadscene_val", 20), ("msrs_test_sample", 40), ("tno", 17)):
        here = [row for row in rows if row["set"] == name]
        assert {"base", "fast", "tiny", "max", "visible", "ir", "SeAFusion"} <= {row["method"] for row in here}
        assert max(int(row["pairs"]) for row in here) == count
        assert len({row["fingerprint"] for row in here} - {""}) == 1
