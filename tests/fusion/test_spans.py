"""Parts of a side: together the whole of it, each with enough of its neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffuse_fuse.fusion.spans import reflected, spans


@given(st.integers(16, 900), st.integers(1, 7), st.integers(0, 5), st.sampled_from([4, 8, 32]))
def test_parts_make_up_the_side_and_see_their_neighbours(size, parts, overlap_cells, cell):
    overlap, padded = overlap_cells * cell, size + -size % cell
    found = list(spans(size, parts, overlap, cell))
    assert len(found) <= parts and found[0].start == found[0].out.start == 0
    assert [s.out.stop for s in found] == [*(s.out.start for s in found[1:]), size]
    places = np.arange(size)
    for span in found:
        assert span.start % cell == span.stop % cell == span.out.start % cell == 0
        assert span.start == max(0, span.out.start - overlap)
        assert span.stop == min(padded, span.out.stop + -span.out.stop % cell + overlap)
        assert np.array_equal(span.of(places, 0)[span.inside], places[span.out])


@pytest.mark.parametrize("axis", [0, 1])
def test_beyond_the_last_place_the_picture_is_reflected(axis):
    array = np.arange(5 * 6 * 3).reshape(5, 6, 3)
    size = array.shape[axis]
    found = np.moveaxis(reflected(array, 2, size + 3, axis), axis, 0)
    whole = np.moveaxis(array, axis, 0)
    assert np.array_equal(found[: size - 2], whole[2:])
    assert np.array_equal(found[size - 2 :], whole[[-2, -3, -4]])
    assert np.shares_memory(reflected(array, 1, size, axis), array)
