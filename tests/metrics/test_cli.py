"""``dfuse metrics``."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from diffuse_fuse.cli.metrics import metrics as command
from diffuse_fuse.errors import UsageError
from diffuse_fuse.metrics import CONVENTIONS, DEFAULT, REGISTRY
from diffuse_fuse.schema import headed

app = typer.Typer()
app.command()(command)


def run(*arguments):
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, arguments)


def test_lists_every_metric_and_convention():
    done = run()
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    for name in REGISTRY:
        shown = name + "*" * (name in DEFAULT)
        assert any(line.split()[:1] == [shown] for line in lines), name
    for name in CONVENTIONS:
        assert any(line.startswith(name) for line in lines)


@pytest.mark.parametrize("name", [*REGISTRY, "vif", "ms-ssim"])
def test_explains_one(name):
    text = " ".join(run(name).stdout.split())
    metric = REGISTRY[{"vif": "VIF", "ms-ssim": "MS_SSIM"}.get(name, name)]
    parts = (metric.name, metric.range, metric.equation, metric.paper, metric.convention)
    for part in (*parts, metric.pitfalls, metric.others, metric.degenerate, *metric.variants):
        assert " ".join(part.split()) in text


def test_json():
    listed = json.loads(run("--json").stdout)
    assert [metric["name"] for metric in listed["metrics"]] == list(REGISTRY)
    assert [metric["name"] for metric in listed["metrics"] if metric["default"]] == [
        n for n in REGISTRY if n in DEFAULT
    ]
    assert listed["conventions"] == CONVENTIONS
    one = json.loads(run("Qabf", "--json").stdout)
    assert one == headed("metric", REGISTRY["Qabf"].as_dict())


def test_unknown_name_is_wrong_usage():
    error = run("qabff").exception
    assert isinstance(error, UsageError)
    assert "Qabf" in str(error)
    assert "dfuse metrics" in str(error)
