"""Re-lighting in JavaScript against Python's, in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse.fusion.relight import relight

NODE = shutil.which("node")
HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parents[1] / "diffuse_fuse" / "browser" / "page" / "relight.js"

pytestmark = pytest.mark.skipif(not NODE, reason="there is no node to run JavaScript")


def by_node(ir: np.ndarray, vis: np.ndarray, balance: float | str, tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    from diffuse_fuse.browser.build import constants

    for script in (SCRIPT, SCRIPT.with_name("filters.js")):  # where Node takes them for modules
        shutil.copy(script, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    head = {"script": str(tmp_path / SCRIPT.name), "width": ir.shape[1], "height": ir.shape[0]}
    asked = json.dumps({**head, "balance": balance, "constants": constants()}).encode()
    given = b"\n".join([asked, ir.tobytes() + np.ascontiguousarray(vis).tobytes()])
    run = subprocess.run([NODE, HERE / "relight.mjs"], input=given, capture_output=True, timeout=120)
    assert run.returncode == 0, run.stderr.decode()
    found = np.frombuffer(run.stdout, np.uint8)
    return found[: ir.size].reshape(ir.shape), found[ir.size :].reshape(vis.shape)


@pytest.mark.parametrize(
    ("kind", "size", "balance"),
    [("night", (640, 480), "auto"), ("day", (333, 501), "auto"), ("day", (161, 121), 0.3), ("night", (64, 48), 0)],
)
def test_it_is_pythons_to_a_level(street, tmp_path, kind, size, balance) -> None:
    ir, vis = street(kind, *size)
    expected = relight(ir, vis, balance)
    for found, wanted, given in zip(by_node(ir, vis, balance, tmp_path), expected, (ir, vis), strict=True):
        apart = np.abs(found.astype(int) - wanted)
        assert apart.max() <= 1
        assert (apart > 0).mean() < 5e-5  # rounding; a filter that is another shows at a pixel in a thousand
        if balance != "auto" or kind == "day":
            assert (wanted != given).mean() > 1e-4  # there was something to do


def test_even_pictures_and_a_balance_of_one(tmp_path) -> None:
    flat = np.full((40, 50), 90, np.uint8)
    noise = np.random.default_rng(3).integers(256, size=(40, 50, 3), dtype=np.uint8)
    for balance in ("auto", 1):
        ir, vis = by_node(flat, noise, balance, tmp_path)
        expected = relight(flat, noise, balance)
        assert np.abs(ir.astype(int) - expected[0]).max() <= 1 and np.abs(vis.astype(int) - expected[1]).max() <= 1
