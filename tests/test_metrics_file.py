"""metrics.csv: rows are kept in journals while runs go on, and brought together and into order at their ends."""

import io
import os
import subprocess
import sys
import time

import pytest

from diffuse_fuse import journal, metrics_file
from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.metrics_file import MetricsFile


@pytest.fixture
def out(tmp_path):
    for name in ("a.png", "b.png", "sub/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def lines(out):
    return (out / "metrics.csv").read_text().splitlines()


def journals(out):
    return [path.name for path in out.iterdir() if path.name.endswith(".rows")]


def put(scores, out, **rows):
    for name, value in rows.items():
        for told in (scores.add, scores.record):
            told(out / f"{name}.png", {} if value is None else {"EN": value})


def of_a_dead_process(out, monkeypatch, **rows):
    """The journal of a run that was killed after it had added ``rows``."""
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: dead.pid)
        scores = MetricsFile(out)
    for name, value in rows.items():
        scores.add(out / f"{name}.png", {"EN": value})


def test_rows_of_a_run_that_was_killed_are_found_by_the_next(out, monkeypatch):
    of_a_dead_process(out, monkeypatch, b=1.5, a=2.0)
    assert len(journals(out)) == 1
    later = MetricsFile(out)
    assert later.has(out / "a.png") and later.has(out / "b.png") and not later.has(out / "sub" / "c.png")
    later.save()
    assert lines(out) == ["picture,EN", "a.png,2", "b.png,1.5"] and journals(out) == []


def test_a_later_row_counts_and_one_without_values_takes_it_away(out):
    scores = MetricsFile(out)
    put(scores, out, a=1.0, b=2.0)
    put(scores, out, a=3.0)
    put(scores, out, b=None)
    scores.save()
    assert lines(out) == ["picture,EN", "a.png,3"] and journals(out) == []


def test_a_row_whose_picture_was_not_written_is_gone_in_the_end(out):
    put(MetricsFile(out), out, b=5.0)
    scores = MetricsFile(out)
    put(scores, out, a=1.0)
    scores.add(out / "full.png", {"EN": 1.0})
    scores.add(out / "b.png", {"EN": 6.0})  # the old picture stays
    scores.save()
    assert lines(out) == ["picture,EN", "a.png,1", "b.png,5"]


def test_where_no_picture_could_be_written_nothing_is_left(out):
    scores = MetricsFile(out)
    scores.add(out / "full.png", {"EN": 1.0})
    scores.save()
    assert journals(out) == [] and not (out / "metrics.csv").exists()


def test_an_interrupted_run_leaves_the_rows_of_what_is_still_being_written(out):
    scores = MetricsFile(out)
    put(scores, out, a=1.0)
    scores.add(out / "late.png", {"EN": 2.0})
    scores.save(whole=False)
    assert lines(out) == ["picture,EN", "a.png,1"] and len(journals(out)) == 1
    (out / "late.png").write_bytes(b"")
    MetricsFile(out).save()
    assert lines(out) == ["picture,EN", "a.png,1", "late.png,2"]


def test_a_row_that_was_cut_off_is_dropped(out, monkeypatch):
    (out / "metrics.csv").write_text("picture,EN,SD\na.png,1,2\nb.png,1.2345")
    of_a_dead_process(out, monkeypatch, **{"sub/c": 3.0, "b": 4.0})
    journal = out / journals(out)[0]
    journal.write_bytes(journal.read_bytes()[:-5])
    MetricsFile(out).save()
    assert lines(out) == ["picture,EN,SD", "a.png,1,2", "sub/c.png,3,"] and journals(out) == []


def test_columns_that_are_new_do_not_cost_the_old_rows(out):
    (out / "metrics.csv").write_text("picture,EN\na.png,1\n")
    scores = MetricsFile(out)
    put(scores, out, b=2.0)
    for told in (scores.add, scores.record):
        told(out / "sub" / "c.png", {"VIF": 3.0})
    scores.save()
    assert lines(out) == ["picture,EN,VIF", "a.png,1,", "b.png,2,", "sub/c.png,,3"]


def test_while_a_run_goes_on_its_rows_reach_the_file_now_and_then(out, monkeypatch):
    monkeypatch.setattr(metrics_file, "_MERGE_EVERY", -1.0)
    monkeypatch.setattr(metrics_file, "_MERGE_SHARE", -1.0)
    scores = MetricsFile(out)
    put(scores, out, b=1.0, a=2.0)
    assert lines(out) == ["picture,EN", "a.png,2", "b.png,1"]


def test_two_runs_at_once_keep_the_rows_of_each_other(out):
    one, other = MetricsFile(out), MetricsFile(out)
    put(one, out, a=1.0)
    put(other, out, b=2.0)
    one.save()
    assert len(journals(out)) == 2  # one's stays: the other may write over what it has not seen
    other.save()
    assert lines(out) == ["picture,EN", "a.png,1", "b.png,2"] and journals(out) == []


def test_what_another_run_writes_over_is_merged_again(out, monkeypatch):
    one, other = MetricsFile(out), MetricsFile(out)
    put(one, out, a=1.0)
    put(other, out, b=2.0)
    write = metrics_file.write_bytes

    def late(path, data):  # what the other has read is old when it writes
        monkeypatch.setattr(metrics_file, "write_bytes", write)
        one.save()
        (out / "metrics.csv").write_text("picture,EN\nb.png,2\n")

    monkeypatch.setattr(metrics_file, "write_bytes", late)
    other.save()
    assert lines(out) == ["picture,EN", "a.png,1", "b.png,2"] and journals(out) == []


def test_a_journal_that_was_taken_away_costs_no_row(out):
    scores = MetricsFile(out)
    put(scores, out, a=1.0)
    (out / journals(out)[0]).unlink()
    put(scores, out, b=2.0)
    (out / journals(out)[0]).unlink()
    scores.save()
    assert lines(out) == ["picture,EN", "a.png,1", "b.png,2"]


def test_what_is_no_journal_is_left_alone(out):
    for name in (".metrics.csv.rows", ".metrics.csv.x.rows", ".metrics.csv.abcdef-1-zz"):
        (out / name).write_bytes(b'["a.png", {"EN": "1"}]\n')
    (out / ".metrics.csv.abcdef-1-0.rows").write_bytes(b'\xff\n[]\n["a.png", 3]\n["a.png", {"EN": 1}]\n"else"\n')
    os.utime(out / ".metrics.csv.abcdef-1-0.rows", (1, 1))  # of another machine, and left there for long
    MetricsFile(out).save()
    assert len(list(out.glob(".metrics*"))) == 3 and not (out / "metrics.csv").exists()


def test_a_file_of_somebody_else_is_refused(out):
    (out / "metrics.csv").write_text("name,EN\nx,1\n")
    assert not MetricsFile.is_in(out)
    with pytest.raises(ImageWriteError, match="was not written by dfuse"):
        MetricsFile(out)


def test_a_place_that_takes_no_file(out):
    scores = MetricsFile(out / "a.png")  # a file is no folder
    with pytest.raises(ImageWriteError, match="cannot be written"):
        scores.add(out / "a.png" / "b.png", {"EN": 1.0})


@pytest.mark.parametrize(
    "text", ["picture,EN\na.png,7\n" + "b" * 200_000 + ",1\n", "picture,EN\n" + '"' + "c" * 200_000]
)
def test_a_field_that_is_no_name_and_no_number_is_said(out, text):
    (out / "metrics.csv").write_text(text + "\n")
    assert MetricsFile.is_in(out)
    with pytest.raises(ImageWriteError, match=r"metrics\.csv is damaged \(field larger .*\): move it away"):
        MetricsFile(out)


def test_a_first_line_without_end_is_not_dfuses(out):
    (out / "metrics.csv").write_text("p" * 200_000 + "\n")
    assert not MetricsFile.is_in(out)
    with pytest.raises(ImageWriteError, match="was not written by dfuse"):
        MetricsFile(out)


def test_a_clock_that_was_put_back_brings_no_old_row_back(out, monkeypatch):
    """The journal of a run that was killed last month, when the clock was a month ahead."""
    of_a_dead_process(out, monkeypatch, a=1.0)
    (name,) = journals(out)
    ahead = time.time() + 30 * 24 * 3600
    os.utime(out / name, (ahead, ahead))
    scores = MetricsFile(out)
    put(scores, out, a=2.0)
    scores.save()
    assert lines(out) == ["picture,EN", "a.png,2"]


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_names_that_hold_ends_of_lines_are_read_back(out):
    names = ["a\rb", "c\r\nd", "e\nf", 'g",h', os.fsdecode(b"i\xe9"), "'=1", " j "]
    scores = MetricsFile(out)
    for name in names:
        (out / f"{name}.png").touch()
        put(scores, out, **{name: 1.5})
    scores.save()
    later = MetricsFile(out)
    assert all(later.has(out / f"{name}.png") for name in names)


def test_a_row_that_the_disk_took_in_part_is_an_error(out, monkeypatch):
    """Written in part, as a disk that fills up does, is not written."""
    scores = MetricsFile(out)
    monkeypatch.setattr(journal, "open", lambda *args, **more: Short(*args), raising=False)
    with pytest.raises(ImageWriteError, match="No space left"):
        scores.add(out / "a.png", {"EN": 1.0})


class Short(io.FileIO):
    """A file on a disk that has place for ten bytes."""

    def write(self, data):
        return super().write(data[:10])
