"""A table of pairs instead of folders."""

import pytest

from diffuse_fuse import batch
from diffuse_fuse.errors import UsageError

from .conftest import AverageFuser, rows, states


@pytest.fixture
def table(folders, tmp_path):
    """Writes a manifest of these lines beside ir/ and vi/, and plans it into out/."""

    def plan(*lines, header="ir,vis,out", suffix=None, depth=8, encoding="utf-8"):
        (tmp_path / "pairs.csv").write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
        return batch.plan_manifest(tmp_path / "pairs.csv", tmp_path / "out", suffix, depth)

    return plan


def test_rows_are_fused_where_they_say(table, tmp_path):
    plan = table("ir/0.png,vi/1.png,a.png", "ir/1.png,vi/0.png,deep/b.tif", "", f"{tmp_path}/ir/2.png,vi/2.png,c")
    assert plan.jobs[0] == batch.Job(tmp_path / "ir" / "0.png", tmp_path / "vi" / "1.png", tmp_path / "out" / "a.png")
    results = batch.run_folder(plan, AverageFuser(), tmp_path / "out")
    assert states(results) == ["ok"] * 3
    assert rows(tmp_path / "out") == ["a.png", "c.png", "deep/b.tif"]


def test_empty_cells_stand_for_what_is_usual(table, tmp_path):
    plan = table("ir/0.png,vi/1.png,", "ir/2.png,,", suffix=".webp")
    assert [job.out for job in plan.jobs] == [tmp_path / "out" / "1.webp", tmp_path / "out" / "2.webp"]
    assert plan.jobs[1].ir == plan.jobs[1].vis == tmp_path / "ir" / "2.png"


def test_what_spreadsheets_make_of_it(table, tmp_path):
    plan = table('7, "vi/0.png" ,ir/0.png,"a,b.png"', header="No,Vis, IR ,OUT", encoding="utf-8-sig")
    assert plan.jobs == (batch.Job(tmp_path / "ir" / "0.png", tmp_path / "vi" / "0.png", tmp_path / "out" / "a,b.png"),)


def test_two_pictures_do_not_write_one_gif(folders, tmp_path):
    lines = ["ir,vis,out", "ir/0.png,vi/0.png,a.png", "ir/1.png,vi/1.png,a.jpg", "ir/2.png,vi/2.png,b/a.jpg"]
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    plan, out = batch.plan_manifest(tmp_path / "pairs.csv", tmp_path / "out"), tmp_path / "out"
    results = batch.run_folder(plan, AverageFuser(), out, recipe=batch.Recipe(gif=True))
    assert states(results) == ["ok", "ok", "failed"]
    assert "a.png and " in results[2].error and "would both write " in results[2].error and "a.gif" in results[2].error
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert names == ["a.gif", "a.png", "b/a.gif", "b/a.jpg", "metrics.csv"]
    assert states(batch.run_folder(plan, AverageFuser(), out)) == ["skipped", "ok", "skipped"]  # without GIFs


def test_rows_that_cannot_be_jobs_are_failures_with_their_line(table, tmp_path):
    plan = table(
        "ir/0.png,vi/0.png,a.png",
        ",vi/0.png,b.png",
        "ir/1.png,vi/1.png,sub/../a.png",
        "ir/1.png,vi/1.png,../vi/1.png",
        "ir/2.png,vi/2.png,c.gif",
        "ir/2.png,vi/2.png,c.jpg",
        "ir/9.png,vi/9.png,d.png",
        depth=16,
    )
    said = [result.error.split("pairs.csv, ")[1] for result in plan.failed]
    assert said[0].startswith("line 3: the infrared picture is missing")
    assert said[1].startswith("line 4: ") and "the output of line 2 already" in said[1]
    assert said[2].startswith("line 5: ") and "one of the input pictures" in said[2]
    assert said[3].startswith("line 6: ") and ".gif is unknown" in said[3]
    assert said[4].startswith("line 7: ") and "8 bits a channel" in said[4]
    recipe = batch.Recipe(depth=16)
    results = batch.run_folder(plan, AverageFuser(), tmp_path / "out", recipe=recipe)
    assert states(results) == ["ok", *["failed"] * 6] and "9.png does not exist" in results[1].error


@pytest.mark.parametrize(
    "lines, header, words",
    [
        (["a,b"], "ir,vis", "lacks the column out"),
        (["a;b;c"], "ir;vis;out", "lacks the column ir and vis and out"),
        ([], "ir,vis,out", "has no rows"),
        ([], "", "lacks the column"),
    ],
)
def test_what_is_no_manifest(table, lines, header, words):
    with pytest.raises(UsageError, match=words):
        table(*lines, header=header)


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        batch.plan_manifest(tmp_path / "no.csv", tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        batch.plan_manifest(tmp_path, tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0" + bytes(range(256)))
    with pytest.raises(UsageError, match="lacks the column|no CSV file"):
        batch.plan_manifest(tmp_path / "binary.csv", tmp_path)
