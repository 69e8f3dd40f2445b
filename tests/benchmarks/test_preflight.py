"""The time that is announced, beside the time taken."""

import preflight
import pytest


@pytest.mark.slow
def test_a_row_for_each_model_and_size(tiny_model, capsys):
    preflight.main(model=[str(tiny_model)], size=["32x16", "48x32"], data=None, seconds=0.1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[1] for line in lines[2:]] == ["32×16", "48×32"]
    announced, taken, ratio = map(float, lines[2].split(" | ")[3:6])
    assert announced >= 0 and taken > 0 and ratio > 0
