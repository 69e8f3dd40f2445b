"""A table of pairs instead of folders."""

import os
import sys
from pathlib import Path

import pytest

from diffuse_fuse import batch
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.table import manifest_pairs

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
    pairs, problems = manifest_pairs(tmp_path / "pairs.csv")
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
    assert said[1].startswith("line 4: ") and "already the output of line 2" in said[1]
    assert said[2].startswith("line 5: ") and "one of the inputs" in said[2]
    assert said[3].startswith("line 6: ") and ".gif is unknown" in said[3]
    assert said[4].startswith("line 7: ") and "8 bits per channel" in said[4]
    recipe = batch.Recipe(depth=16)
    results = batch.run_folder(plan, AverageFuser(), tmp_path / "out", recipe=recipe)
    assert states(results) == ["ok", *["failed"] * 6] and "9.png does not exist" in results[1].error


@pytest.mark.parametrize(
    "line, words",
    [
        ("~/ir/0.png,vi/0.png,a.png", "ir is ~/ir/0.png, but a table does not expand ~"),
        ("ir/0.png,~somebody/0.png,a.png", "vis is ~somebody/0.png, but a table does not expand ~"),
        ("ir/0.png,vi/0.png,~/a.png", "out is ~/a.png, but a table does not expand ~"),
        ("https://example.org/0.png,vi/0.png,a.png", "ir is https://example.org/0.png, which is an address"),
        ("ir/0.png,s3://bucket/0.png,a.png", "vis is s3://bucket/0.png, which is an address, not a path: save"),
        ("FILE:///ir/0.png,vi/0.png,a.png", "an address, not a path: write the path alone"),
        ("ir/0.png,vi/0.png,ftp://host/a.png", "out is ftp://host/a.png, which is an address"),
    ],
)
def test_what_is_no_path_is_said(table, tmp_path, line, words):
    plan = table("ir/1.png,vi/1.png,b.png", line)
    (failure,) = plan.failed
    assert words in failure.error and "pairs.csv, line 3: " in failure.error and len(plan.jobs) == 1
    assert states(batch.run_folder(plan, AverageFuser(), tmp_path / "out")) == ["ok", "failed"]
    assert rows(tmp_path / "out") == ["b.png"] and not (tmp_path / "out" / "~").exists()


def test_names_with_a_tilde_or_a_colon_are_paths(table, tmp_path):
    (tmp_path / "~").mkdir()
    for name in ("~/a.png", "12:30.png"):
        (tmp_path / name).write_bytes((tmp_path / "ir" / "0.png").read_bytes())
    plan = table("./~/a.png,vi/0.png,a~.png", "12:30.png,vi/1.png,12:30.png")
    assert states(batch.run_folder(plan, AverageFuser(), tmp_path / "out")) == ["ok", "ok"]


@pytest.mark.parametrize("link", ["hardlink_to", "symlink_to"])
def test_a_link_to_an_input_is_no_output(table, tmp_path, link):
    (tmp_path / "out").mkdir()
    getattr(tmp_path / "out" / "a.png", link)(tmp_path / "vi" / "1.png")
    plan = table("ir/0.png,vi/0.png,a.png", "ir/1.png,vi/1.png,b.png")
    assert len(plan.jobs) == 1 and "is one of the inputs" in plan.failed[0].error


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
    with pytest.raises(UsageError, match="lacks the column|not a CSV file"):
        batch.plan_manifest(tmp_path / "binary.csv", tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="no such files there")
@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "folder"])
def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path, kind):
    path = Path(kind) if kind.startswith("/") else tmp_path / "pairs.csv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(UsageError, match="not a regular file .a pipe|directory"):
        batch.plan_manifest(path, tmp_path / "out")


@pytest.mark.parametrize(
    "content, words",
    [
        (b"ir,vis,out\n" + b"a" * 200_000 + b",b,c\n", "is not a CSV file: field larger than field limit"),
        (None, "has 65 MB, but a table of pairs at most 64: split it"),
    ],
)
def test_what_is_no_table_takes_no_memory(tmp_path, content, words):
    path = tmp_path / "pairs.csv"
    path.write_bytes(content or b"")
    if content is None:
        os.truncate(path, 65_000_000)
    with pytest.raises(UsageError, match=words):
        batch.plan_manifest(path, tmp_path / "out")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="older csv modules take no NUL")
def test_a_nul_in_a_cell_is_said_with_its_line(table, tmp_path):
    plan = table("ir/0.png,vi/0.png,a.png", "ir/1\0.png,vi/1.png,b.png", "ir/1.png,vi/1.png,b\0.png")
    assert len(plan.jobs) == 1
    for failure, words in zip(plan.failed, ("line 3: ir holds a NUL", "line 4: out holds a NUL"), strict=True):
        assert words in failure.error and "\0" not in f"{failure.ir}{failure.vis}{failure.out}"
    assert states(batch.run_folder(plan, AverageFuser(), tmp_path / "out")) == ["ok", "failed", "failed"]


def test_many_rows_are_planned_and_looked_at_in_little_time(table, tmp_path, monkeypatch):
    """Folders are looked at once, not for every row; and no source is read for an output that is not there."""
    folders = []
    realpath = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path, **named: folders.append(path) or realpath(path, **named))
    plan = table(*(f"ir/{number % 3}.png,vi/{number % 3}.png,{number}.png" for number in range(5000)))
    assert len(plan.jobs) == 5000 and len(folders) < 10
    monkeypatch.setattr("diffuse_fuse.batch.resume._hash", None)
    recipe = batch.Recipe(weights="0" * 64)
    found = batch.look_ahead(plan, None, tmp_path / "out", recipe=recipe, check=True)
    assert found.to_do == 5000 and found.errors == ()


def test_links_and_other_spellings_of_an_input_are_known(table, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "vi", target_is_directory=True)
    plan = table("ir/0.png,vi/0.png,link/1.png", "ir/1.png,ir/../vi/1.png,b.png", "ir/2.png,vi/2.png,./b.png")
    assert len(plan.jobs) == 1 and "one of the input" in plan.failed[0].error and "line 3" in plan.failed[1].error


def test_names_with_line_breaks_are_one_line(table):
    """As of a quotation mark that nothing closes: the rest of the table is a name."""
    plan = table('ir/0.png,vi/0.png,"a', 'ir/1.png,vi/1.png,b.x\x1b[31m"', "~\r/a,vi/2.png,c.png")
    assert plan.failed and all("\n" not in found.error and found.error.isprintable() for found in plan.failed)
