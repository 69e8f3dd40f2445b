"""The comparison of ways to enlarge, on drawn pairs and a stand-in for the network."""

import enlarge
import numpy as np
import pytest
import typer
from typer.testing import CliRunner


@pytest.fixture
def app(monkeypatch):
    class Grey:
        def __init__(self, model, device):
            pass

        def fuse(self, ir, vis):
            return np.repeat(ir[..., None], 3, axis=2)

    monkeypatch.setattr(enlarge, "Fuser", Grey)
    app = typer.Typer()
    app.command()(enlarge.main)
    return app


def test_it_prints_means_and_differences_and_goes_on_where_it_was_stopped(app, dataset, tmp_path):
    call = [str(dataset), "-o", str(tmp_path / "out.jsonl"), "--methods", "cubic,guided,linear"]
    first = CliRunner().invoke(app, [*call, "-n", "1"], catch_exceptions=False)
    assert "1 pairs" in first.stdout and "| linear − cubic | -" in first.stdout
    second = CliRunner().invoke(app, call, catch_exceptions=False)
    assert "2 pairs" in second.stdout and len(enlarge.read(tmp_path / "out.jsonl")) == 2
    assert "4× smaller" in second.stdout and "8× smaller" in second.stdout
    again = CliRunner().invoke(app, [*call, "--stems", "1"], catch_exceptions=False)
    assert "1 pairs" in again.stdout


def test_the_infrared_pictures_alone_and_a_worse_camera(app, dataset, tmp_path):
    call = [str(dataset), "--methods", "cubic,linear", "--ir-only", "--blur", "0.5", "--noise", "2"]
    found = CliRunner().invoke(app, [*call, "-o", str(tmp_path / "out.jsonl")], catch_exceptions=False)
    assert "2 pairs" in found.stdout and "nan [nan, nan]" in found.stdout


def test_the_middle_has_the_proportions_of_a_picture():
    rows, columns = enlarge.centre((480, 640), 240)
    assert (rows, columns) == (slice(120, 360), slice(160, 480))
    assert enlarge.centre((480, 640), None) == (slice(None), slice(None))
