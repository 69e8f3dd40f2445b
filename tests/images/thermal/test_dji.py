"""DJI's R-JPEGs: seven real ones, and made ones of the Zenmuse XT S."""

import struct

import numpy as np
import pytest

from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.thermal import read_thermal

from .. import flir_file as make

# lowest and highest raw count of each file
REAL = {
    "H20N.JPG": (17636, 18136),
    "H20T.JPG": (14141, 20338),
    "M2EA.JPG": (17228, 20036),
    "M30T.JPG": (3127, 4172),
    "M3T.JPG": (18980, 20144),
    "M3TD.JPG": (4642, 4877),
    "XTS.JPG": (3750, 6107),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_give_their_counts(dji, name):
    data = (dji / name).read_bytes()
    thermal = read_thermal(data, name)
    assert thermal.unit == "counts" and thermal.values.shape == (512, 640)
    assert (thermal.values.min(), thermal.values.max()) == REAL[name]
    shown = decode(data, name).array.astype(float)
    grey = shown if shown.ndim == 2 else shown.mean(axis=2)
    order = np.argsort(thermal.values, axis=None)  # the picture on top grows with the counts: they lie right
    cold, hot = (grey.ravel()[part].mean() for part in (order[: order.size // 10], order[-order.size // 10 :]))
    assert hot > cold + 50


def test_the_zenmuse_xt_s_keeps_its_counts_in_app4(photo):
    counts = (3700 + np.arange(48 * 64).reshape(48, 64)).astype(np.uint16)
    jpeg, raw = make.encode(".jpg", photo), counts.astype("<u2").tobytes()
    parts = [raw[at : at + 900] for at in range(0, len(raw), 900)]
    segments = b"\xff\xe3" + struct.pack(">H", 202) + bytes(200)
    segments += b"".join(b"\xff\xe4" + struct.pack(">H", len(part) + 2) + part for part in parts)
    thermal = read_thermal(jpeg[:2] + segments + jpeg[2:], "a.jpg")
    assert thermal.unit == "counts" and np.array_equal(thermal.values, counts)
