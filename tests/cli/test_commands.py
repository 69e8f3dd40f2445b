"""The command itself: help, version, errors, and the commands that only tell."""

import json
import subprocess
import sys

import pytest

from diffuse_fuse import __version__
from diffuse_fuse.cli import commands, report
from diffuse_fuse.cli.models import describe
from diffuse_fuse.errors import ImageReadError, UsageError
from diffuse_fuse.models import ModelCard

from .conftest import command

HEAVY = ("torch", "numpy", "cv2", "skimage", "scipy", "safetensors", "rich")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["fuse", "--help"], ["eval", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments):
    """What makes them answer at once; the time itself is measured, not tested."""
    code = (
        "import sys; from diffuse_fuse.cli import commands; "
        f"code = commands.main({arguments}); loaded = [name for name in {HEAVY} if name in sys.modules]; "
        "print(code, loaded, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout and done.stderr.strip() == "0 []"


def test_version_and_commands(dfuse):
    assert dfuse("--version").stdout == f"dfuse {__version__}\n"
    text = dfuse("--help").stdout
    for name in ("fuse", "eval", "metrics", "train", "models", "info"):
        assert f"  {name} " in text
    assert dfuse().returncode == 2
    assert dfuse("nonsense").returncode == 2


def test_python_m_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "diffuse_fuse", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"dfuse {__version__}\n")


@pytest.fixture
def failing(monkeypatch):
    """Call main with a command line whose command raises the error."""

    def call(error: BaseException, *arguments: str) -> int:
        def app(**_):
            raise error

        monkeypatch.setenv("DFUSE_DEBUG", "")  # main sets it; here it must not outlive the test
        monkeypatch.setattr(commands, "app", app)
        return commands.main(list(arguments))

    return call


@pytest.mark.parametrize(
    "error, code, text",
    [
        (ImageReadError("a.png is empty."), 1, "Error: a.png is empty.\n"),
        (UsageError("Give two."), 2, "Error: Give two.\n"),
        (
            ZeroDivisionError("by zero"),
            1,
            "Error: this is a bug in dfuse: ZeroDivisionError: by zero (run with --debug for the traceback)\n",
        ),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(3), 3, ""),
        (SystemExit(None), 0, ""),
    ],
)
def test_errors_become_a_sentence_and_an_exit_code(failing, capsys, error, code, text):
    assert failing(error) == code
    assert capsys.readouterr() == ("", text)


@pytest.mark.parametrize("arguments", [["--debug", "fuse"], ["fuse", "a", "b", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(failing, capsys, arguments):
    assert failing(ZeroDivisionError("by zero"), *arguments) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_file_may_be_called_debug():
    without_debug = commands._without_debug
    assert without_debug(["fuse", "--debug", "--", "--debug"]) == (["fuse", "--", "--debug"], True)
    assert without_debug(["fuse", "--", "--debug"]) == (["fuse", "--", "--debug"], False)


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes there")
def test_a_closed_pipe_is_quiet():
    running = subprocess.Popen([*command(), "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    assert running.stderr.read() == b""
    running.wait(timeout=60)


def test_info_says_what_a_bug_report_needs(dfuse):
    done = dfuse("info", "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 0 and facts["dfuse"] == __version__
    assert facts["packages"]["torch"] and facts["packages"]["opencv"] and facts["packages"]["numpy"]
    assert facts["devices"]["threads"] >= 1 and "cuda" in facts["devices"]
    assert {"weights", "weights sha256"} <= set(facts["default weights"]) or "weights error" in facts["default weights"]
    lines = [line.split() for line in dfuse("info").stdout.splitlines()]
    assert lines[0] == ["dfuse", __version__]
    assert {"torch", "opencv", "threads", "weights"} <= {line[0] for line in lines}


def test_models_lists_what_there_is(dfuse):
    done = dfuse("models", "--json")
    assert done.returncode == 0
    keys = {"schema", "name", "default", "kind", "parameters", "bytes", "sha256", "path", "card", "data_terms"}
    for entry in json.loads(done.stdout):
        assert set(entry) == keys
        assert entry["name"] in dfuse("models").stdout


def test_a_card_as_text(tmp_path):
    card = {"data": ["roadscene", "m3svd"], "minutes": 90.5, "scores": {"tno": {"VIF": 0.91234, "SD": 44.0}}}
    text = describe(ModelCard("base", tmp_path / "base.safetensors", "fusion", 6_120_000, 12_300_000, "ab", card, True))
    assert text.splitlines() == [
        "base (fusion, the default)",
        "  parameters: 6.12 M",
        "  size: 12.3 MB",
        f"  file: {tmp_path / 'base.safetensors'}",
        "  data: roadscene, m3svd",
        "  minutes: 90.5",
        "  scores:",
        "    tno: VIF 0.9123, SD 44",
    ]


def test_long_lists_of_files_are_cut(tmp_path):
    (sentence,) = report.without_partner([tmp_path / f"{number}.png" for number in range(7)], [])
    assert sentence.startswith("7 infrared pictures have no visible partner") and sentence.endswith("and 2 more.")
