import numpy as np
import pytest

from diffuse_fuse.alignment import Transform
from diffuse_fuse.alignment.transform import resample
from diffuse_fuse.errors import AlignmentError

from .conftest import SIZE, make_map


def test_the_parts_of_a_similarity_are_read_off():
    shift, scale, angle = make_map(-1.25, 1.02, (4, -7)).about_centre()
    assert shift == pytest.approx((4, -7)) and scale == pytest.approx(1.02) and angle == pytest.approx(1.25)


def test_at_another_size_the_same_parts_of_the_picture_meet():
    transform = make_map(1.1, 0.97, (8, 2))
    twice = transform.at_size((640, 480))
    # pixel centres of the enlarged picture: x -> 2x + 1/2
    assert twice.corners() == pytest.approx(
        2
        * np.array(
            [
                (transform.matrix @ (x, y, 1))[:2]
                for x, y in ((-0.25, -0.25), (319.25, -0.25), (319.25, 239.25), (-0.25, 239.25))
            ]
        )
        + 0.5
    )
    assert twice.at_size(SIZE).matrix == pytest.approx(transform.matrix)
    assert transform.at_size(SIZE).matrix == pytest.approx(transform.matrix)


def test_another_aspect_is_refused():
    with pytest.raises(AlignmentError, match="320×240 and these are 320×200"):
        make_map().at_size((320, 200))


def test_distance_is_the_mean_corner_distance():
    assert make_map(shift=(3, 4)).displacement() == pytest.approx(5)
    assert make_map(shift=(3, 4)).distance(make_map(shift=(3, 4))) == 0


@pytest.mark.parametrize(
    "matrix, sane",
    [
        (make_map(3, 1.1, (30, 20)).matrix, True),
        (np.diag([-1.0, 1, 1]), False),
        (np.diag([0.3, 0.3, 1]), False),
        (np.diag([3.0, 3, 1]), False),
        (np.full((3, 3), np.nan), False),
    ],
)
def test_sane(matrix, sane):
    assert Transform(matrix, SIZE).is_sane() is sane


def test_resample_reads_at_the_transformed_place():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    moved = resample(image, np.array([[1.0, 0, 1], [0, 1, 0], [0, 0, 1]]), (4, 3))
    assert np.array_equal(moved, np.column_stack([image[:, 1:], np.zeros(3)]))
