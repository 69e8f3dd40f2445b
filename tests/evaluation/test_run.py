"""The run: what is computed, what is remembered, what is written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse import metrics, models
from diffuse_fuse.errors import MetricError, UsageError, WeightsError
from diffuse_fuse.evaluation import evaluate, prepare, run, score
from diffuse_fuse.evaluation.baselines import BASELINES
from diffuse_fuse.evaluation.cache import NAME, Cache
from diffuse_fuse.evaluation.score import read_pair
from diffuse_fuse.images.write import write_image
from tests.evaluation.conftest import picture, write_pairs
from tests.metrics.scenes import rendered, street

NAMES = ["EN", "SD", "DeltaE"]
ORIGINAL = Path(__file__).parents[1] / "metrics" / "original.json"


def brighter(ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
    return np.maximum(vis, ir[..., None])


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """A list that grows by an entry whenever metrics are computed."""
    calls: list[tuple] = []
    compute = metrics.compute

    def counting(ir, vis, fused, names, convention):
        calls.append((tuple(names), convention))
        return compute(ir, vis, fused, names, convention)

    monkeypatch.setattr(metrics, "compute", counting)
    return calls


def test_values_are_those_of_the_metrics(dataset: Path) -> None:
    result = evaluate(dataset, {"mine": brighter}, NAMES)
    ir, vis = read_pair(dataset / "ir" / "b.png", dataset / "vi" / "b.png")
    expected = metrics.compute(ir, vis, brighter(ir, vis), NAMES)
    assert result.values[0, 1] == pytest.approx([expected[name] for name in NAMES])
    assert result.ok and result.pairs == ("a", "b", "c") and result.views == ()


def test_nothing_is_written_without_a_folder(dataset: Path) -> None:
    before = sorted(dataset.parent.rglob("*"))
    evaluate(dataset, {"mine": brighter}, ["EN"], baselines=True)
    assert sorted(dataset.parent.rglob("*")) == before


def test_objects_with_fuse_are_methods(dataset: Path) -> None:
    class Fuser:
        def fuse(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
            return ir

    result = evaluate(dataset, {"copy": Fuser()}, ["MSE"])
    assert result.ok and np.isfinite(result.values).all()


def test_a_shipped_kind_of_model(dataset: Path, tiny_model: Path, tmp_path: Path) -> None:
    result = evaluate(dataset, {"net": tiny_model}, ["EN"], out=tmp_path / "out", device="cpu")
    assert result.ok and len(result.as_dict()["methods"][0]["sha256"]) == 64
    assert sorted(path.name for path in (tmp_path / "out/fused/net").iterdir()) == ["a.png", "b.png", "c.png"]


def test_a_model_that_is_replaced_meanwhile_is_not_scored_as_the_one_before(dataset: Path, tiny_model: Path) -> None:
    given = dataset.parent / "w.safetensors"
    given.write_bytes(tiny_model.read_bytes())
    plan = prepare(dataset, {"mine": given}, metrics=["EN"])
    given.write_bytes(models.find("tiny").path.read_bytes())
    with pytest.raises(WeightsError, match="changed while the run started"):
        run(plan)


@pytest.mark.parametrize("replaced", ["ir/a.png", "vi/a.png", "mine/a.png"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_picture_that_is_replaced_meanwhile_is_not_scored_as_the_one_before(
    dataset: Path, tmp_path: Path, tiny_model: Path, replaced: str, workers: int
) -> None:
    """The cache would keep its values under the other's hash for ever."""
    write_pairs(dataset / "mine", dataset / "x", ["a", "b", "c"])
    methods = {"folder": dataset / "mine", "ones": lambda ir, vis: vis, "net": tiny_model}
    plan = prepare(dataset, methods, metrics=["EN"])
    write_image(dataset / replaced, np.full((40, 56), 9, np.uint8))
    found = run(plan, tmp_path / "out", workers=workers)
    bad = ["folder"] if replaced.startswith("mine") else ["folder", "ones", "net"]
    assert {problem.partition(",")[0] for problem in found.problems} == set(bad)
    assert all("a.png was replaced meanwhile: start the evaluation again." in text for text in found.problems)
    again = evaluate(dataset, methods, metrics=["EN"], out=tmp_path / "out")
    alone = evaluate(dataset, methods, metrics=["EN"])
    assert np.array_equal(again.values, alone.values) and not again.problems


def test_models_are_not_run_again(dataset: Path, tiny_model: Path, tmp_path: Path, monkeypatch) -> None:
    first = evaluate(dataset, {"net": tiny_model}, ["EN"], out=tmp_path / "out", device="cpu")
    monkeypatch.setattr("diffuse_fuse.fusion.fuser.Fuser", None)
    again = evaluate(dataset, {"net": tiny_model}, ["EN"], out=tmp_path / "out", device="cpu")
    assert np.array_equal(first.values, again.values)


def test_workers_give_the_same_values(dataset: Path) -> None:
    one = evaluate(dataset, {"mine": brighter}, NAMES, baselines=True)
    two = evaluate(dataset, {"mine": brighter}, NAMES, baselines=True, workers=2)
    assert np.array_equal(one.values, two.values)


def test_goes_on_where_it_was_stopped(dataset: Path, tmp_path: Path, count: list, monkeypatch) -> None:
    out = tmp_path / "out"
    done = 0

    def stop() -> None:
        nonlocal done
        done += 1
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(prepare(dataset, {"mine": brighter}, NAMES), out, on_pair=stop)
    assert len(count) == 2
    with open(out / NAME, "a") as file:
        file.write('\n{"key": "cut o')
    evaluate(dataset, {"mine": brighter}, NAMES, out=out)
    assert len(count) == 3
    evaluate(dataset, {"mine": brighter}, NAMES[:1], out=out)
    assert len(count) == 3  # fewer metrics are there already


@pytest.mark.parametrize("change", ["fused", "ir", "vi", "convention", "metrics"])
def test_cache_is_keyed_by_contents(dataset: Path, tmp_path: Path, count: list, change: str) -> None:
    folder = tmp_path / "results"
    for stem in "abc":
        write_image(folder / f"{stem}.png", picture(50))
    arguments = {"metrics": ["EN"], "convention": "plain"}
    evaluate(dataset, {"m": folder}, **arguments, out=tmp_path / "out")
    count.clear()
    if change == "fused":
        write_image(folder / "b.png", picture(51))
    elif change in ("ir", "vi"):
        write_image(dataset / change / "b.png", picture(52))
    elif change == "convention":
        arguments["convention"] = "tang"
    else:
        arguments["metrics"] = ["EN", "SD"]
    evaluate(dataset, {"m": folder}, **arguments, out=tmp_path / "out")
    assert len(count) == (1 if change in ("fused", "ir", "vi") else 3)


def test_renamed_files_are_known(dataset: Path, tmp_path: Path, count: list) -> None:
    evaluate(dataset, {"m": brighter}, ["EN"], out=tmp_path / "out")
    count.clear()
    for kind in ("ir", "vi"):
        (dataset / kind / "a.png").rename(dataset / kind / "z.png")
    evaluate(dataset, {"m": brighter}, ["EN"], out=tmp_path / "out")
    assert count == []


def test_undefined_values_survive_the_cache(tmp_path: Path) -> None:
    Cache(tmp_path).add_values("k", {"SCD": float("nan"), "PSNR": float("inf")})
    values = Cache(tmp_path).values("k", ["SCD", "PSNR"])
    assert np.isnan(values["SCD"]) and values["PSNR"] == float("inf")


def test_a_method_that_fails_on_one_pair_is_a_problem(dataset: Path) -> None:
    def wrong_shape(ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        return vis[:-1] if vis[0, 0, 0] == first else vis

    first = read_pair(dataset / "ir/a.png", dataset / "vi/a.png")[1][0, 0, 0]
    result = evaluate(dataset, {"odd": wrong_shape}, ["EN"])
    assert not result.ok and "odd, a: the method returned" in result.problems[0]
    assert result.scored.tolist() == [[False, True, True]]


def test_a_metric_that_breaks_is_a_problem(dataset: Path, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(score, "metrics", metrics, raising=False)
    monkeypatch.setattr(metrics, "compute", broken)
    result = evaluate(dataset, {"mine": brighter}, ["EN"])
    assert len(result.problems) == 3 and "bug in dfuse: ZeroDivisionError: oh" in result.problems[0]


def test_limit_draws_nested_subsets(dataset: Path) -> None:
    drawn = [set(evaluate(dataset, {"m": brighter}, ["EN"], limit=size, seed=3).pairs) for size in (1, 2, 3)]
    assert drawn[0] < drawn[1] < drawn[2]
    result = evaluate(dataset, {"m": brighter}, ["EN"], limit=2)
    assert (len(result.pairs), result.pairs_in_set) == (2, 3)
    with pytest.raises(UsageError):
        evaluate(dataset, {"m": brighter}, ["EN"], limit=0)


def test_wrong_names(dataset: Path) -> None:
    with pytest.raises(MetricError, match="no metric 'EM'"):
        evaluate(dataset, {"m": brighter}, "EN,EM")
    with pytest.raises(MetricError, match="convention"):
        evaluate(dataset, {"m": brighter}, "EN", convention="mine")


def test_output_folder(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = evaluate(dataset, {"mine": brighter}, "en,sd,scd", baselines=True, out=out)
    assert {path.name for path in out.iterdir()} == {
        "cache.jsonl", "fused", "per_image.csv", "report.html", "report_files", "summary.csv", "summary.json",
        "table.md", "table.tex",
    }  # fmt: skip
    with open(out / "per_image.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 12 and lines[0].keys() == {"image", "method", "convention", "EN", "SD", "SCD"}
    with open(out / "summary.csv", newline="") as file:
        summary = {row["method"]: row for row in csv.DictReader(file)}
    assert float(summary["mine"]["EN"]) == pytest.approx(result.means.mean[0, 0], rel=1e-6)
    assert float(summary["mine"]["EN_low"]) <= float(summary["mine"]["EN"]) <= float(summary["mine"]["EN_high"])
    assert summary["visible"]["SCD"] == "nan"  # a copy has no defined SCD
    stored = json.loads((out / "summary.json").read_text())
    assert stored["convention"] == "plain" and stored["dataset"]["pairs"] == 3
    assert stored["methods"][1]["metrics"]["SCD"]["mean"] is None
    assert stored["methods"][1]["first_against_this"]["EN"]["p"] is not None


def test_pictures_of_an_earlier_run_are_removed(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    evaluate(dataset, {"mine": brighter}, ["EN"], out=out)
    foreign = out / "report_files" / "mine.txt"
    foreign.touch()
    evaluate(dataset, {"mine": lambda ir, vis: 255 - vis}, ["EN"], out=out)
    stems = {path.name for path in (out / "report_files").iterdir()} - {"mine.txt"}
    assert len(stems) == 2 * 3 * 3 and foreign.exists()


def test_fingerprint_depends_on_contents_only(dataset: Path, tmp_path: Path) -> None:
    first = evaluate(dataset, {"m": brighter}, ["EN"]).fingerprint
    assert evaluate(dataset.rename(tmp_path / "moved"), {"m": brighter}, ["EN"]).fingerprint == first
    write_image(tmp_path / "moved/ir/a.png", picture(77, 1))
    assert evaluate(tmp_path / "moved", {"m": brighter}, ["EN"]).fingerprint != first


def test_baselines() -> None:
    ir, vis = picture(1, 1), picture(2)
    luma = vis.astype(float) @ [0.299, 0.587, 0.114]
    assert np.array_equal(BASELINES["visible"](ir, vis), vis)
    brightest = BASELINES["max"](ir, vis)
    same = ir <= luma
    assert np.abs(brightest[same].astype(int) - vis[same]).max() <= 1  # where the visible picture is brighter
    grey = np.repeat(ir[..., None], 3, axis=2)
    assert np.abs(BASELINES["average"](ir, grey).astype(int) - grey).max() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("tno", "tno"),
        ("roadscene_val", "roadscene/val"),
        pytest.param("msrs_test_sample", "msrs/test_sample", marks=pytest.mark.long),
    ],
)
def test_rows_agree_with_an_independent_evaluator(shared: Path, name: str, folder: str) -> None:
    methods = {each: shared / "peers" / each / name for each in ("SeAFusion", "IFCNN", "LUT-Fuse")}
    result = evaluate(shared / "data" / folder, methods, baselines=True, workers=2)
    assert result.ok
    with open(shared / "peers" / f"scores_{name}.csv", newline="") as file:
        published = {row["method"]: row for row in csv.DictReader(file)}
    for row, method in enumerate(result.methods):
        expected = [float(published[method.name][metric]) for metric in result.metrics]
        assert result.means.mean[row] == pytest.approx(expected, rel=1e-3, abs=1e-5, nan_ok=True), method.name


def test_rows_are_means_of_values_of_original_code(tmp_path: Path) -> None:
    """On pictures that every clone has; tests/metrics/original.json says whose code it was."""
    for name, pictures in (("night", rendered()), ("made", street())):
        write_image(tmp_path / "ir" / f"{name}.png", pictures[0])
        write_image(tmp_path / "vi" / f"{name}.png", pictures[1])
    published = json.loads(ORIGINAL.read_text(encoding="utf-8"))["baselines"]["values"]
    names = list(published["average"])
    result = evaluate(tmp_path, {"mine": lambda ir, vis: vis}, names, "cddfuse", baselines=True)
    assert result.ok
    for row, method in enumerate(result.methods):
        expected = published.get(method.name, published["visible"])
        assert dict(zip(names, result.means.mean[row], strict=True)) == pytest.approx(
            {name: expected.get(name, np.nan) for name in names}, rel=1e-9, nan_ok=True
        ), method.name
