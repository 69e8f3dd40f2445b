"""Tables: marks, rows that do not compare, escapes."""

from __future__ import annotations

import csv
import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from diffuse_fuse import metrics
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


def test_a_gap_that_all_rows_share_is_said(make_evaluation) -> None:
    values = constant((9,), (2,))
    values[:, 0] = np.nan
    evaluation = make_evaluation(values)
    assert marks(evaluation) == [("best",), ("second",)]
    assert tables.footnotes(evaluation) == ["Over 2 of 3 pairs only: m0, m1"]
    assert tables.footnotes(make_evaluation(constant((9,), (2,)))) == []


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
    for text in (tables.summary_csv(evaluation), tables.per_image_csv(evaluation)):
        assert {line["convention"] for line in csv.DictReader(text.splitlines())} == {"tang-sheets"}
    assert evaluation.as_dict()["convention"] == "tang-sheets"


AWKWARD = "a_b & 50% #1 $x^2$ {~} \\\\ <|>"


def latex_tabulars(text: str) -> list[list[str]]:
    """The lines of each tabular, as a strict reader of booktabs tables takes them."""
    assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
    lines = text.splitlines()
    assert lines[1] == "\\begin{table*}" and lines[-1] == "\\end{table*}"
    starts = [index for index, line in enumerate(lines) if line.startswith("\\begin{tabular}")]
    ends = [index for index, line in enumerate(lines) if line == "\\end{tabular}"]
    assert len(starts) == len(ends) and all(start < end for start, end in zip(starts, ends, strict=True))
    tabulars = [lines[start : end + 1] for start, end in zip(starts, ends, strict=True)]
    for tabular in tabulars:
        columns = len(re.fullmatch(r"\\begin\{tabular\}\{(lr+)\}", tabular[0])[1])
        assert (tabular[1], tabular[3], tabular[-2]) == ("\\toprule", "\\midrule", "\\bottomrule")
        for line in tabular[2:-2]:
            if line != "\\midrule":
                assert line.endswith(" \\\\")
                assert len(re.findall(r"(?<!\\)&", line)) == columns - 1
                # what TeX would take for a command of its own
                assert not re.search(r"(?<!\\)[%#_~]|[<>|–]", line)
    return tabulars


def test_latex_is_balanced_and_escaped(make_evaluation) -> None:
    methods = (Method(AWKWARD, "folder", None), Method("c", "baseline", None))
    text = tables.latex(make_evaluation(constant((1, np.nan), (2, 3)), UP_DOWN, methods=methods))
    (tabular,) = latex_tabulars(text)
    assert tabular[2] == r"Method & EN$\uparrow$ & SD$\downarrow$ \\"
    assert tabular[4].startswith(
        r"a\_b \& 50\% \#1 \$x\textasciicircum{}2\$ \{\textasciitilde{}\} "
        r"\textbackslash{}\textbackslash{} \textless{}\textbar{}\textgreater{} & "
    )
    assert tabular.count("\\midrule") == 2  # the second sets the baselines apart
    assert "%" not in text.splitlines()[5].replace("\\%", "")


def test_latex_continues_below_where_the_page_ends(make_evaluation) -> None:
    names = [f"M{index}" for index in range(17)]
    evaluation = make_evaluation(constant((1,) * 6, (2,) * 6))
    wide = dataclasses.replace(
        evaluation,
        metrics=tuple(names),
        directions=dict.fromkeys(names, "up"),
        values=constant(tuple(range(17)), tuple(range(17, 34))),
    )
    tabulars = latex_tabulars(tables.latex(wide))
    assert [tabular[0].count("r", 16) for tabular in tabulars] == [14, 3]
    assert "M14" in tabulars[1][2] and "31.00" in tabulars[1][5]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex to compile the table with")
def test_latex_compiles_and_fits_a_two_column_page(make_evaluation, tmp_path: Path) -> None:
    methods = (
        Method(AWKWARD[:12], "folder", None),
        Method("SeAFusion", "folder", None),
        Method("max", "baseline", None),
    )
    names = metrics.DEFAULT
    values = constant(*(np.linspace(low, 0.99, len(names)) for low in (0.11, 0.22, 0.33)))
    values[1, 0] = np.nan  # a row over fewer pairs, with its footnote
    evaluation = dataclasses.replace(
        make_evaluation(constant((1,), (1,), (1,)), methods=methods, dataset=AWKWARD),
        metrics=names, directions={name: metrics.REGISTRY[name].direction for name in names}, values=values,
        scored=np.isfinite(values).all(axis=2),
    )  # fmt: skip
    (tmp_path / "table.tex").write_text(tables.latex(evaluation), encoding="utf-8")
    (tmp_path / "page.tex").write_text(
        "\\documentclass[twocolumn]{article}\\usepackage{booktabs}\\textwidth=496pt\n"
        "\\begin{document}\\input{table}\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "page.pdf").is_file() and "Overfull" not in done.stdout


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


def test_csv_keeps_full_precision(make_evaluation) -> None:
    evaluation = make_evaluation(constant((1.2345678,)), methods=(Method('x,"y"', "folder", None),))
    assert tables.per_image_csv(evaluation).splitlines()[1] == 'p0,"x,""y""",plain,1.234568'
    assert tables.summary_csv(evaluation).splitlines()[0] == "method,kind,convention,EN,n,EN_low,EN_high"


@pytest.mark.parametrize("pairs", [1, 2])
def test_few_pairs(make_evaluation, pairs: int) -> None:
    evaluation = make_evaluation(constant((1, 2), (3, 4), pairs=pairs))
    assert evaluation.as_dict()["methods"][0]["metrics"]["EN"]["mean"] == 1.0
    assert tables.markdown(evaluation)
