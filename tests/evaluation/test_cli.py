"""``dfuse eval`` on the command line: what is printed where, and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from diffuse_fuse.cli.eval import eval_
from diffuse_fuse.errors import UsageError, WeightsError
from diffuse_fuse.images.write import write_image
from tests.evaluation.conftest import picture

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(eval_)


@pytest.fixture
def results(dataset: Path) -> Path:
    for index, stem in enumerate("abc"):
        write_image(dataset.parent / "theirs" / f"{stem}.png", picture(30 + index))
    return dataset.parent / "theirs"


def dfuse_eval(*arguments: object):
    return CliRunner().invoke(app, [*map(str, arguments), "--workers", "1"], catch_exceptions=True)


def test_table_on_stdout_and_what_was_found_first(dataset: Path, results: Path) -> None:
    done = dfuse_eval(dataset, "--fused", f"Theirs={results}", "--baselines", "--metrics", "EN,SD")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[0] == f"set: 3 pairs in {dataset} (ir + vi)"
    lines = done.stdout.splitlines()
    assert "convention plain" in lines[0]
    assert [line.split()[0] for line in lines[2:7]] == ["method", "Theirs", "visible", "average", "max"]


def test_problems_make_the_exit_code_1(dataset: Path, results: Path) -> None:
    (results / "b.png").unlink()
    (dataset / "ir" / "lonely.png").write_bytes(b"")
    done = dfuse_eval(dataset, "--fused", f"Theirs={results}", "--metrics", "EN")
    assert done.exit_code == 1
    assert "lonely.png: no visible picture" in done.stderr
    assert "Theirs: no result for 1 of 3 pairs: b" in done.stderr
    assert done.stderr.index("Problem") < done.stderr.index("scoring")  # before anything is computed


def test_json(dataset: Path, results: Path) -> None:
    done = dfuse_eval(dataset, "--fused", f"Theirs={results}", "--metrics", "EN", "--json", "-q")
    assert done.exit_code == 0 and done.stderr == ""
    assert json.loads(done.stdout)["methods"][0]["name"] == "Theirs"


def test_output_folder(dataset: Path, results: Path, tmp_path: Path) -> None:
    done = dfuse_eval(dataset, "--fused", f"Theirs={results}", "--metrics", "EN", "-o", tmp_path / "out")
    assert done.exit_code == 0
    assert (tmp_path / "out/report.html").is_file() and "report.html" in done.stderr


def test_models_and_results_in_one_table(dataset: Path, results: Path, tiny_model: Path) -> None:
    options = ("--model", tiny_model, "--fused", f"Theirs={results}", "--metrics", "EN", "--device", "cpu")
    done = dfuse_eval(dataset, *options)
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[3:5]] == ["tiny", "Theirs"]


def test_wrong_calls(dataset: Path, results: Path, tiny_model: Path) -> None:
    assert isinstance(dfuse_eval().exception, UsageError)
    assert isinstance(dfuse_eval(dataset, "--fused", "x").exception, UsageError)
    assert isinstance(dfuse_eval(dataset, "--model", "no-such-model").exception, WeightsError)
    assert isinstance(dfuse_eval(dataset, "--fused", f"tiny={results}", "--model", tiny_model).exception, UsageError)
    assert isinstance(dfuse_eval(dataset, "--convention", "guess").exception, UsageError)
    assert isinstance(dfuse_eval("--convention", "guess", "--paper", "EN").exception, UsageError)
    assert isinstance(dfuse_eval("--convention", "guess", "--paper", "EM=6.7").exception, UsageError)
    for option, value in (("--metrics", "EM"), ("--metrics", ","), ("--convention", "mine")):
        assert isinstance(dfuse_eval(dataset, "--fused", f"x={results}", option, value).exception, UsageError)


def test_guess_of_a_paper(dataset: Path, results: Path) -> None:
    row = "EN=6.69,SD=8.4,SF=0.045,VIF=0.9"
    alone = dfuse_eval("--convention", "guess", "--paper", row)
    assert alone.exit_code == 0 and "tang-sheets" in alone.stdout
    scored = dfuse_eval(dataset, "--fused", f"T={results}", "--metrics", "SD", "--convention", "guess", "--paper", row)
    assert scored.exit_code == 0 and "convention tang-sheets" in scored.stdout


def test_help_and_import_are_light() -> None:
    code = (
        "import sys; import diffuse_fuse.cli.eval; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'cv2', 'scipy', 'rich.table')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_workers_do_not_load_torch() -> None:
    code = "import sys; import diffuse_fuse.evaluation.score; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
