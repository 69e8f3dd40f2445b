"""The tables of benchmarks/: the joint ranking, and the targets of the shipped model, on made-up numbers."""

from __future__ import annotations

import csv
import importlib
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
NAN = float("nan")
# of a peer with every metric at 1, except for these
PEER = {"VIF": 0.8, "VIF_ir": 0.3, "VIF_vis": 0.5, "Qabf": 0.5, "Nabf": 0.06, "n": 10}


@pytest.fixture
def joint(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("joint_table")


@pytest.fixture
def targets(joint: ModuleType) -> ModuleType:
    return importlib.import_module("targets")


def row(joint: ModuleType, **values: float) -> dict[str, float]:
    return {**dict.fromkeys(joint.RANKED, 1.0), **PEER, **values}


def verdicts(found) -> dict[str, str]:
    return {target.name: target.verdict for target in found}


def test_ranks_with_ties_and_undefined_values_last(joint: ModuleType) -> None:
    assert joint.mean_ranks([3.0, 1.0, 3.0, NAN, NAN]) == [1.5, 3, 1.5, 4.5, 4.5]
    rows = {"a": row(joint), "b": row(joint, EN=2.0), "few": row(joint, n=9), "odd": row(joint, EN=NAN)}
    lines = joint.joint_table(rows, {"b": {}}).splitlines()
    # nine metrics in which all three are equal, and one in which they are not
    assert lines[2].startswith("| 1 | **b** | 1.90 | 2.000 |")
    assert lines[3].startswith("| 2 | a | 2.00 |")
    assert lines[4].startswith("| 3 | odd | 2.10 | – |")
    assert lines[-1] == "Left out, over fewer than 10 pairs: few."


def test_models_of_ones_own_do_not_compete_with_each_other(joint: ModuleType) -> None:
    rows = {"peer": row(joint, EN=1.5), "first": row(joint, EN=2.0), "second": row(joint, EN=3.0)}
    apart = joint.ranks_apart(rows, ["first", "second"])
    assert apart["first"] == apart["second"] == joint.mean_rank({n: rows[n] for n in ("peer", "first")})["first"]
    assert apart["peer"] == joint.mean_rank({n: rows[n] for n in ("peer", "first")})["peer"]


def test_a_missing_column_is_said(joint: ModuleType) -> None:
    short = row(joint)
    del short["MS_SSIM"]
    with pytest.raises(typer.BadParameter, match="MS_SSIM"):
        joint.comparable({"a": short})


@pytest.fixture
def peers(joint: ModuleType) -> dict[str, dict[str, float]]:
    """good has the best mean rank of the learned ones, keen the best VIF and Qabf; ir leads VIF and is not learned."""
    return {
        "good": row(joint),
        "keen": row(joint, VIF=0.9, Qabf=0.6, EN=0.1, SD=0.1, SF=0.1, AG=0.1),
        "ir": row(joint, VIF=1.1, SCD=NAN, EN=0.2, SD=0.2, SF=0.2, MI=0.2),
        "max": row(joint, VIF=0.7, Qabf=0.1, dC=0.3, DeltaE=2.0),
        "few": row(joint, VIF=5.0, Qabf=5.0, n=3),
    }


def strong(joint: ModuleType, **values: float) -> dict[str, float]:
    """Meets every target."""
    wanted = {"VIF": 1.0, "VIF_ir": 0.45, "VIF_vis": 0.55, "Qabf": 0.64, "Nabf": 0.03, "EN": 2, "SD": 2, "SF": 2}
    wanted |= {"AG": 2, "MI": 2, "SCD": 1.5, "dC": 0.3, "DeltaE": 3.0, "dL": 4.0}
    return row(joint, **{**wanted, **values})


def own(joint: ModuleType, **values: float) -> dict[str, dict[str, float]]:
    return {"dfuse": strong(joint, **values), "max": row(joint, dC=0.3, DeltaE=2.0, dL=2.5)}


def test_all_targets_met(joint: ModuleType, targets: ModuleType, peers) -> None:
    found = targets.targets(peers, own(joint), "dfuse")
    assert set(verdicts(found).values()) == {"pass"} and len(found) == 13
    bounds = {target.name: (target.bound, target.source) for target in found}
    assert bounds["VIF"] == (pytest.approx(1.1 * 0.9), "1.1 × keen")  # not ir, not few
    assert bounds["min(VIF_ir, VIF_vis)"] == (0.3, "good")
    assert bounds["SCD"] == (1.0, "good")
    assert bounds["Nabf"][0] == pytest.approx(0.03)
    assert bounds["DeltaE − max's"][0] == pytest.approx(1.5)
    assert targets.table(found).endswith("13 of 13 targets met.")


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({"VIF": 0.98}, {"VIF"}),
        ({"Qabf": 0.629}, {"Qabf"}),
        ({"VIF_ir": 0.8, "VIF_vis": 0.2}, {"min(VIF_ir, VIF_vis)"}),
        ({"Nabf": 0.031}, {"Nabf"}),
        ({"SCD": 0.99}, {"SCD"}),
        ({"SSIM": 0.97}, {"SSIM"}),
        ({"MS_SSIM": 0.97}, {"MS_SSIM"}),
        ({"dC": 0.31}, {"dC"}),
        ({"DeltaE": 3.6}, {"DeltaE − max's"}),
        ({"EN": 0.94, "SD": 0.94, "SF": 0.79}, {"EN", "SD", "SF"}),
        (dict.fromkeys(("EN", "SD", "SF", "AG", "MI"), 0.96) | {"SSIM": 0.99, "MS_SSIM": 0.99}, {"mean rank"}),
    ],
)
def test_each_target_can_be_missed(joint: ModuleType, targets: ModuleType, peers, change, missed) -> None:
    found = verdicts(targets.targets(peers, own(joint, **change), "dfuse"))
    assert {name for name, verdict in found.items() if verdict == "FAIL"} == missed


def test_unknown_columns_leave_targets_open(joint: ModuleType, targets: ModuleType, peers) -> None:
    mine = strong(joint)
    del mine["dL"]
    found = verdicts(targets.targets(peers, {"dfuse": mine}, "dfuse"))
    assert {name for name, verdict in found.items() if verdict == "open"} == {"DeltaE − max's"}


def test_grey_sets_may_have_the_chroma_that_rounding_gives(joint: ModuleType, targets: ModuleType, peers) -> None:
    grey = own(joint, dC=0.002)
    grey["max"] |= {"dC": 0.001}
    assert verdicts(targets.targets(peers, grey, "dfuse"))["dC"] == "pass"


def test_hue_is_no_target(joint: ModuleType, targets: ModuleType, peers) -> None:
    turned = own(joint, dHue=90.0)
    turned["max"] |= {"dHue": 0.0}
    assert "dHue" not in verdicts(targets.targets(peers, turned, "dfuse"))


def test_a_part_of_the_set_is_refused(joint: ModuleType, targets: ModuleType, peers) -> None:
    with pytest.raises(typer.BadParameter, match="fewer pairs"):
        targets.targets(peers, {"dfuse": strong(joint, n=9)}, "dfuse")


def write(path: Path, rows: list[dict]) -> Path:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for each in rows for key in each)), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_command_with_the_share_of_the_optimum(joint: ModuleType, targets: ModuleType, peers, tmp_path: Path) -> None:
    table = write(tmp_path / "peers.csv", [{"method": name, **values} for name, values in peers.items()])
    summary = write(tmp_path / "summary.csv", [{"method": name, **values} for name, values in own(joint).items()])
    best = write(tmp_path / "best.csv", [{"stem": stem, "VIF": 1, "Qabf": 0.8, "SCD": 2} for stem in "ab"])
    lines = [{"image": stem, "method": "dfuse", "VIF": 0.96, "Qabf": 0.72, "SCD": 2} for stem in "abc"]
    write(tmp_path / "per_image.csv", lines)
    app = typer.Typer()
    app.command()(targets.main)
    done = CliRunner().invoke(app, [str(table), str(summary)])
    assert done.exit_code == 0 and "13 of 13 targets met." in done.stdout
    done = CliRunner().invoke(app, [str(table), str(summary), "--optimum", str(best)])
    assert done.exit_code == 1 and "15 of 16 targets met." in done.stdout
    assert "| Qabf, share of optimum | ≥ | 0.950 | 0.900 | FAIL | 2 pairs |" in done.stdout
    assert CliRunner().invoke(app, [str(table), str(summary), "--row", "nobody"]).exit_code == 2
