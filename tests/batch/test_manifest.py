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


@pytest.mark.parametrize("mark", [";", "\t", ","])
@pytest.mark.parametrize("out", ["", "out"])
def test_any_separator_and_no_column_out(table, tmp_path, mark, out):
    cells = ["ir/0.png", "vi/0.png", "x.png"][: 3 if out else 2]
    plan = table(mark.join(cells), header=mark.join(filter(None, ["ir", "vis", out])), encoding="utf-8-sig")
    (job,) = plan.jobs
    assert (job.ir, job.vis) == (tmp_path / "ir" / "0.png", tmp_path / "vi" / "0.png")
    assert job.out.name == ("x.png" if out else "0.png")


def test_back_slashes_part_folders(table, tmp_path):
    plan = table("ir\\0.png,vi\\1.png,deep\\a.png")
    (job,) = plan.jobs
    assert job == batch.Job(tmp_path / "ir" / "0.png", tmp_path / "vi" / "1.png", tmp_path / "out" / "deep" / "a.png")


def test_the_pairs_of_a_manifest(table, tmp_path):
    table("ir\\0.png;vi/1.png", "ir/2.png;", ";vi/0.png", "ir/1.png;vi/1.png", header="ir;vis")
    pairs, problems = batch.manifest.manifest_pairs(tmp_path / "pairs.csv")
    assert [str(pair.relative) for pair in pairs] == ["1", "2", "1_line5"]
    assert pairs[1].ir == pairs[1].vis and len(problems) == 1 and "line 4" in problems[0]


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
        (["a,b"], "ir,out", "lacks the column vis"),
        (["a|b|c"], "ir|vis|out", "lacks the column ir and vis"),
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
