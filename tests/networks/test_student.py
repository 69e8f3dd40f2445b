"""The student network: what it computes, costs and sees."""

import pytest
import torch

from diffuse_fuse.bench import macs_per_pixel
from diffuse_fuse.checkpoint import Weights, load_weights, save_weights
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.fusion.model import load_model
from diffuse_fuse.networks.colour import luma
from diffuse_fuse.networks.run import WHOLE
from diffuse_fuse.networks.student import SIZES, StudentConfig, StudentModel, from_cells, next_octave, to_cells

from ..fusion.conftest import pair, random_student


@pytest.mark.parametrize("size", SIZES)
def test_untrained_student_is_max(size):
    ir, vis = pair()
    torch.testing.assert_close(StudentModel(SIZES[size])(ir, vis), torch.maximum(luma(vis), ir))


def test_cells_are_the_pixels_of_a_square():
    x = torch.arange(8 * 12.0).view(1, 1, 8, 12)
    cells = to_cells(x)
    assert cells.shape == (1, 16, 2, 3)
    assert torch.equal(cells[0, :, 1, 2], x[0, 0, 4:8, 8:12].flatten())
    assert torch.equal(cells, torch.nn.functional.pixel_unshuffle(x, 4))
    assert cells.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(from_cells(cells), x)


def test_octaves_and_what_is_coarser_add_up_to_the_picture():
    x = torch.rand(2, 2, 16, 24, generator=torch.Generator().manual_seed(1))
    octave, coarser = next_octave(x)
    torch.testing.assert_close(coarser, torch.nn.functional.avg_pool2d(x, 2))
    torch.testing.assert_close(octave + WHOLE.enlarge(coarser), x)
    assert next_octave(torch.full((1, 1, 16, 16), 0.3))[0].abs().max() < 1e-6


@pytest.mark.parametrize(("size", "limit"), [("fast", 12700), ("tiny", 2100)])
def test_multiply_adds_are_those_of_the_layers(size, limit):
    config = SIZES[size]
    cells = [16 * 4**level for level in range(len(config.channels))]
    blocks = sum(2 * n * 9 * c * c / cell for c, n, cell in zip(config.channels, config.blocks, cells, strict=True))
    changes = sum(
        (4 + 1) * fine * coarse / cell
        for fine, coarse, cell in zip(config.channels, config.channels[1:], cells[1:], strict=False)
    )
    if fine := config.fine:
        outer = (48 + config.channels[0]) * 4 * fine / 16 + 4 * fine * 3 * 16 / 16 + 48 * config.channels[0] / 16
        blocks += config.fine_blocks * 9 * 2 * fine * 2 * fine / 4
    else:
        outer = (48 + 3 * 16) * config.channels[0] / 16
    outer += sum(2 * c / cell for c, cell in zip(config.channels[: config.octaves], cells, strict=False))
    found = macs_per_pixel(StudentModel(config))
    assert found == pytest.approx(blocks + changes + outer) and found < limit
    assert StudentModel(config).passes == 1


@pytest.mark.parametrize(
    "config",
    [
        StudentConfig((8,), (2,)),
        StudentConfig((8, 8, 16), (1, 1, 1)),
        StudentConfig((8, 8), (0, 2)),
        StudentConfig((8, 8, 8), (0, 0, 0), octaves=2),
        StudentConfig((8, 8), (1, 1), fine=12),
        SIZES["tiny"],
    ],
)
def test_a_cell_is_seen_as_far_as_the_reach_says(config):
    model = random_student(config)
    cell, far = config.multiple, config.reach
    at = -(-far // cell) * cell
    size = 2 * at + cell
    ir, vis = torch.rand(1, 1, size, size), torch.rand(1, 3, size, size)
    changed = ir.clone()
    changed[:, :, at : at + cell, at : at + cell] = 1 - ir[:, :, at : at + cell, at : at + cell]
    with torch.inference_mode():
        differs = (model(ir, vis) != model(changed, vis))[0, 0].nonzero()
    nearest, farthest = differs.min(dim=0).values, differs.max(dim=0).values
    assert (nearest >= at - far).all() and (farthest < at + cell + far).all()
    # a pixel of the finest cells sees a little less, since its coarse neighbours are left out
    assert (nearest < at).all() and (farthest >= at + cell).all()


def test_sources_both_matter_and_colour_does_not():
    model = random_student()
    ir, vis = pair()
    base = model(ir, vis)
    assert not torch.allclose(base, model(1 - ir, vis), atol=0.05)
    assert not torch.allclose(base, model(ir, 1 - vis), atol=0.05)
    assert torch.allclose(base, model(ir, luma(vis).expand(-1, 3, -1, -1)), atol=1e-4)


def test_model_comes_back_from_its_file(tmp_path):
    model = random_student()
    path = tmp_path / "s.safetensors"
    save_weights(path, Weights("student", model.config(), {}, model.state_dict()), dtype=torch.float32)
    again = load_model(path)
    assert isinstance(again, StudentModel) and not again.training and again.hyper == model.hyper
    with torch.inference_mode():
        assert torch.equal(again(*pair()), model(*pair()))
    with pytest.raises(WeightsError, match="holds student weights, but fusion weights are needed"):
        load_weights(path, "fusion")


def test_configurations_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="the same levels"):
        StudentConfig((8, 8), (1,))
    with pytest.raises(WeightsError, match="octaves above a cell"):
        StudentConfig((8, 8), (1, 1), octaves=2)
    with pytest.raises(WeightsError, match="12 channels or more"):
        StudentConfig((8, 8), (1, 1), fine=8)
    model = random_student()
    path = tmp_path / "s.safetensors"
    save_weights(path, Weights("student", {**model.config(), "width": 8}, {}, model.state_dict()))
    with pytest.raises(WeightsError, match="does not know"):
        load_model(path)
    save_weights(path, Weights("student", {"channels": [8], "blocks": [1]}, {}, model.state_dict()))
    with pytest.raises(WeightsError, match="does not fit its configuration"):
        load_model(path)


def test_weights_of_less_precision_correct_a_luma_of_full_precision():
    model = random_student(SIZES["tiny"], 0.02)
    ir, vis = pair()
    with torch.inference_mode():
        full = model(ir, vis)
        assert (full - torch.maximum(luma(vis), ir)).abs().max() > 0.05  # it does correct
        coarse = model.to(torch.bfloat16)(ir, vis)
    assert coarse.dtype == torch.float32
    assert (coarse - full).abs().max() < 1 / 255
