"""The table of speed: its rows, and that both kinds of process run."""

import pytest
import speed_table
from typer.testing import CliRunner


def test_a_row_says_what_dfuse_bench_measured():
    row = {"model": "fast", "width": 640, "height": 480, "median": 0.0317, "fastest": 0.024, "slowest": 0.0402}
    row |= {"seconds_per_megapixel": 0.0317 / 0.3072, "peak_memory": 337_400_000}
    expected = "| fast | 640×480 | 0.0317 (0.024 to 0.0402) | 31.5 | 0.103 | 337 |"
    assert speed_table.described(row) == expected
    assert speed_table.described({**row, "peak_memory": None}).endswith("| – |")


def test_numbers_have_three_digits_and_no_exponent():
    assert [speed_table.significant(value) for value in (0.03171, 3.614, 61.94, 341.8, 4321.7)] == [
        *("0.0317", "3.61", "61.9", "342", "4322"),
    ]


@pytest.mark.long
def test_a_large_picture_is_compared_with_one_of_a_megapixel(tiny_model, monkeypatch):
    monkeypatch.setattr(speed_table, "ONE_MEGAPIXEL", "32x32")
    result = CliRunner().invoke(speed_table.app, ["--large", "--size", "64x64", "--model", str(tiny_model)])
    assert result.exit_code == 0, result.output
    rows = [line.split(" | ") for line in result.stdout.splitlines() if "×" in line]
    assert [row[1] for row in rows] == ["32×32", "64×64"]
    assert all(float(row[2]) > 0 and row[4].endswith("%") for row in rows)
