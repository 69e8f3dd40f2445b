"""Draws the picture of docs/serve.md: the page of ``dfuse serve`` with the street by night, in Chromium.

python examples/page_picture.py -o docs/serve.jpg

Needs the extra serve, Playwright, and Chromium.
"""

import argparse
import re
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

SIZE = {"width": 1280, "height": 860}


def screenshot(address: str) -> bytes:
    """The page with the sample fused, as PNG."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(address)
        page.wait_for_selector("#model option", state="attached")
        page.click("[data-sample=night]")
        page.wait_for_selector("#metrics tr")
        page.wait_for_function("() => document.querySelector('#right-image').complete")
        picture = page.screenshot()
        browser.close()
    return picture


def main() -> None:
    """Serves, takes the picture, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True, help="JPEG to write")
    out = parser.parse_args().out
    command = [sys.executable, "-m", "diffuse_fuse", "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://\S+", process.stderr.readline())[0]
        Image.open(BytesIO(screenshot(address))).convert("RGB").save(out, quality=85, optimize=True)
    finally:
        process.terminate()
        process.wait()
    print(f"wrote {out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
