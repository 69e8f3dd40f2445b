"""Pages in a real browser: Debian's Chromium by Playwright. Tests that import from here are skipped without them."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason="there is no chromium to open the page in")]


@contextmanager
def chromium() -> Iterator:
    """A browser, for as long as the block takes."""
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@contextmanager
def watched(browser, own: str, **context) -> Iterator:
    """A page at the address ``own``; whatever it logs as an error, or asks of somebody else, fails the test."""
    opened = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", "accept_downloads": True, **context}
    )
    page = opened.new_page()
    page.set_default_timeout(60_000)  # busy machines
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    # of the whole context: workers ask, too
    opened.on(
        "request", lambda asked: None if asked.url.startswith((own, "blob:", "data:")) else wrong.append(asked.url)
    )
    page.goto(own)
    page.wait_for_selector("#model option", state="attached")
    yield page
    opened.close()
    assert not [text for text in wrong if "422" not in text], wrong


def drop(page, files: dict[str, bytes]) -> None:
    """Drops files on the page, as a hand does."""
    given = [(name, base64.b64encode(data).decode()) for name, data in files.items()]
    page.evaluate(
        """(given) => {
          const transfer = new DataTransfer();
          for (const [name, text] of given) {
            const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
            transfer.items.add(new File([bytes], name));
          }
          for (const kind of ["dragover", "drop"]) {
            const how = { bubbles: true, cancelable: true, dataTransfer: transfer };
            document.body.dispatchEvent(new DragEvent(kind, how));
          }
        }""",
        given,
    )


def pixels(page, selector: str) -> list[int]:
    """The mean colour of a picture, and its size."""
    return page.evaluate(
        """async (selector) => {
          const image = document.querySelector(selector);
          await image.decode();
          const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
          const sums = [0, 0, 0];
          data.forEach((value, at) => { if (at % 4 < 3) sums[at % 4] += value; });
          return [...sums.map((sum) => Math.round((4 * sum) / data.length)), canvas.width, canvas.height];
        }""",
        selector,
    )


def changed(page, before: str, side: str = "right") -> str:
    """Waits until another picture is shown: its address."""
    image = f"document.querySelector('#{side}-image')"
    page.wait_for_function(f"(before) => {image}.src && {image}.src !== before", arg=before)
    return page.get_attribute(f"#{side}-image", "src")
