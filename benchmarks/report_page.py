"""report.html of many pairs measured: how long Chromium takes to open it.

    python benchmarks/report_page.py [--pairs 500] [--methods 6]

The evaluation is made up, its pictures are pieces of the rendered street in the sizes and qualities that ``dfuse eval``
writes. Prints the page's size, the seconds until it is loaded, and of these the CPU time of its process, which depends
less on what else runs. Needs the extra browser, and Chromium.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from diffuse_fuse.evaluation import report
from diffuse_fuse.evaluation.result import Evaluation, Method, Views
from diffuse_fuse.evaluation.score import _THUMBNAIL, _THUMBNAIL_QUALITY

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

METRICS = ("EN", "SD", "VIF", "Qabf", "Nabf", "DeltaE")
PIECES = 24  # different thumbnails, which repeat


def main(
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of the report.")] = 500,
    methods: Annotated[int, typer.Option(min=1, help="Methods of the report.")] = 6,
) -> None:
    """Prints one line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = folder / "report.html"
        page.write_text(report.html(made_up(folder, pairs, methods), folder), encoding="utf-8")
        seconds, cpu = opened(page)
        megabytes = page.stat().st_size / 1e6
        print(
            f"{pairs} pairs, {methods} methods, {megabytes:.1f} MB: {seconds:.2f} s until loaded, {cpu:.2f} s of CPU "
            f"time (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"
        )


def made_up(folder: Path, pairs: int, methods: int) -> Evaluation:
    """An evaluation with random values, and its pictures in ``folder``."""
    tiles = pieces()
    files = folder / "report_files"
    files.mkdir()
    names = tuple(f"m{number}" for number in range(methods))
    views = []
    for pair in range(pairs):
        stems = {side: f"{pair}_{side}" for side in ("ir", "vis", *names)}
        for number, stem in enumerate(stems.values()):
            for suffix in ("", "_s"):
                (files / f"{stem}{suffix}.webp").write_bytes(tiles[(pair + number) % PIECES])
        views.append(Views(stems["ir"], stems["vis"], {name: stems[name] for name in names}, (480, 640)))
    values = np.random.default_rng(0).random((methods, pairs, len(METRICS)))
    return Evaluation(
        dataset="made up",
        root=Path("made_up"),
        layout="ir + vi",
        fingerprint="0" * 64,
        pairs=tuple(f"p{number}" for number in range(pairs)),
        pairs_in_set=pairs,
        methods=tuple(Method(name, "function", None) for name in names),
        metrics=METRICS,
        directions=dict.fromkeys(METRICS, "up"),
        convention="plain",
        values=values,
        scored=np.isfinite(values).any(axis=2),
        seed=0,
        version="0",
        metric_code="code",
        date="2026-01-01T00:00:00+00:00",
        views=tuple(views),
    )


def pieces() -> list[bytes]:
    """Encoded pieces of the street."""
    from scene import render

    street = Image.fromarray(render("day", 640, 480)[1])
    width, height = _THUMBNAIL
    found = []
    for number in range(PIECES):
        left, top = (number * 97) % (640 - width), (number * 61) % (480 - height)
        made = BytesIO()
        piece = street.crop((left, top, left + width, top + height))
        piece.save(made, "WEBP", quality=_THUMBNAIL_QUALITY)
        found.append(made.getvalue())
    return found


def opened(page_file: Path) -> tuple[float, float]:
    """Seconds until the page is loaded, and the CPU time of its process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        start = time.perf_counter()
        page.goto(page_file.as_uri(), wait_until="load", timeout=120_000)
        seconds = time.perf_counter() - start
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        browser.close()
    return seconds, found["ProcessTime"]


if __name__ == "__main__":
    typer.run(main)
