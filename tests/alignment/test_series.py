import numpy as np
import pytest

from diffuse_fuse.alignment import CONFIDENT, Estimate, Kind, Transform, combine
from diffuse_fuse.errors import AlignmentError

from .conftest import SIZE, make_map


def estimates(truth: Transform, count: int, noise: float, kind: Kind = Kind.similarity) -> list[Estimate]:
    rng = np.random.default_rng(5)
    series = []
    for _ in range(count):
        noisy = make_map(rng.normal(0, noise / 10), 1, tuple(rng.normal(0, noise, 2))).matrix @ truth.matrix
        series.append(Estimate(Transform(noisy, SIZE), kind, confidence=0.9, residual=1.0, residual_before=9.0))
    return series


def test_the_middle_is_nearer_than_one_estimate():
    truth = make_map(1, 1.02, (12, -4))
    series = estimates(truth, 40, 1.5)
    calibration = combine(series, CONFIDENT)
    assert calibration.transform.distance(truth) < 0.7
    assert (calibration.pairs, calibration.kind) == (40, Kind.similarity)
    assert calibration.used >= 35 and 0.5 < calibration.spread < 4


def test_outliers_and_the_doubtful_do_not_count():
    truth = make_map(-1, 0.98, (3, 8))
    good = estimates(truth, 20, 0.5)
    outliers = [Estimate(make_map(shift=(-40, 30)), Kind.similarity, 0.8, 1.0, 1.0)] * 8
    doubtful = [Estimate(make_map(shift=(90, 90)), Kind.similarity, 0.1, 9.0, 9.0, "no", True)] * 40
    calibration = combine(good + outliers + doubtful, CONFIDENT)
    assert calibration.transform.distance(truth) < 0.7
    assert calibration.pairs == 68 and 15 <= calibration.used <= 20


def test_order_does_not_matter():
    series = estimates(make_map(1, 1, (5, 5)), 9, 1.0)
    assert combine(series, CONFIDENT).as_dict() == combine(series[::-1], CONFIDENT).as_dict()


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_fitted_exactly(kind):
    matrices = {
        Kind.shift: make_map(shift=(3, 4)).matrix,
        Kind.similarity: make_map(2, 1.03, (3, 4)).matrix,
        Kind.affine: np.array([[1.01, 0.02, 3], [-0.01, 0.97, 5], [0, 0, 1]]),
        Kind.homography: np.array([[1.01, 0.02, 3], [-0.01, 0.97, 5], [1e-4, -5e-5, 1]]),
    }
    truth = Transform(matrices[kind], SIZE)
    calibration = combine([Estimate(truth, kind, 0.9, 1.0, 9.0)] * 3, CONFIDENT)
    assert calibration.transform.distance(truth) < 1e-3 and calibration.spread < 1e-6


def test_sizes_of_one_aspect_are_brought_together():
    truth = make_map(1, 1, (5, 5))
    series = [Estimate(truth.at_size(size), Kind.similarity, 0.9, 1.0, 9.0) for size in (SIZE, (640, 480), (960, 720))]
    assert combine(series, CONFIDENT).transform.distance(truth) < 1e-6


def test_too_few_that_can_be_trusted():
    doubtful = Estimate(make_map(), Kind.similarity, 0.1, 9.0, 9.0, "no", True)
    with pytest.raises(AlignmentError, match="Only 0 of 2 pairs"):
        combine([doubtful] * 2, CONFIDENT)
