"""The times beside busy loops."""

import busy
import pytest


def test_the_loops_are_there_and_end():
    with busy.busy(2) as loops:
        assert [loop.poll() for loop in loops] == [None, None]
    assert all(loop.returncode for loop in loops)


@pytest.mark.slow
def test_a_row_for_each_number_of_loops(tiny_model, capsys):
    busy.main(model=str(tiny_model), size="32x16", loops="0,1", runs=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[-2:]] == ["| 0", "| 1"]
    assert "GOMP_SPINCOUNT=10000" in lines[-4]
