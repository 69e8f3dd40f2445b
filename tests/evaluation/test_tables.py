"""Tables: marks, rows that do not compare, escapes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from diffuse_fuse.evaluation import tables
from diffuse_fuse.evaluation.methods import Method

UP_DOWN = ("up", "down")


def constant(*rows: tuple[float, ...], pairs: int = 3) -> np.ndarray:
    """Methods × pairs × metrics, where every pair has the same values."""
    return np.repeat(np.array(rows, dtype=float)[:, None], pairs, axis=1)


def marks(evaluation) -> list[tuple[str, ...]]:
    return [row.marks for row in tables.rows(evaluation)]


def test_best_and_second_follow_the_direction(make_evaluation) -> None:
    found = marks(make_evaluation(constant((1, 1), (2, 2), (3, 3)), UP_DOWN))
    assert found == [("", "best"), ("second", "second"), ("best", "")]


def test_equal_as_shown_is_equal(make_evaluation) -> None:
    assert marks(make_evaluation(constant((1.00001,), (1.0,), (0.5,)))) == [("best",), ("best",), ("",)]


def test_baselines_are_not_marked_unless_they_are_alone(make_evaluation) -> None:
    values = constant((1,), (2,), (9,))
    assert marks(make_evaluation(values, kinds=("folder", "folder", "baseline"))) == [("second",), ("best",), ("",)]
    assert marks(make_evaluation(values, kinds=("baseline",) * 3)) == [("",), ("second",), ("best",)]


def test_a_row_over_fewer_pairs_is_not_ranked(make_evaluation) -> None:
    values = constant((9,), (2,), (1,))
    values[0, 0] = np.nan
    evaluation = make_evaluation(values)
    assert marks(evaluation) == [("",), ("best",), ("second",)]
    assert "m0\\*" in tables.markdown(evaluation) and "2 pairs only" in tables.markdown(evaluation)
    assert "$^*$" in tables.latex(evaluation)


def test_undefined_is_a_dash_and_never_best(make_evaluation) -> None:
    values = constant((np.nan, 1), (2, 1), (1, 1))
    table = tables.rows(make_evaluation(values, ("down", "up")))
    assert table[0].cells[0] == "–" and table[2].marks[0] == "best"


def test_no_direction_no_marks(make_evaluation) -> None:
    assert marks(make_evaluation(constant((1,), (2,)), ("none",))) == [("",), ("",)]


def test_every_format_names_the_convention(make_evaluation) -> None:
    evaluation = make_evaluation(constant((1,), (2,)), convention="tang-sheets")
    for text in (tables.markdown(evaluation), tables.latex(evaluation), tables.heading(evaluation)):
        assert "tang-sheets" in text


def test_latex_is_balanced_and_escaped(make_evaluation) -> None:
    methods = (Method("a_b & 50%", "folder", None), Method("c", "baseline", None))
    text = tables.latex(make_evaluation(constant((1, np.nan), (2, 3)), UP_DOWN, methods=methods))
    assert r"a\_b \& 50\%" in text and "EN$\\uparrow$ & SD$\\downarrow$" in text
    assert text.count("\\midrule") == 2  # the second sets the baselines apart
    rows = [line for line in text.splitlines() if line.endswith("\\\\")]
    assert {line.count(" & ") for line in rows} == {2}
    assert text.count("{") == text.count("}")


def test_terminal_table_continues_where_the_width_ends(make_evaluation) -> None:
    evaluation = make_evaluation(constant((1, 2, 3, 4, 5, 6), (6, 5, 4, 3, 2, 1)))
    parts = tables.terminal(evaluation, 30)
    assert len(parts) > 1
    console = Console(width=30, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    for part in parts:
        console.print(part)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 30
    assert all(f"{name}↑" in text for name in evaluation.metrics)


def test_joint_table_ranks(tmp_path: Path) -> None:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "joint_table.py"
    spec = importlib.util.spec_from_file_location("joint_table", path)
    joint = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(joint)
    assert joint.mean_ranks([3.0, 1.0, 3.0, float("nan"), float("nan")]) == [1.5, 3, 1.5, 4.5, 4.5]
    row = dict.fromkeys(joint.RANKED, 1.0)
    rows = {"a": {**row, "n": 3}, "b": {**row, "EN": 2.0, "n": 3}, "few": {**row, "n": 2}}
    lines = joint.joint_table(rows, {"b": {}}).splitlines()
    assert lines[2].startswith("| 1 | **b** | 1.45 |") and lines[3].startswith("| 2 | a | 1.55 |")
    assert "few" in lines[-1]


def test_csv_keeps_full_precision(make_evaluation) -> None:
    evaluation = make_evaluation(constant((1.2345678,)), methods=(Method('x,"y"', "folder", None),))
    assert tables.per_image_csv(evaluation).splitlines()[1] == 'p0,"x,""y""",1.234568'
    assert tables.summary_csv(evaluation).splitlines()[0] == "method,kind,EN,n,EN_low,EN_high"


@pytest.mark.parametrize("pairs", [1, 2])
def test_few_pairs(make_evaluation, pairs: int) -> None:
    evaluation = make_evaluation(constant((1, 2), (3, 4), pairs=pairs))
    assert evaluation.as_dict()["methods"][0]["metrics"]["EN"]["mean"] == 1.0
    assert tables.markdown(evaluation)
