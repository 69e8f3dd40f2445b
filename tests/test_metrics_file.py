"""metrics.csv: rows are added while a run goes on, and brought into order at its end."""

import pytest

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


def test_a_row_is_in_the_file_at_once(out):
    scores = MetricsFile(out)
    scores.add(out / "sub" / "c.png", {"EN": 1.5})
    scores.add(out / "a.png", {"EN": 2.0})
    assert lines(out) == ["picture,EN", "sub/c.png,1.5", "a.png,2"]
    # killed here: the next run finds both and orders them
    later = MetricsFile(out)
    later.save()
    assert lines(out) == ["picture,EN", "a.png,2", "sub/c.png,1.5"]


def test_a_later_row_counts_and_one_without_values_takes_it_away(out):
    scores = MetricsFile(out)
    for name, value in (("a.png", 1), ("b.png", 2), ("a.png", 3)):
        scores.add(out / name, {"EN": value})
        scores.record(out / name, {"EN": value})
    scores.add(out / "b.png", {})
    assert lines(out)[-1] == "b.png,"
    MetricsFile(out).save()
    assert lines(out) == ["picture,EN", "a.png,3"]


def test_a_row_whose_picture_was_not_written_is_gone_in_the_end(out):
    scores = MetricsFile(out)
    scores.add(out / "a.png", {"EN": 1.0})
    scores.record(out / "a.png", {"EN": 1.0})
    scores.add(out / "full.png", {"EN": 1.0})
    scores.save()
    assert lines(out) == ["picture,EN", "a.png,1"]


def test_a_row_that_was_cut_off_is_dropped(out):
    (out / "metrics.csv").write_text("picture,EN,SD\na.png,1,2\nb.png,1.2345")
    scores = MetricsFile(out)
    scores.add(out / "sub" / "c.png", {"EN": 3.0, "SD": 4.0})
    scores.record(out / "sub" / "c.png", {"EN": 3.0, "SD": 4.0})
    scores.save()
    assert lines(out) == ["picture,EN,SD", "a.png,1,2", "sub/c.png,3,4"]


def test_columns_that_are_new_do_not_cost_the_old_rows(out):
    (out / "metrics.csv").write_text("picture,EN\na.png,1\n")
    scores = MetricsFile(out)
    scores.add(out / "b.png", {"EN": 2.0})
    scores.add(out / "sub" / "c.png", {"VIF": 3.0})
    assert lines(out) == ["picture,EN,VIF", "a.png,1,", "b.png,2,", "sub/c.png,,3"]


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
