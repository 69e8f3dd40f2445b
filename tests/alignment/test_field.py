"""The infrared picture is found where it lies in a larger visible one, and nowhere else."""

import cv2
import numpy as np
import pytest

from diffuse_fuse.alignment import (
    Aligner,
    Calibration,
    FoundField,
    Kind,
    Sighting,
    Transform,
    combine_fields,
    find_field,
    load_calibration,
    save_calibration,
)
from diffuse_fuse.alignment.field import matrix_of
from diffuse_fuse.errors import AlignmentError
from diffuse_fuse.images.field import Field

from .conftest import make_scene

SCENE = (640, 480)


def cut(ir, box, size):
    """What an infrared camera of ``size`` pixels sees that shows this box of a scene."""
    x, y, w, h = box
    matrix = np.array([[w / size[0], 0, x + w / size[0] / 2 - 0.5], [0, h / size[1], y + h / size[1] / 2 - 0.5]])
    return cv2.warpAffine(ir, matrix, size, flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT)


def off(field, box):
    """Mean corner distance as a share of the visible picture's diagonal."""
    x, y, w, h = box
    a = np.array([(x, y), (x + w, y), (x, y + h), (x + w, y + h)])
    x, y, w, h = field.x, field.y, field.w, field.h
    b = np.array([(x, y), (x + w, y), (x, y + h), (x + w, y + h)])
    return np.linalg.norm(a - b, axis=1).mean() / np.hypot(*field.size)


@pytest.mark.parametrize(
    "box, size",
    [
        ((60, 90, 420, 336), (320, 256)),
        ((200, 40, 256, 192), (160, 120)),
        ((-50, 120, 360, 270), (320, 240)),
        ((180, 30, 330, 440), (240, 320)),
    ],
    ids=["1.4 times, 5:4 in 4:3", "2.5 times, few pixels", "partly outside", "portrait"],
)
def test_a_field_is_found(box, size):
    ir, vis = make_scene(3, SCENE)
    wide = cv2.copyMakeBorder(ir, 0, 0, 100, 0, cv2.BORDER_REFLECT)
    found = find_field(cut(wide, (box[0] + 100, *box[1:]), size), vis)
    assert found.reason is None and off(found.field, box) < 0.01


def test_the_whole_picture_is_the_whole_picture():
    ir, vis = make_scene(3, SCENE)
    found = find_field(cut(ir, (0, 0, *SCENE), (320, 240)), vis)
    assert found.reason is None and found.field == Field(0, 0, *SCENE, SCENE)


def test_what_does_not_belong_together_is_not_found():
    vis = make_scene(3, SCENE)[1]
    found = find_field(cut(make_scene(8, SCENE)[0], (100, 100, 300, 225), (240, 180)), vis)
    assert found.reason and "No trustworthy field" in found.reason and "--ir-field" in found.reason
    for ir in (np.zeros((120, 160), np.uint8), np.zeros((20, 30), np.uint8)):
        assert find_field(ir, vis).reason


def test_holes_have_no_part():
    ir, vis = make_scene(3, SCENE)
    box = (60, 90, 420, 336)
    picture = cut(ir, box, (320, 256))
    holes = np.zeros(picture.shape, bool)
    holes[:, :60] = True
    found = find_field(np.where(holes, 0, picture).astype(np.uint8), vis, holes)
    assert found.reason is None and off(found.field, box) < 0.01


def sighting(box, size=(320, 240), confidence=0.8, zoom=(1.0, 1.0), vis=SCENE, reason=None):
    field = Field(*box, vis)
    return Sighting(FoundField(field, matrix_of(field, size), confidence, 1.0, reason), size, zoom)


def test_a_rig_s_field_is_the_middle_of_those_that_are_sure():
    seen = [sighting((100 + d, 60, 400, 300)) for d in (-2, 0, 2)]
    rig = combine_fields([*seen, sighting((0, 0, 200, 150)), sighting((9, 9, 99, 99), reason="unsure")])
    assert rig.field.as_list() == [100, 60, 400, 300]
    assert rig.transform.displacement() < 1e-6 and (rig.pairs, rig.used) == (5, 3)


def test_pairs_of_other_zooms_and_sizes_are_brought_together():
    whole = Field(100, 60, 400, 300, SCENE)
    near = whole.zoomed(2, 1)
    half = whole.at_size((320, 240))
    seen = [
        sighting((whole.x, whole.y, whole.w, whole.h)),
        sighting((near.x, near.y, near.w, near.h), zoom=(2.0, 1.0)),
        sighting((half.x, half.y, half.w, half.h), vis=(320, 240)),
    ]
    assert combine_fields(seen).field.as_list() == [100, 60, 400, 300]


def test_no_field_and_fields_apart_are_refused():
    with pytest.raises(AlignmentError, match="in none of 1 pair"):
        combine_fields([sighting((0, 0, 99, 99), reason="unsure")])
    with pytest.raises(AlignmentError, match="disagree"):
        combine_fields([sighting((100 * k, 60 * k, 200, 150)) for k in range(4)])
    with pytest.raises(AlignmentError, match="one camera"):
        combine_fields([sighting((100, 60, 400, 300)), sighting((0, 0, 99, 99), vis=(480, 480))])


@pytest.fixture
def rig():
    return Calibration(
        Transform.identity((400, 300)),
        Kind.similarity,
        3,
        3,
        0.9,
        1.0,
        0.5,
        Field(100, 60, 400, 300, SCENE),
        (1.0, 1.0),
    )


def test_a_file_holds_the_field(rig, tmp_path):
    save_calibration(tmp_path / "T.json", rig)
    assert load_calibration(tmp_path / "T.json").as_dict() == rig.as_dict()


def test_a_rig_s_field_follows_size_and_zoom(rig):
    assert rig.field_for((1280, 960)).as_list() == [200, 120, 800, 600]
    assert rig.field_for(SCENE, (2.0, 1.0)).as_list() == [200, 135, 200, 150]
    with pytest.raises(AlignmentError, match="640×480 and this one is 500×500"):
        rig.field_for((500, 500))
    located = Aligner(calibration=rig).locate(np.zeros((9, 9)), np.zeros((480, 640, 3)), None, (1.0, 1.0), False)
    assert located.field == rig.field and located.report["source"] == "file"


def test_an_alignment_that_fails_looks_for_a_field():
    ir, vis = make_scene(3, SCENE)
    box = (150, 100, 320, 240)
    picture = cv2.resize(cut(ir, box, (320, 240)), SCENE)
    aligned = Aligner().align(picture, vis)
    assert aligned.field and off(aligned.field, box) < 0.01 and not aligned.warnings
    assert aligned.ir.shape == (aligned.field.inside()[3] - aligned.field.inside()[1], aligned.ir.shape[1])
    assert Aligner().align(ir, vis).field is None
