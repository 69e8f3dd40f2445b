import json
import os

import numpy as np
import pytest

from diffuse_fuse.alignment import Calibration, Kind, load_calibration, save_calibration
from diffuse_fuse.errors import AlignmentError

from .conftest import make_map


@pytest.fixture
def calibration():
    return Calibration(make_map(1.23, 0.98, (4.5, -7)), Kind.affine, 12, 10, 0.875, 1.25, 0.5)


def test_what_is_saved_is_read_again(calibration, tmp_path):
    save_calibration(tmp_path / "T.json", calibration)
    again = load_calibration(tmp_path / "T.json")
    assert np.array_equal(again.transform.matrix, calibration.transform.matrix)
    assert again.as_dict() == calibration.as_dict()
    assert [path.name for path in tmp_path.iterdir()] == ["T.json"]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"format": "other"}, "not an alignment file of dfuse"),
        ({"version": 3}, "version 3"),
        ({"version": 2}, "lacks 'field'"),
        ({"version": 2, "field": [0, 0, 0, 9], "vis_size": [9, 9]}, "damaged"),
        ({"version": 2, "field": [0, 0, 9, 9], "vis_size": [9, 9], "zoom": [0, 1]}, "damaged"),
        ({"matrix": [[1, 0], [0, 1]]}, "3×3"),
        ({"matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 0]]}, "not 0"),
        ({"matrix": [[1, 0, 0], [0, 1, "a"], [0, 0, 1]]}, "damaged"),
        ({"matrix": [[1, 0, 0], [0, 1], [0, 0, 1]]}, "damaged"),
        ({"matrix": [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]}, "no pair of cameras"),
        ({"matrix": [[1, 0, 0], [0, 1, 0], [1, 1, 1]]}, "no pair of cameras"),
        ({"matrix": [[1, 0, 0], [0, 1, 1e308], [0, 0, 1]]}, "no pair of cameras"),
        ({"matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 5e-324]]}, "no pair of cameras"),
        ({"matrix": [[1, 0, 0], [0, 1, 0], [-1, 0, 1]]}, "no pair of cameras"),
        ({"size": [0, 5]}, "whole numbers"),
        ({"size": "large"}, "damaged"),
        ({"size": [1e9, 1e9]}, "damaged"),
        ({"kind": "magic"}, "damaged"),
        ({"kind": None}, "damaged"),
        ({"residual_px": 1e999}, "not finite"),
        ({"residual_px": 1e308}, "too large"),
        ({"pairs": "many"}, "damaged"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_anything_else_gets_one_sentence(calibration, tmp_path, change, words):
    whole = {"format": "dfuse-alignment", "version": 1, **calibration.as_dict(), **change}
    (tmp_path / "T.json").write_text(json.dumps(whole))
    with pytest.raises(AlignmentError, match=words):
        load_calibration(tmp_path / "T.json")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[]", b"3", b"[" * 100_000, b"x" * (2 << 20)])
def test_no_json(tmp_path, data):
    (tmp_path / "T.json").write_bytes(data)
    with pytest.raises(AlignmentError):
        load_calibration(tmp_path / "T.json")


def test_a_missing_entry_is_named(calibration, tmp_path):
    whole = {"format": "dfuse-alignment", "version": 1, **calibration.as_dict()}
    del whole["size"]
    (tmp_path / "T.json").write_text(json.dumps(whole))
    with pytest.raises(AlignmentError, match="lacks 'size'"):
        load_calibration(tmp_path / "T.json")


def test_no_file_a_folder_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "pipe"):
        with pytest.raises(AlignmentError, match="no alignment file"):
            load_calibration(path)


def test_where_nothing_can_be_written(calibration, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AlignmentError, match="cannot be written"):
        save_calibration(tmp_path / "file" / "T.json", calibration)
