"""Maps keep their place, and drones' pictures how the camera stood."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from diffuse_fuse.errors import ImageWriteError, PairError
from diffuse_fuse.images import OutputMetadata, load_pair, write_image
from diffuse_fuse.images.container import read_blocks
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.place import read_place
from diffuse_fuse.images.provenance import read_provenance
from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_world_file

from . import made

KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632)
DRONE = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="DJI Meta Data"
 xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" drone-dji:AbsoluteAltitude="+115.20"
 drone-dji:RelativeAltitude="+60.30" drone-dji:GimbalPitchDegree="-89.90" drone-dji:SelfData="&lt;secret&gt;">
<drone-dji:FlightYawDegree>+12.5</drone-dji:FlightYawDegree></rdf:Description></rdf:RDF></x:xmpmeta>"""


def geo(step: float, x: float = 500000.0, y: float = 5400000.0, keys=KEYS):
    tie = (0.0, 0.0, 0.0, x, y, 0.0)
    return [(33550, "d", 3, (step, step, 0.0), True), (33922, "d", 6, tie, True), (34735, "H", len(keys), keys, True)]


@pytest.fixture
def maps(tmp_path, scene):
    def write(vis_at: list, ir_at: list):
        tifffile.imwrite(tmp_path / "vis.tif", scene[1], photometric="rgb", extratags=vis_at)
        counts = 29000 + scene[0].astype(np.uint16) * 6
        tifffile.imwrite(tmp_path / "ir.tif", counts, photometric="minisblack", extratags=ir_at)
        return tmp_path / "ir.tif", tmp_path / "vis.tif"

    return write


@pytest.mark.parametrize("depth", [8, 16])
def test_the_tags_of_a_map_are_kept(maps, tmp_path, depth):
    pair = load_pair(*maps(geo(0.1), geo(0.1)))
    vis = pair.vis if depth == 8 else pair.vis.astype(np.uint16) * 257
    assert not any("ground" in text for text in pair.warnings)
    write_image(tmp_path / "out.tif", vis, OutputMetadata(pair.metadata, made.PROVENANCE))
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        tags = {tag.code: tag.value for tag in file.pages[0].tags}
        assert tags[34735] == KEYS and tags[33550] == (0.1, 0.1, 0.0) and tags[33922][3:5] == (500000.0, 5400000.0)
    assert np.array_equal(read_image(tmp_path / "out.tif"), vis)
    write_image(tmp_path / "side.tif", np.hstack([vis, vis]), OutputMetadata(pair.metadata, made.PROVENANCE))
    assert read_place((tmp_path / "side.tif").read_bytes()) is None
    hidden = load_pair(tmp_path / "ir.tif", tmp_path / "vis.tif", LoadOptions(gps=False))
    assert hidden.metadata.place is None


def test_a_world_file_for_other_formats(maps, tmp_path):
    pair = load_pair(*maps(geo(0.1), geo(0.1)))
    assert write_world_file(tmp_path / "a.png", pair.vis, OutputMetadata(pair.metadata)) == ()
    lines = [float(line) for line in (tmp_path / "a.wld").read_text().split()]
    assert lines == pytest.approx([0.1, 0, 0, -0.1, 500000.05, 5399999.95])
    assert "No .wld" in write_world_file(tmp_path / "b.png", pair.vis[1:], OutputMetadata(pair.metadata))[0]
    assert not (tmp_path / "b.wld").exists()


def test_a_world_file_of_others_is_not_replaced(maps, tmp_path):
    """It may belong to a picture of theirs that has the same name and another suffix."""
    pair = load_pair(*maps(geo(0.1), geo(0.1)))
    told = OutputMetadata(pair.metadata)
    (tmp_path / "a.wld").write_text("1\n0\n0\n-1\n0\n0\n")
    with pytest.raises(ImageWriteError, match="a.wld exists and gives another position"):
        write_world_file(tmp_path / "a.png", pair.vis, told)
    assert (tmp_path / "a.wld").read_text().startswith("1\n")
    write_world_file(tmp_path / "a.png", pair.vis, told, overwrite=True)
    assert (tmp_path / "a.wld").read_text().startswith("0.1\n")
    assert write_world_file(tmp_path / "a.png", pair.vis, told) == ()  # the same again, after a kill


def test_an_infrared_map_gives_its_place_to_a_picture_without(maps):
    pair = load_pair(*maps([], geo(0.1)))
    assert pair.metadata.place.affine[0] == pytest.approx(0.1)


def test_two_grids_are_cut_to_what_both_show(maps, scene):
    height, width = scene[0].shape
    ir, vis = maps(geo(0.1), geo(0.1, x=500001.0, y=5399999.5))  # 10 columns to the right, 5 rows down
    pair = load_pair(ir, vis)
    assert pair.vis.shape[:2] == (height - 5, width - 10)
    assert np.array_equal(pair.vis, scene[1][5:, 10:]) and "cropped to their overlap" in " ".join(pair.warnings)
    place = pair.metadata.place
    assert place.size == pair.vis.shape[:2]
    assert place.affine[2] == pytest.approx(500001.0) and place.affine[5] == pytest.approx(5399999.5)
    ours, theirs = pair.ir.astype(float), scene[0][: height - 5, : width - 10].astype(float)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.98


def test_maps_that_are_no_pair(maps):
    with pytest.raises(PairError, match="do not overlap"):
        load_pair(*maps(geo(0.1), geo(0.1, x=900000.0)))
    other = (*KEYS[:-1], 32633)
    assert "different coordinate systems" in " ".join(load_pair(*maps(geo(0.1), geo(0.1, keys=other))).warnings)


@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
@pytest.mark.parametrize("gps", [True, False])
def test_how_a_drone_stood(tmp_path, scene, suffix, gps):
    Image.fromarray(scene[1]).save(tmp_path / "vis.jpg", xmp=DRONE)
    write_image(tmp_path / "ir.png", scene[0])
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.jpg", LoadOptions(gps=gps))
    out = tmp_path / f"out.{suffix}"
    write_image(out, pair.vis, OutputMetadata(pair.metadata, made.PROVENANCE))
    packet = read_blocks(io.BytesIO(out.read_bytes())).xmp.decode()
    assert 'drone-dji:GimbalPitchDegree="-89.90"' in packet and 'drone-dji:FlightYawDegree="+12.5"' in packet
    assert 'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"' in packet and "secret" not in packet
    assert ('drone-dji:RelativeAltitude="+60.30"' in packet) is gps
    assert read_provenance(out).digest() == made.PROVENANCE.digest()
