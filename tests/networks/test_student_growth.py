"""Students that grow: the same picture until what is new has learnt."""

import pytest
import torch

from diffuse_fuse.errors import UsageError
from diffuse_fuse.networks.colour import luma
from diffuse_fuse.networks.run import WHOLE
from diffuse_fuse.networks.student import StudentConfig, next_octave, to_cells
from diffuse_fuse.networks.student_growth import grown

from ..fusion.conftest import pair, random_student


def test_a_grown_student_gives_what_it_gave():
    """Until what is new is learnt; a gain of 1 adds its octave once more."""
    old, (ir, vis) = random_student(), pair()
    new = grown(old, StudentConfig((16, 8, 24), (1, 2, 3), octaves=2))
    assert new.hyper.octaves == 2 and new.hyper.channels == (16, 8, 24) and new.hyper.blocks == (1, 2, 3)
    with torch.inference_mode():
        torch.testing.assert_close(new(ir, vis), old(ir, vis))
        new.octave_gains[1].bias[0] = 1.0  # of the visible picture's second octave
        more = new(ir, vis) - old(ir, vis)
    second, _ = next_octave(next_octave(to_cells(luma(vis)).mean(dim=1, keepdim=True))[1])
    torch.testing.assert_close(more, WHOLE.enlarge(WHOLE.enlarge(WHOLE.enlarge(second))), atol=1e-5, rtol=1e-4)
    for smaller in (StudentConfig((8, 8, 8), (1, 1, 1)), StudentConfig((8, 8), (1, 1))):
        with pytest.raises(UsageError, match="cannot grow"):
            grown(old, smaller)


def test_a_student_grows_a_fine_level_and_gives_what_it_gave():
    old, (ir, vis) = random_student(), pair()
    new = grown(old, StudentConfig((8, 16, 16), (1, 1, 1), octaves=1, fine=14, fine_blocks=1))
    deeper = grown(new, StudentConfig((8, 16, 16), (1, 1, 1), octaves=1, fine=14, fine_blocks=3))
    wider = grown(new, StudentConfig((16, 16, 16), (1, 1, 1), octaves=2, fine=14, fine_blocks=1))
    with torch.inference_mode():
        for student in (new, deeper, wider):
            torch.testing.assert_close(student(ir, vis), old(ir, vis), atol=1e-5, rtol=1e-5)
        new.fine.outputs[0].bias[5] = 0.25  # the offset of a cell's pixel (1, 1)
        more = (new(ir, vis) - old(ir, vis))[0, 0]
    assert more[1::4, 1::4].allclose(torch.tensor(0.25), atol=1e-4) and more[::4].abs().max() < 1e-4
    for other in (StudentConfig((8, 16, 16), (1, 1, 1), 1), StudentConfig((8, 16, 16), (1, 1, 1), 1, fine=16)):
        with pytest.raises(UsageError, match="cannot grow"):
            grown(new, other)
