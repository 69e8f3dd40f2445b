"""An evaluation's output folder: nothing of others is replaced, and the data set stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diffuse_fuse.errors import ImageWriteError, UsageError
from diffuse_fuse.evaluation import evaluate
from diffuse_fuse.evaluation.cache import Cache
from diffuse_fuse.images.write import write_image
from tests.evaluation.conftest import picture

TABLES = ("per_image.csv", "summary.csv", "summary.json", "table.md", "table.tex", "report.html")


def brighter(ir, vis):
    return (vis // 2 + 100).astype("uint8")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", [*TABLES, "fused/mine/b.png", "cache.jsonl"])
def test_files_of_others_stay(dataset: Path, tmp_path: Path, name: str) -> None:
    theirs = tmp_path / "out" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("precious")
    with pytest.raises(ImageWriteError, match=f"{theirs.name} exists"):
        evaluate(dataset, {"mine": brighter}, ["EN"], out=tmp_path / "out")
    assert snapshot(tmp_path / "out") == {name: b"precious"}  # refused before anything was written
    if name != "cache.jsonl":
        evaluate(dataset, {"mine": brighter}, ["EN"], out=tmp_path / "out", overwrite=True)
        assert theirs.read_bytes() != b"precious"


def test_lines_of_a_cache_that_are_nonsense_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cache.jsonl").write_text('\n{"key": "a", "values": {"EN": 6.5}}\n' + "[" * 100_000 + '\n{"key": 3')
    assert Cache(tmp_path).values("a", ["EN"]) == {"EN": 6.5}


def test_its_own_files_are_replaced_unless_somebody_changed_them(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    evaluate(dataset, {"mine": brighter}, ["EN"], out=out)
    evaluate(dataset, {"mine": lambda ir, vis: 255 - vis}, ["EN", "SD"], out=out)
    assert "SD" in (out / "table.md").read_text()
    with open(out / "table.md", "a") as file:
        file.write("What I think of it.\n")
    with pytest.raises(ImageWriteError, match=r"table\.md exists, and is not as dfuse wrote it"):
        evaluate(dataset, {"mine": brighter}, ["EN"], out=out)
    assert "What I think" in (out / "table.md").read_text()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("out", [".", "ir", "vi", "vi/deep", "link", "../results", "../results/deep"])
def test_the_data_set_and_results_are_no_output_folders(dataset: Path, out: str, overwrite: bool) -> None:
    results = dataset.parent / "results"
    for index, stem in enumerate("abc"):
        write_image(results / f"{stem}.png", picture(30 + index))
    (dataset / "link").symlink_to(dataset / "ir")
    before = snapshot(dataset.parent)
    with pytest.raises(UsageError, match="is a folder of the inputs"):
        evaluate(dataset, {"mine": brighter, "theirs": results}, ["EN"], out=dataset / out, overwrite=overwrite)
    assert snapshot(dataset.parent) == before


def test_a_folder_of_its_own_in_the_data_set(dataset: Path) -> None:
    before = snapshot(dataset)
    evaluate(dataset, {"mine": brighter}, ["EN"], out=dataset / "report")
    evaluate(dataset, {"mine": brighter}, ["EN"], out=dataset / "report")
    assert {name: data for name, data in snapshot(dataset).items() if not name.startswith("report")} == before


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard", "symbolic"])
def test_links_to_inputs_are_no_outputs(dataset: Path, tmp_path: Path, link) -> None:
    there = tmp_path / "out" / "fused" / "mine" / "a.png"
    there.parent.mkdir(parents=True)
    link(dataset / "ir" / "a.png", there)
    before = snapshot(dataset)
    with pytest.raises(UsageError, match="is one of the inputs"):
        evaluate(dataset, {"mine": brighter}, ["EN"], out=tmp_path / "out", overwrite=True)
    assert snapshot(dataset) == before


def test_results_that_a_model_of_the_same_name_would_replace(dataset: Path, tmp_path: Path, tiny_model: Path) -> None:
    out = tmp_path / "out"
    evaluate(dataset, {"mine": brighter}, ["EN"], out=out)
    before = snapshot(out / "fused")
    with pytest.raises(UsageError, match="is one of the inputs"):
        evaluate(dataset, {"mine": tiny_model, "theirs": out / "fused" / "mine"}, ["EN"], out=out, overwrite=True)
    assert snapshot(out / "fused") == before
