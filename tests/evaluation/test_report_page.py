"""report.html in a real browser: 500 pairs open quickly, and the viewer is there for the keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffuse_fuse.evaluation import report
from diffuse_fuse.evaluation.result import Views

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason="no chromium to open the report in")]
PAIRS, METHODS = 500, 6
CPU_SECONDS = 2.0  # of the browser's process for the page, whatever else the machine does


@pytest.fixture
def opened(make_evaluation, tmp_path: Path) -> Iterator:
    """The page of 500 pairs, each with pictures of its own."""
    folder = tmp_path / "report_files"
    folder.mkdir()
    rng = np.random.default_rng(0)
    views = []
    for pair in range(PAIRS):
        stems = {side: f"{pair}_{side}" for side in ("ir", "vis", *(f"m{method}" for method in range(METHODS)))}
        for stem in stems.values():
            tile = rng.integers(256, size=(6, 8, 3), dtype=np.uint8)
            for suffix in ("", "_s"):
                Image.fromarray(tile).save(folder / f"{stem}{suffix}.webp")
        views.append(Views(stems["ir"], stems["vis"], {f"m{m}": stems[f"m{m}"] for m in range(METHODS)}, (6, 8)))
    evaluation = make_evaluation(rng.random((METHODS, PAIRS, 6)), views=tuple(views))
    page_file = tmp_path / "report.html"
    page_file.write_text(report.html(evaluation, tmp_path), encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(page_file.as_uri(), wait_until="load")
        yield page
        browser.close()


def test_five_hundred_pairs_open_and_the_slider_takes_keys(opened) -> None:
    session = opened.context.new_cdp_session(opened)
    session.send("Performance.enable")
    spent = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    assert spent["ProcessTime"] < CPU_SECONDS
    assert opened.locator("#images-table tbody tr").count() == PAIRS
    assert opened.locator("#pair option").count() == PAIRS
    opened.focus("#position")
    before = opened.get_attribute("#left-image", "style")
    opened.keyboard.press("ArrowLeft")  # on the slider: the divider, not the pair
    assert opened.input_value("#position") == "49.5"
    assert opened.get_attribute("#left-image", "style") != before
    assert opened.input_value("#pair") == "0"
    opened.keyboard.press("End")
    assert opened.input_value("#position") == "100"
    opened.evaluate("document.activeElement.blur()")
    opened.keyboard.press("ArrowRight")
    assert opened.input_value("#pair") == "1"
    opened.keyboard.press("Digit1")
    assert opened.inner_text("#right-tag") == "infrared"
    opened.keyboard.press(",")
    assert opened.input_value("#position") == "98"
