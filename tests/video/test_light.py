"""The light that frames are fused with: it follows the scene slowly."""

import numpy as np
import pytest

from diffuse_fuse.fusion.relight import scene_light
from diffuse_fuse.video.light import SteadyLight
from diffuse_fuse.video.thermal import SECONDS


def frame(bus: bool, seed: int = 0):
    """Noon, and a large dark bus that is hot: ir, vis."""
    rng = np.random.default_rng(seed)
    ir, vis = rng.integers(40, 80, (120, 160), dtype=np.uint8), rng.integers(150, 250, (120, 160, 3), dtype=np.uint8)
    if bus:
        ir[5:115, 5:155], vis[5:115, 5:155] = 200, (30, 20, 20)
    return ir, vis


def test_a_bus_that_passes_moves_the_light_slowly():
    light, fps = SteadyLight(25), 25
    alone = [scene_light(*frame(bus)) for bus in (False, True)]
    assert alone[0].amount - alone[1].amount > 0.5 and alone[1].mean - alone[0].mean > 0.2
    before = light(*frame(False))
    first = light(*frame(True))
    assert abs(first.amount - before.amount) < 0.03 and abs(first.mean - before.mean) < 0.01
    for _ in range(int(6 * SECONDS * fps)):
        last = light(*frame(True))
    assert last.amount == pytest.approx(alone[1].amount, abs=0.01)
    assert last.mean == pytest.approx(alone[1].mean, abs=0.01)


def test_it_begins_with_the_first_frame_and_a_given_balance_stays():
    assert SteadyLight(25)(*frame(False)) == scene_light(*frame(False))
    light = SteadyLight(25, 0.25)
    assert [round(light(*frame(bus)).amount, 9) for bus in (False, True)] == [0.75, 0.75]
