"""Every value that original public code gave on real pictures is met within its tolerance.

The pictures may not be part of the repository: without them these tests are skipped, and say so. Values of the
originals in Python on pictures that travel (``test_original.py``), and golden values of this code (``test_golden.py``)
stand in for them there.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from diffuse_fuse import metrics
from diffuse_fuse.metrics.context import Triple
from tests.metrics.shared import FIXTURES, MISSING, ORACLE, SHARED, read

COUNT = 459
DATA: dict[str, Any] = json.loads(ORACLE.read_text()) if ORACLE.is_file() else {"pairs": [], "color": {"cases": []}}
CASES = [(pair, name, value) for pair in DATA["pairs"] for name, values in pair["values"].items() for value in values]
needs_fixtures = pytest.mark.skipif(not CASES, reason=MISSING)

# The fixtures' name → our metric and convention.
SUFFIXES = {"_xl": "tang-sheets", "_lt": "tang", "_cdd": "cddfuse"}
# Where a value comes from → the convention that must give it too, whatever the fixture calls it.
ORIGINS = {
    "published Metric_TNO.xlsx": "tang-sheets",
    "Octave 7.3 run of the original .m (General": "tang",
    "MMIF-CDDFuse": "cddfuse",
    "skimage structural_similarity": "cddfuse",
}


def ours(name: str, origin: str) -> list[tuple[str, str, float]]:
    """(metric, convention, factor) of all our numbers that a fixture value must equal."""
    base, convention = name, "plain"
    for suffix, suffix_convention in SUFFIXES.items():
        if name.endswith(suffix):
            base, convention = name.removesuffix(suffix), suffix_convention
    found = [(base, convention, 1.0)]
    for start, origin_convention in ORIGINS.items():
        # the fixture's plain Nabf comes from the original function in its right order, which the driver confuses
        if origin.startswith(start) and base != "Nabf":
            scale = 255**-2 if (base, origin_convention) == ("MSE", "cddfuse") else 1.0
            found.append((base, origin_convention, scale))
            if (base, origin_convention) == ("VIF", "cddfuse"):
                found.append(("VIFF", "cddfuse", 1.0))
    return list(dict.fromkeys(found))


@lru_cache(maxsize=8)
def triple(index: int, crop: tuple[int, int, int, int] | None) -> Triple:
    """The pictures of a pair as grey values, or the part of them that a value was computed on."""
    files = DATA["pairs"][index]["files"]
    pictures = Triple(*(read(FIXTURES / files[kind]) for kind in ("ir", "vi", "fused")))
    row, column, height, width = crop or (0, 0, *pictures.shape)
    part = np.s_[row : row + height, column : column + width]
    return Triple(pictures.ir[part], pictures.vis[part], pictures.fused[part])


def label(case: tuple[dict[str, Any], str, dict[str, Any]] | None) -> str:
    if case is None:
        return "without-fixtures"
    pair, name, value = case
    source = {"published": "sheet", "Octave": "octave", "MMIF-CDDFuse": "cddfuse"}
    return f"{pair['id']}-{name}-{source.get(value['oracle'].split()[0], 'skimage')}".replace("/", "-")


@needs_fixtures
def test_no_value_is_left_out():
    assert len(CASES) == COUNT
    known = {metric for _, name, value in CASES for metric, _, _ in ours(name, value["oracle"])}
    assert known <= set(metrics.REGISTRY)


@needs_fixtures
@pytest.mark.parametrize("pair", DATA["pairs"], ids=lambda pair: pair["id"].replace("/", "-"))
def test_pictures_are_the_ones_that_were_measured(pair):
    for kind, name in pair["files"].items():
        assert hashlib.sha256((FIXTURES / name).read_bytes()).hexdigest() == pair["sha256"][kind]


@pytest.mark.parametrize("case", CASES or [pytest.param(None, marks=pytest.mark.skip(reason=MISSING))], ids=label)
def test_value_of_original_code(case):
    pair, name, value = case
    pictures = triple(DATA["pairs"].index(pair), tuple(value["crop"]) if "crop" in value else None)
    for metric, convention, factor in ours(name, value["oracle"]):
        got = metrics.REGISTRY[metric].value(pictures, convention) * factor
        assert got == pytest.approx(value["value"], rel=value["rtol"], abs=0), (metric, convention, value["oracle"])


def colour_pictures(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    import cv2

    folder = SHARED / "data" / "roadscene" / "train"
    paths = [folder / kind / case[kind].split("/")[-1] for kind in ("ir", "vi")]
    if not all(path.is_file() for path in paths):
        pytest.skip(f"{paths[1].name} is not in {folder.name}")
    ir, vis = (read(path) for path in paths)
    ir = ir if ir.ndim == 2 else cv2.cvtColor(ir, cv2.COLOR_RGB2GRAY)
    row, column, height, width = case["crop"]
    part = np.s_[row : row + height, column : column + width]
    ir, vis = ir[part], vis[part]
    fused = (2 * vis.astype(int) + ir[..., None] + 1) // 3
    return ir, vis, fused.astype(np.uint8)


@needs_fixtures
@pytest.mark.parametrize("case", DATA["color"]["cases"], ids=lambda case: case["vi"].split("/")[-1])
def test_colour_difference_of_the_paper_authors_code(case):
    pictures = colour_pictures(case)
    names = ("DeltaE", "dE_ab", "dC", "dC_signed", "dHue", "dL")
    got = metrics.compute(*pictures, names)
    assert got["DeltaE"] == pytest.approx(case["DeltaE_author_code"], rel=1e-12)
    # the rest is not original code's but an independent implementation's
    assert got == pytest.approx({name: case["ref"][name] for name in names}, rel=1e-9)


# Names of an independent float64 implementation (no original code), for what no original value covers.
INDEPENDENT = {"VIF_ir": "VIF_ir", "VIF_vis": "VIF_vi", "Labf": "Labf", "SSIM": "SSIM", "Qe": "Qe", "MI": "MI"}


@needs_fixtures
@pytest.mark.parametrize("index", range(len(DATA["pairs"])))
@pytest.mark.parametrize("name", INDEPENDENT)
def test_agrees_with_an_independent_implementation(name, index):
    expected = DATA["pairs"][index]["ref_eval"][INDEPENDENT[name]]
    assert metrics.REGISTRY[name].value(triple(index, None)) == pytest.approx(expected, rel=1e-9)


@needs_fixtures
def test_wavelet_agrees_with_an_independent_implementation():
    expected = DATA["pairs"][0]["ref_eval"]["FMI_w"]
    assert metrics.REGISTRY["FMI_w"].value(triple(0, None)) == pytest.approx(expected, rel=1e-9)
