"""The page without a server in a real browser: the command line's picture, and nothing goes out."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from diffuse_fuse.cli.commands import main
from tests.browser.conftest import ISOLATION, served
from tests.pages import changed, chromium, drop, needs_browser, pixels, watched

pytestmark = needs_browser
SAMPLE = Path(__file__).resolve().parents[2] / "diffuse_fuse" / "viewer" / "page" / "sample"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as found:
        yield found


@pytest.fixture(scope="module")
def opened(browser, address: str) -> Iterator:
    """One page for all tests: what it loads is large."""
    with watched(browser, address) as page:
        yield page


START = {"model": "tiny", "polarity": "white-hot", "format": "png 8", "palette": "", "balance": "0.5"}


@pytest.fixture
def page(opened):
    """The page as if it were opened anew, with tiny."""
    opened.context.set_offline(False)
    opened.set_viewport_size({"width": 1280, "height": 900})
    opened.evaluate(
        """(start) => {
          for (const [id, value] of Object.entries(start)) document.getElementById(id).value = value;
          for (const [id, on] of [["auto", true], ["stretch", false]]) document.getElementById(id).checked = on;
          document.getElementById("facts").replaceChildren();
          document.getElementById("position").value = "50";
          document.getElementById("position").dispatchEvent(new Event("input"));
          document.getElementById("again").click();
        }""",
        START,
    )
    return opened


def png(array: np.ndarray) -> bytes:
    return cv2.imencode(".png", array if array.ndim == 2 else array[..., ::-1])[1].tobytes()


def pair_of(street, width: int = 160, height: int = 120) -> dict[str, bytes]:
    return {
        f"a_{side}.png": png(array) for side, array in zip(("ir", "vis"), street("night", width, height), strict=True)
    }


def choose(page, model: str) -> None:
    """Before a pair is open, when the list is not shown yet."""
    page.evaluate("(model) => { document.querySelector('#model').value = model; }", model)


def fused(page) -> str:
    """Waits until all of a pair is there: the fused picture's address."""
    page.wait_for_selector("#facts tr")
    return page.get_attribute("#right-image", "src")


def downloaded(page, path: Path) -> np.ndarray:
    with page.expect_download() as started:
        page.click("#download")
    started.value.save_as(path)
    return cv2.imread(str(path))[..., ::-1]


def by_command(tmp_path: Path, ir: Path, vis: Path, *more: str) -> np.ndarray:
    out = tmp_path / "command.png"
    command = ["fuse", str(ir), str(vis), "-o", str(out), "--backend", "onnx", "-q", "--overwrite", "--no-metrics"]
    assert main([*command, *more]) == 0
    return cv2.imread(str(out))[..., ::-1]


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("model", ["fast", "tiny"])
@pytest.mark.parametrize("kind", ["night", "day"])
def test_the_sample_is_the_commands_picture_to_one_level(page, tmp_path, model, kind) -> None:
    choose(page, model)
    page.click(f"[data-sample={kind}]")
    fused(page)
    found = downloaded(page, tmp_path / "page.png")
    expected = by_command(tmp_path, SAMPLE / f"{kind}_ir.jpg", SAMPLE / f"{kind}_vis.jpg", "--model", model)
    assert found.shape == (480, 640, 3)
    assert apart(found, expected) <= 1


def test_dial_polarity_and_sizes_are_the_commands_too(page, street, tmp_path) -> None:
    ir, _ = street("night", 120, 90)  # below half of the visible one's size, dfuse fuse enlarges by cubic convolution
    files = {"a_ir.png": png(ir), "a_vis.png": pair_of(street)["a_vis.png"]}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    drop(page, files)
    before = fused(page)
    assert "the infrared one was resized" in page.inner_text("#notes")
    page.select_option("#polarity", "black-hot")
    before = changed(page, before)
    page.fill("#balance", "0.3")
    changed(page, before)
    more = ("--model", "tiny", "--balance", "0.3", "--polarity", "black-hot")
    expected = by_command(tmp_path, tmp_path / "a_ir.png", tmp_path / "a_vis.png", *more)
    found = downloaded(page, tmp_path / "page.png")
    difference = np.abs(found.astype(int) - expected)  # enlarged by other fractions of a level
    assert difference.mean() < 0.3 and (difference > 2).mean() < 1e-3


def test_once_loaded_it_asks_nobody_anything(page, street) -> None:
    drop(page, pair_of(street))
    before = fused(page)
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
    page.context.set_offline(True)
    page.fill("#balance", "0")
    before = changed(page, before)
    seen = pixels(page, "#right-image")
    page.fill("#balance", "1")
    changed(page, before)
    infrared = pixels(page, "#right-image")
    assert infrared[:3] != seen[:3] and infrared[3:] == [160, 120]
    assert page.get_attribute("#balance", "aria-valuetext") == "1.00"
    assert not asked and not page.is_visible("#error")


def test_the_download_says_what_it_is_made_of(page, street, tmp_path) -> None:
    import hashlib

    from diffuse_fuse.images import read_provenance

    pair = {name.replace("a_", "Straße <a>&_"): data for name, data in pair_of(street).items()}
    drop(page, pair)
    fused(page)
    for suffix in ("png", "jpg"):
        page.select_option("#format", f"{suffix} 8")
        downloaded(page, tmp_path / f"f.{suffix}")
        noted = read_provenance(tmp_path / f"f.{suffix}")
        assert (noted.model, noted.options["backend"], noted.options["balance"]) == ("tiny", "browser", "auto")
        assert {source.name: source.sha256 for source in noted.sources.values()} == {
            name: hashlib.sha256(data).hexdigest() for name, data in pair.items()
        }
    assert Image.open(tmp_path / "f.png").size == (160, 120)


def test_compare_and_fuse_by_keyboard(page) -> None:
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.sample") == "night":
            break
    page.keyboard.press("Enter")
    before = fused(page)
    page.focus("#position")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert float(page.input_value("#position")) == 55
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("[")
    assert page.inner_text("#balance-value") == "0.45"
    changed(page, before)
    page.keyboard.press("Digit1")
    assert page.inner_text("#right-tag") == "Infrared"
    page.keyboard.press("Digit3")
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"balance", "auto", "model", "palette", "polarity", "format", "download", "position"} <= reached
    assert not {"align", "range-mode", "gps"} & reached  # what only the service can


def test_a_folder_of_pairs(page, street) -> None:
    pair = pair_of(street)
    names = ("ir_1.png", "vis_1.png", "2-thermal.png", "2-rgb.png", "3_vis.png")
    drop(page, {name: pair["a_ir.png" if name[:3] in ("ir_", "2-t") else "a_vis.png"] for name in names})
    fused(page)
    assert page.locator("#pair option").all_inner_texts() == ["2-rgb.png", "vis_1.png"]
    assert "3_vis.png" in page.inner_text("#notes")


def deep_png() -> bytes:
    return png(np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20)


def test_what_is_wrong_is_said(page, street) -> None:
    pair = pair_of(street)
    wide = png(np.zeros((60, 160, 3), np.uint8))
    flir = pair["a_vis.png"].join([b"\xff\xd8\xff\xe1\x00\x10FLIR\0", b""])
    tiff = cv2.imencode(".tif", np.zeros((40, 50), np.uint8))[1].tobytes()
    for files, said in (
        ({"a.png": pair["a_vis.png"]}, "its partner"),
        ({"notes.txt": b"x"}, "no picture"),
        ({"a_ir.png": b"nonsense", "a_vis.png": pair["a_vis.png"]}, "a_ir.png is damaged"),
        ({"a_ir.png": pair["a_ir.png"], "a_vis.png": claimed(pair["a_vis.png"])}, "a_vis.png is damaged"),
        ({"a_ir.tif": tiff, "a_vis.png": pair["a_vis.png"]}, "is a TIFF"),
        ({"a_ir.png": deep_png(), "a_vis.png": pair["a_vis.png"]}, "16 bits"),
        ({"a_ir.jpg": flir, "a_vis.png": pair["a_vis.png"]}, "radiometric"),
        ({"a_ir.png": pair["a_ir.png"], "a_vis.png": wide}, "do not show the same field"),
        ({"a_ir.png": png(np.zeros((9, 12), np.uint8)), "a_vis.png": pair["a_vis.png"]}, "at least 16×16"),
    ):
        drop(page, files)
        page.wait_for_function("(said) => document.querySelector('#error').textContent.includes(said)", arg=said)
    assert page.evaluate("getComputedStyle(document.querySelector('#left-image')).visibility") == "hidden"  # no icon
    page.check("#stretch")  # and none of it is the end
    drop(page, {"a_ir.png": pair["a_ir.png"], "a_vis.png": wide})
    fused(page)
    assert "stretched by" in page.inner_text("#notes") and not page.is_visible("#error")


def claimed(data: bytes) -> bytes:
    """A PNG whose header claims 60000×60000 pixels."""
    head = data[12:16] + struct.pack(">II", 60000, 60000) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


def test_bands_of_rows_and_threads_change_nothing(browser, folder, street, tmp_path) -> None:
    """Threads, as the server isolates the page; and bands, as of a picture of many megapixels."""
    files = pair_of(street, 80, 600)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    other = tmp_path / "fuse"
    shutil.copytree(folder, other)
    setup = json.loads((other / "page" / "setup.json").read_text())
    setup["bandPixels"] = 80 * 300  # three bands, each with what the network sees around it
    (other / "page" / "setup.json").write_text(json.dumps(setup))
    with served(other, ISOLATION) as address, watched(browser, address) as page:
        assert page.evaluate("self.crossOriginIsolated")
        choose(page, "tiny")
        drop(page, files)
        fused(page)
        found = downloaded(page, tmp_path / "page.png")
        at_work = {worker.url.rpartition("/")[2] for worker in page.workers}  # so that the page itself stays free
        assert at_work == {"worker.js", "ort.js"} if page.evaluate("navigator.hardwareConcurrency > 1") else at_work
    expected = by_command(tmp_path, tmp_path / "a_ir.png", tmp_path / "a_vis.png", "--model", "tiny")
    assert found.shape == (600, 80, 3) and apart(found, expected) <= 1


@pytest.mark.parametrize("width", [360, 1280])
def test_no_width_scrolls_sideways(page, width) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.click("[data-sample=night]")
    fused(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    files, panel, shapes, stretch = (
        page.locator(each).bounding_box() for each in (".files", ".panel", "label[for=stretch]", "label:has(#stretch)")
    )
    assert width > 1000 or panel["y"] - files["y"] - files["height"] > 10
    assert abs(shapes["y"] + shapes["height"] / 2 - stretch["y"] - stretch["height"] / 2) < 3


def test_from_a_file_it_says_what_it_needs(browser, folder) -> None:
    opened = browser.new_page()
    opened.goto((folder / "index.html").as_uri())
    opened.wait_for_selector("#error:not([hidden])")
    assert "http.server" in opened.inner_text("#error")
    opened.close()
