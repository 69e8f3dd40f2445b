"""The generated pages of the site: nothing of the code is missing in them, and links lead where they did."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html import escape
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from site_pages import api, board, commands, examples, links, outside, runs, tables  # noqa: E402

from diffuse_fuse.cli.commands import app  # noqa: E402
from diffuse_fuse.evaluation import layouts  # noqa: E402
from diffuse_fuse.metrics import REGISTRY  # noqa: E402

THERE = {"video.md": "Video", "lab/looks.md": "What people see", "weights.md": "Model card", "serve.jpg": None}


@pytest.mark.parametrize(
    ("page", "link", "wanted"),
    [
        ("index.md", "[video](docs/video.md)", "[video](video.md)"),
        ("index.md", "[docs/lab/looks.md](docs/lab/looks.md)", "[What people see](lab/looks.md)"),
        ("speed.md", "[../weights/README.md](../weights/README.md)", "[Model card](weights.md)"),
        ("speed.md", "![The page](serve.jpg)", "![The page](serve.jpg)"),
        ("speed.md", "[video.md](video.md#how-long)", "[Video](video.md#how-long)"),
        ("lab/looks.md", "[a](../video.md), [b](../../CHANGELOG.md)", "[a](../video.md), [b](../changelog.md)"),
        ("weights.md", "![c](../docs/curve.svg)", "![c](curve.svg)"),
        ("research.md", "[e](../examples/features.py)", "[e](examples/features.md)"),
        ("api/index.md", "[p](../video.md)", "[p](../video.md)"),
        ("video.md", r"| `--pair time\|frame` | a\|b |", r"| `--pair time|frame` | a\|b |"),
        ("speed.md", "[x](https://example.org/a.md) [y](#here)", "[x](https://example.org/a.md) [y](#here)"),
        ("speed.md", "```sh\n[x](../weights/README.md)\n```", "```sh\n[x](../weights/README.md)\n```"),
    ],
)
def test_links_of_files_become_links_of_pages(page, link, wanted):
    assert links.rewritten(link, page, THERE) == wanted


def options(command) -> set[str]:
    context = command.make_context("dfuse", [], resilient_parsing=True)
    inner = getattr(command, "commands", {}).values()
    shown = {parameter.opts[-1] for parameter in command.get_params(context) if not parameter.hidden}
    return shown.union(*map(options, inner))


def test_every_command_has_a_page_with_all_its_options():
    made = commands.pages()
    for name, command in typer.main.get_command(app).commands.items():
        _, text = made[f"commands/{name}.md"]
        assert text.startswith(f"# `dfuse {name}`\n")
        missing = [option for option in options(command) if option.startswith("--") and option not in text]
        assert not missing, name
        assert f"({name}.md)" in made["commands/index.md"][1]


def test_tables_hold_the_registries():
    made = {address: text for address, (_, text) in tables.pages().items()}
    for metric in REGISTRY.values():
        assert f"\n## {metric.name}\n" in made["tables/metrics.md"]
    for known in layouts.TABLE:
        assert f"| {known.name} | `{known.ir}` |" in made["tables/layouts.md"]
    assert "`.png`" in made["tables/formats.md"] and "`cK`" in made["tables/formats.md"]
    assert "`base` (the default)" in made["tables/models.md"]
    for text in made.values():
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert rows and all(re.search(r"(?<!\\)\|$", row) for row in rows)


def test_objects_of_the_api_are_there():
    for _, _, shown in api.ROOMS.values():
        for path in shown:
            module, _, name = path.rpartition(".")
            __import__(path if name.islower() and (ROOT / f"{path.replace('.', '/')}.py").is_file() else module)
            assert hasattr(sys.modules[module], name), path


def test_every_example_and_log_has_its_place():
    made = examples.pages()
    assert {f"examples/{path.stem}.md" for path in (ROOT / "examples").glob("*.py")} < set(made)
    page = runs.page(ROOT)
    assert all(f"../runs/{path.name})" in page for path in (ROOT / "docs" / "runs").glob("*.jsonl"))
    assert set(outside.pages(ROOT)) == set(links.PAGES.values())


def row(name: str, kind: str, pairs: int, value: float | None) -> dict[str, str]:
    cells = {metric: "" if value is None else f"{value:.5f}" for metric in (*board.RANKED, *board._SHOWN)}
    return {"set": "s", "method": name, "kind": kind, "pairs": str(pairs), **cells}


ROWS = [
    row("b&w", "folder", 9, 0.5),
    row("base", "model", 9, 0.75),
    row("fast", "model", 9, 0.625),
    row("few", "table", 3, 2.0),
    row("none", "table", 9, None),
]


def test_the_board_is_sorted_by_rank_and_models_do_not_compete():
    html = board.table("s", ROWS)
    assert re.findall(r'<th scope="row">(.*?)</th>', html) == [
        *("dfuse base", "dfuse fast", escape("b&w"), "none", "few (3 of 9 pairs)")
    ]
    assert re.findall(r'scope="row">.*?</th><td[^>]*>(.*?)</td>', html) == ["1.00", "1.00", "2.00", "3.00", "–"]


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no chromium to sort in")
def test_a_click_sorts_the_best_first_and_another_turns_it_round():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    script = (ROOT / "docs" / "assets" / "sort.js").read_text(encoding="utf-8")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(60_000)  # busy machines
        page.set_content(f"{board.table('s', ROWS)}<script>{script}</script>")

        def order() -> list[str]:
            return page.locator("tbody th").all_text_contents()

        page.get_by_role("button", name="VIF ↑", exact=True).click()
        assert order() == ["few (3 of 9 pairs)", "dfuse base", "dfuse fast", "b&w", "none"]
        page.keyboard.press("Enter")  # the button has the focus
        assert order() == ["b&w", "dfuse fast", "dfuse base", "few (3 of 9 pairs)", "none"]
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
        page.get_by_role("button", name="Nabf ↓").click()
        assert order()[0] == "b&w"
        page.get_by_role("button", name="Method").click()
        assert order() == ["b&w", "dfuse base", "dfuse fast", "few (3 of 9 pairs)", "none"]
        browser.close()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_without_mkdocs_the_script_says_what_to_install(tmp_path):
    (tmp_path / "dirname").symlink_to(shutil.which("dirname"))
    bash = shutil.which("bash")
    run = subprocess.run([bash, ROOT / "scripts" / "site"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout == ""
    assert "needs mkdocs: run pip install -c constraints.txt -e '.[docs]'" in run.stderr
