"""What the commands print as JSON is as docs/schemas says."""

import json

import pytest

from diffuse_fuse.cli.commands import main
from diffuse_fuse.images.write import write_image
from diffuse_fuse.schema import VERSIONS, headed
from tests.schemas import FOLDER, check


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Runs a command in the temporary folder; what it prints as JSON, and its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main([*map(str, arguments), "--json"])
        return json.loads(capsys.readouterr().out), code

    return run


def test_every_version_has_its_schema_and_its_line():
    files = {f"{kind}-{version}.json" for kind, version in VERSIONS.items()}
    assert files <= {path.name for path in FOLDER.iterdir()}
    page = (FOLDER.parent / "json.md").read_text(encoding="utf-8")
    assert all(f"(schemas/{name})" in page and f"dfuse.{name[:-7]}/{name[-6]}`" in page for name in files)


def test_the_check_finds_what_is_wrong():
    good = {"path": "a.png", "error": "a.png does not exist."}
    assert check(headed("unreadable", good)) == "unreadable"
    for wrong in ({"path": "a.png"}, {**good, "error": None}, {**good, "path": 3}):
        with pytest.raises(AssertionError, match="error|path"):
            check(headed("unreadable", wrong))


def test_fuse(told, folders, pair, tiny_model):
    whole, code = told("fuse", *folders, "-o", "plan", "--model", tiny_model, "--device", "cpu", "--dry-run")
    assert code == 1 and check(whole) == "fuse-plan"
    whole, code = told("fuse", *folders, "-o", "out", "--model", tiny_model, "--device", "cpu", "--align", "shift")
    assert code == 1 and check(whole) == "fuse"
    assert "alignment" in whole["results"][0] and whole["results"][-1]["status"] == "failed"
    whole, code = told("fuse", *folders, "-o", "out", "--only-metrics")
    assert check(whole) == "fuse" and whole["model"] is None
    (fused,), code = told("inspect", "out/0.png")
    assert code == 0 and check(fused) == "picture" and fused["fused"]["model"]


def test_inspect(told, folders):
    (tmp,), code = told("inspect", "ir")
    assert check(tmp) == "folder" and code == 1 and tmp["kinds"] and tmp["errors"]
    (ir, none), code = told("inspect", "ir/0.png", "ir/3.png")
    assert code == 1 and check(ir) == "picture" and check(none) == "unreadable"


def test_eval_and_its_summary(told, folders, scene, tmp_path):
    (tmp_path / "ir" / "3.png").unlink()
    (tmp_path / "vi" / "3.jpg").unlink()
    for number in range(3):
        write_image(tmp_path / "mine" / f"{number}.png", scene[1])
        write_image(tmp_path / "other" / f"{number}.png", scene[1] // 2)  # alone.png has no partner: a problem
    methods = ["--fused", "mine=mine", "--fused", "other=other"]
    whole, code = told("eval", "--ir", "ir", "--vis", "vi", *methods, "--metrics", "EN,SD", "-o", "scores", "-q")
    assert code == 1 and check(whole) == "eval" and len(whole["methods"]) == 2
    assert json.loads((tmp_path / "scores" / "summary.json").read_text(encoding="utf-8")) == whole


def test_cards(told):
    assert check(told("metrics")[0]) == "metrics" and check(told("metrics", "Qabf")[0]) == "metric"
    assert {check(card) for card in told("models")[0]} == {"model"}
    assert check(told("info")[0]) == "info"


def test_bench(told, tiny_model):
    whole, code = told("bench", "--model", tiny_model, "--size", "64x48", "--runs", "1", "--device", "cpu", "--files")
    assert code == 0 and check(whole) == "bench"
