"""The report: self-contained, safe, and with everything in it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse.evaluation import evaluate, report
from diffuse_fuse.evaluation.methods import Method


def page_data(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


@pytest.fixture
def written(dataset: Path, tmp_path: Path) -> tuple[Path, str]:
    out = tmp_path / "out"
    evaluate(dataset, {"mine": lambda ir, vis: vis // 2}, ["EN", "SCD"], baselines=True, out=out)
    return out, (out / "report.html").read_text(encoding="utf-8")


def test_nothing_comes_from_a_network(written: tuple[Path, str]) -> None:
    html = re.sub(r'data:image/webp;base64,[^"]*', "", written[1])
    outside = re.findall(r"""(?:src|href|url|import|fetch|@import)\s*[=(]?\s*["']?(?:https?:)?//[^"'\s)]+""", html)
    assert outside == []
    assert "default-src 'none'" in html
    assert set(re.findall(r"https?://[^\s\"']+", html)) <= {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_small_reports_hold_their_pictures(written: tuple[Path, str]) -> None:
    data = page_data(written[1])
    assert data["embedded"]
    stems = {data["views"][0]["ir"], data["views"][0]["vis"], *data["views"][0]["methods"].values()}
    assert len(stems) == 2 + 4
    assert all(data["pictures"][stem].startswith("data:image/webp;base64,") for stem in stems)


def test_large_reports_link_to_files_that_are_there(dataset: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(report, "EMBED_BYTES", 0)
    out = tmp_path / "out"
    evaluate(dataset, {"mine": lambda ir, vis: vis}, ["EN"], out=out)
    data = page_data((out / "report.html").read_text(encoding="utf-8"))
    assert not data["embedded"]
    assert all((out / address).is_file() for address in data["pictures"].values())
    assert all(address.startswith("data:") for address in data["thumbnails"].values())


def test_numbers_are_those_of_the_evaluation(written: tuple[Path, str]) -> None:
    data = page_data(written[1])
    assert [metric["name"] for metric in data["metrics"]] == ["EN", "SCD"]
    assert [method["name"] for method in data["methods"]] == ["mine", "visible", "average", "max"]
    assert np.array(data["values"], dtype=float).shape == (4, 3, 2)
    assert data["values"][1][0][1] is None  # SCD of a copy


def test_names_cannot_break_out_of_the_page(make_evaluation, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>/*STYLE*/"
    evaluation = make_evaluation(
        np.ones((1, 2, 1)), pairs=(evil, "b"), methods=(Method(evil, "function", None),), problems=(evil,)
    )
    html = report.html(evaluation, tmp_path)
    assert "<script>alert" not in html
    assert page_data(html)["pairs"][0] == evil
    assert html.count("</script>") == 2


def test_five_hundred_pairs_stay_small(make_evaluation, tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((6, 500, 6))
    assert len(report.html(make_evaluation(values), tmp_path)) < 500_000


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium to open the report in")
def test_a_browser_fills_the_page(written: tuple[Path, str], tmp_path: Path) -> None:
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=3000", "--dump-dom", (written[0] / "report.html").as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    tables = {
        name: len(re.findall(r"<tr", body))
        for name, body in re.findall(r'<table id="([\w-]+)">(.*?)</table>', dom, re.DOTALL)
    }
    # a head, and a row a method, metric, pair, other method, metric
    assert tables == {
        "summary-table": 5, "pair-table": 3, "images-table": 4, "tests-table": 4, "correlation-table": 3,
    }  # fmt: skip
    assert len(re.findall(r'<figure class="plot">', dom)) == 2
    assert re.search(r'<img id="right-image" alt="mine, a" src="data:image/webp', dom)
