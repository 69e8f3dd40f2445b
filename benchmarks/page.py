"""The page without a server measured: a move of the dial in Chromium beside the command line's backends.

    dfuse page /tmp/page && python benchmarks/page.py /tmp/page [--size 640x480] [--moves 20] [--model fast …]

All take the same pair in turn, so that they share whatever else the machine does: the browser on one core, without and
with threads (``--threads``), and ``Fuser`` and ``OnnxFuser`` with one thread. Prints medians in milliseconds, and how
many times as long as PyTorch and as ONNX Runtime the browser takes: from the input event to the decoded picture.

Needs the extras onnx and browser, and Chromium.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
WARM = 2  # moves before those that are timed
# One move, to the decoded picture.
MOVE = """async (balance) => {
  const [image, dial] = [document.querySelector("#right-image"), document.querySelector("#balance")];
  const before = image.src;
  const start = performance.now();
  dial.value = balance;
  dial.dispatchEvent(new Event("input", { bubbles: true }));
  while (!image.src || image.src === before) await new Promise((done) => setTimeout(done, 2));
  await image.decode();
  return performance.now() - start;
}"""


def main(
    folder: Annotated[Path, typer.Argument(help="What dfuse page wrote.")],
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    moves: Annotated[int, typer.Option(min=3, help="Moves that are timed.")] = 20,
    model: Annotated[list[str] | None, typer.Option(help="Models.")] = None,
    threads: Annotated[bool, typer.Option("--threads", help="In the browser, as many threads as it takes.")] = False,
) -> None:
    """Prints a line a model."""
    from scene import render

    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    ir, vis = render("day", *(int(side) for side in size.split("x")))
    with served(folder, ISOLATION if threads else {}) as address, opened(address) as page:
        for name in model or ["fast", "tiny"]:
            page.evaluate("(name) => { document.querySelector('#model').value = name; }", name)
            files = [
                {"name": f"x_{side}.png", "mimeType": "image/png", "buffer": cv2.imencode(".png", picture)[1].tobytes()}
                for side, picture in (("ir", ir), ("vis", vis[..., ::-1]))
            ]
            page.evaluate("document.querySelector('#facts').replaceChildren()")
            page.set_input_files("#files", files)
            page.wait_for_selector("#facts tr")
            compare(page, name, size, (ir, vis), moves)


def compare(page: Any, name: str, size: str, pair: tuple[Any, Any], moves: int) -> None:
    """Times moves of the browser and fusions of Python in turn."""
    from diffuse_fuse.fusion.fuser import Fuser
    from diffuse_fuse.onnx.fuser import OnnxFuser

    fusers = {"PyTorch": Fuser(name, "cpu", 1), "ONNX Runtime": OnnxFuser(name, 1)}
    found: dict[str, list[float]] = {"browser": [], **{way: [] for way in fusers}}
    for move in range(moves + WARM):
        balance = (move + 1) / (moves + WARM + 2)
        found["browser"].append(page.evaluate(MOVE, f"{balance:.3f}"))
        for way, fuser in fusers.items():
            fuser.balance = balance
            start = time.perf_counter()
            fuser.fuse(*pair)
            found[way].append(1000 * (time.perf_counter() - start))
    medians = {way: statistics.median(times[WARM:]) for way, times in found.items()}
    text = ", ".join(f"{way} {time:.0f} ms" for way, time in medians.items())
    ratios = ", ".join(f"{medians['browser'] / medians[way]:.1f} times {way}" for way in fusers)
    best = min(found["browser"][WARM:])
    print(f"{name}, {size}: {text}: {ratios} (medians of {moves} moves; the browser's best is {best:.0f} ms)")


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """The page in Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(address)
        page.wait_for_selector("#model option", state="attached")
        yield page
        browser.close()


@contextmanager
def served(folder: Path, headers: dict[str, str]) -> Iterator[str]:
    """The address of the folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def end_headers(self) -> None:
            for header, value in headers.items():
                self.send_header(header, value)
            super().end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    typer.run(main)
