"""The page in a real browser: drop, dial, compare, download, keyboard. Skipped where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import changed, chromium, drop, needs_browser, pixels, watched
from tests.serve.conftest import running

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, service) -> Iterator:
    """The page at its start."""
    with watched(browser, f"http://127.0.0.1:{service.port}/") as opened:
        yield opened


def fused(page) -> str:
    """Waits until all of a pair is there: the fused picture's address."""
    page.wait_for_selector("#metrics tr")
    page.wait_for_selector("#facts tr")
    return page.get_attribute("#right-image", "src")


def test_two_dropped_pictures_are_fused(page, pair) -> None:
    drop(page, {name: data for name, data in pair.values()})
    assert fused(page).startswith("blob:")
    assert pixels(page, "#right-image")[3:] == [160, 120]
    assert page.inner_text("#names").startswith("Infrared: street_ir.png · Visible: street_vis.png")
    assert page.locator("#metrics tr").count() == 9
    assert "higher is better" in page.inner_text("#metrics")


def test_names_that_tell_nothing_are_told_apart_by_the_pictures(page, pair) -> None:
    drop(page, {"1.png": pair["vis"][1], "2.png": pair["ir"][1]})
    fused(page)
    assert page.inner_text("#names").startswith("Infrared: 2.png · Visible: 1.png")
    page.click("#swap")
    page.wait_for_function("() => document.querySelector('#names').textContent.startsWith('Infrared: 1.png')")


def test_one_radiometric_jpeg_and_its_temperatures(page, radiometric) -> None:
    drop(page, {"IR_0001.jpg": radiometric})
    before = fused(page)
    assert page.inner_text("#names") == "Both from IR_0001.jpg"
    assert page.inner_text("#range-label") == "Temperatures"
    page.keyboard.press("Shift+Digit1")
    dark, shown = pixels(page, "#left-image")[0], page.get_attribute("#left-image", "src")
    page.select_option("#range-mode", "own")
    assert page.inner_text("#unit") == "°C"
    assert 17 < float(page.input_value("#low-number")) < 19
    changed(page, before)
    shown = changed(page, shown, "left")
    page.fill("#high-number", "22")
    page.press("#high-number", "Tab")
    changed(page, shown, "left")
    assert pixels(page, "#left-image")[0] > dark  # a narrower range is brighter
    page.select_option("#range-mode", "camera")


def test_a_folder_of_pairs(page, pair) -> None:
    files = {f"{n}_{side}.png": pair[side][1] for n in (1, 2) for side in ("ir", "vis")}
    drop(page, {**files, "3_vis.png": pair["vis"][1], "notes.txt": b"x"})
    fused(page)
    assert page.locator("#pair option").all_inner_texts() == ["1_vis.png", "2_vis.png"]
    assert "3_vis.png" in page.inner_text("#notes")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#names').textContent.includes('2_ir.png')")


def test_a_chosen_folder_with_folders_for_both_kinds(page, pair, tmp_path: Path) -> None:
    for side in ("ir", "vis"):
        (tmp_path / "flight" / side).mkdir(parents=True)
        for number in (1, 2, 3):
            (tmp_path / "flight" / side / f"{number}.png").write_bytes(pair[side][1])
    page.set_input_files("#folder", tmp_path / "flight")
    fused(page)
    assert page.locator("#pair option").all_inner_texts() == [f"flight/vis/{number}.png" for number in (1, 2, 3)]
    page.click("#again")
    assert page.is_visible("#start") and not page.is_visible("#stage")


def test_files_that_are_too_large_are_not_sent(browser, pair) -> None:
    with running(max_bytes=10_000) as small:
        opened = browser.new_page()
        opened.goto(f"http://127.0.0.1:{small.port}/")
        opened.wait_for_selector("#model option", state="attached")
        drop(opened, {name: data for name, data in pair.values()})
        opened.wait_for_selector("#error:not([hidden])")
        assert "--max-mb" in opened.inner_text("#error")
        opened.close()


def test_a_folder_of_radiometric_jpegs(page, radiometric, pair) -> None:
    drop(page, {"1.jpg": radiometric, "2.jpg": radiometric, "3.jpg": pair["vis"][1]})
    fused(page)
    assert page.locator("#pair option").all_inner_texts() == ["1.jpg", "2.jpg"]
    assert "3.jpg" in page.inner_text("#notes")


def test_the_dial_is_live_and_uploads_nothing(page) -> None:
    sent: list[int] = []
    page.click("[data-sample=day]")
    before = fused(page)
    auto = pixels(page, "#right-image")
    page.on("request", lambda asked: sent.append(len(asked.post_data_buffer or b"")) if "/fuse" in asked.url else None)
    page.fill("#balance", "0")
    assert not page.is_checked("#auto")
    assert page.inner_text("#balance-value") == "0.00"
    before = changed(page, before)
    seen = pixels(page, "#right-image")
    page.fill("#balance", "1")
    changed(page, before)
    infrared = pixels(page, "#right-image")
    assert infrared[:3] != seen[:3] and auto[:3] != infrared[:3]
    assert sent and max(sent) < 5000
    assert page.get_attribute("#balance", "aria-valuetext") == "1.00"


def test_compare_by_pointer_and_keys(page) -> None:
    page.click("[data-sample=night]")
    fused(page)
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60)
    page.mouse.down()
    page.mouse.up()
    assert 24 <= float(page.input_value("#position")) <= 26
    for _ in range(5):
        page.keyboard.press(".")
    assert 34 <= float(page.input_value("#position")) <= 36
    page.focus("#position")
    page.keyboard.press("ArrowRight")
    assert float(page.input_value("#position")) > 34.5
    assert "inset(0px 6" in page.get_attribute("#left-image", "style")
    page.keyboard.press("Digit1")
    assert page.inner_text("#right-tag") == "Infrared"
    page.select_option("#palette", label="Ironbow")
    assert "palette-0" in page.get_attribute("#right-image", "style")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("x")
    assert (page.inner_text("#left-tag"), page.inner_text("#right-tag")) == ("Infrared", "Visible")
    assert page.get_attribute("#left-image", "alt") == "Infrared picture, the street by night"


def test_the_download_says_what_it_is_made_of(page, pair, tmp_path: Path) -> None:
    from diffuse_fuse.images import read_provenance

    drop(page, {name: data for name, data in pair.values()})
    before = fused(page)
    page.fill("#balance", "0.4")
    changed(page, before)
    page.select_option("#format", "tif 16")
    with page.expect_download() as started:
        page.click("#download")
    assert started.value.suggested_filename == "street_vis_fused.tif"
    started.value.save_as(tmp_path / "f.tif")
    noted = read_provenance(tmp_path / "f.tif")
    assert (noted.model, noted.options["balance"], noted.options["depth"]) == ("fast", 0.4, 16)
    assert noted.sources["ir"].name == "street_ir.png"


def test_all_of_it_by_keyboard(page, tmp_path: Path) -> None:
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.sample") == "night":
            break
    page.keyboard.press("Enter")
    before = fused(page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("[")
    assert page.inner_text("#balance-value") == "0.45"
    before = changed(page, before)
    page.keyboard.press("a")
    changed(page, before)
    assert page.is_checked("#auto")
    with page.expect_download():
        page.keyboard.press("d")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"balance", "auto", "model", "align", "palette", "polarity", "range-mode", "download", "position"} <= reached


def test_what_is_wrong_is_said(page, pair) -> None:
    drop(page, {"a.png": pair["vis"][1]})
    page.wait_for_selector("#error:not([hidden])")
    assert "its partner" in page.inner_text("#error")
    drop(page, {"a_ir.png": b"nonsense", "a_vis.png": pair["vis"][1]})
    page.wait_for_function("() => document.querySelector('#error').textContent.includes('damaged')")
    drop(page, {"notes.txt": b"x"})
    page.wait_for_function("() => document.querySelector('#error').textContent.includes('no picture')")


def test_names_never_become_markup(page, pair) -> None:
    evil = '<img src=x onerror="document.title=1">'
    drop(page, {f"{evil}_ir.png": pair["ir"][1], f"{evil}_vis.png": pair["vis"][1]})
    fused(page)
    assert evil in page.inner_text("#names")
    assert page.locator("img[src=x]").count() == 0
    assert page.title().startswith("dfuse")


def test_every_control_has_a_name(page) -> None:
    page.click("[data-sample=night]")
    fused(page)
    page.select_option("#range-mode", "own")
    tree = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input:not([type=file])")].map((element) => {
          const labels = [...(element.labels || [])].map((label) => label.textContent.trim()).join("");
          const own = element.tagName === "BUTTON" ? element.textContent.trim() : "";
          return [element.id || element.outerHTML, element.getAttribute("aria-label") || labels || own];
        })"""
    )
    assert not [name for name, said in tree if not said]
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("[role=status], [role=alert]").count() == 2


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_no_width_scrolls_sideways(page, width) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.click("[data-sample=night]")
    fused(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_light(page) -> None:
    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = paper()
    page.click("#theme")
    assert paper() != light
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"
    for theme in ("dark", "light"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        pairs = page.evaluate(
            """() => ["body", ".drop p", ".strong", ".claim"].map((each) => {
              const style = getComputedStyle(document.querySelector(each));
              const own = style.backgroundColor;
              const sheet = getComputedStyle(document.querySelector(".drop")).backgroundColor;
              return [each, style.color, own === "rgba(0, 0, 0, 0)" ? sheet : own];
            })"""
        )
        assert not [pair for pair in pairs if contrast(pair[1], pair[2]) < 4.5], theme


def contrast(one: str, other: str) -> float:
    """WCAG's contrast of two CSS colours."""

    def light(colour: str) -> float:
        unit = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
        r, g, b = (value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in unit)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    first, second = sorted((light(one), light(other)))
    return (second + 0.05) / (first + 0.05)


def test_the_docs_page_lists_every_route(page, service) -> None:
    page.goto(f"http://127.0.0.1:{service.port}/docs")
    page.wait_for_selector("section")
    told = json.loads(service.get("/openapi.json").body)["paths"]
    assert {text.split()[1] for text in page.locator("h2 code").all_inner_texts()} == set(told)
