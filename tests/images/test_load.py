import numpy as np
import pytest
import tifffile

from diffuse_fuse.errors import PairError
from diffuse_fuse.images.load import load_pair, looks_swapped, match_sizes
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.write import write_image


def test_a_pair_of_one_size_needs_no_warning(tmp_path, scene):
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png")
    assert np.array_equal(pair.ir, scene[0]) and np.array_equal(pair.vis, scene[1]) and pair.warnings == ()


def test_a_file_of_many_channels_is_warned_of(tmp_path, scene):
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    tifffile.imwrite(tmp_path / "bands.tif", np.stack([scene[0]] * 5, -1), photometric="rgb")
    for kind, paths in (("visible", ("ir.png", "bands.tif")), ("infrared", ("bands.tif", "vis.png"))):
        warnings = load_pair(*(tmp_path / path for path in paths)).warnings
        assert warnings == (f"The {kind} file has 5 channels: the first three are read as red, green and blue.",)


def test_a_visible_picture_that_uses_few_of_its_bits_is_warned_of(tmp_path, scene):
    write_image(tmp_path / "ir.png", scene[0])
    for factor, bits in ((4, 10), (16, 12), (257, 16)):
        write_image(tmp_path / "vis.png", np.maximum(scene[1], 200).astype(np.uint16) * factor)
        warnings = load_pair(tmp_path / "ir.png", tmp_path / "vis.png").warnings
        assert [f"uses {bits} of its 16 bits" in warning for warning in warnings] == [True] * (bits < 16)


def test_a_swapped_pair_is_noticed(tmp_path, scene):
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    pair = load_pair(tmp_path / "vis.png", tmp_path / "ir.png")
    assert len(pair.warnings) == 1 and "swapped" in pair.warnings[0]


def test_swapped_only_when_colour_says_so(scene):
    ir, vis = scene
    assert looks_swapped(vis, ir)
    assert looks_swapped(vis.astype(np.uint16) * 257, np.stack([ir] * 3, -1))
    assert not looks_swapped(ir, vis)
    assert not looks_swapped(ir, ir)  # a grey visible picture is nothing odd
    assert not looks_swapped(vis, vis)  # nor an infrared one in false colours
    assert not looks_swapped(np.zeros((4, 4, 3), np.uint8), ir)


@pytest.mark.parametrize("shape", [(74, 90), (19, 23), (73, 90)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_infrared_picture_is_brought_to_the_visible_size(shape, dtype):
    ir = np.full(shape, 0.5).astype(np.float32) if dtype is np.float32 else np.full(shape, 90, np.uint8)
    resized, warning = match_sizes(ir, np.zeros((37, 45, 3), np.uint8))
    assert resized.shape == (37, 45) and resized.dtype == dtype and np.ptp(resized) < 1e-6
    assert f"{shape[1]}×{shape[0]}" in warning and "45×37" in warning


@pytest.mark.parametrize("shape, words", [((45, 37), "90°"), ((37, 60), "--ir-field"), ((100, 100), "--ir-field")])
def test_other_fields_of_view_are_refused_with_both_sizes(shape, words):
    with pytest.raises(PairError, match=words) as caught:
        match_sizes(np.zeros(shape, np.uint8), np.zeros((37, 45, 3), np.uint8))
    assert f"{shape[1]}×{shape[0]}" in str(caught.value) and "45×37" in str(caught.value)


@pytest.mark.parametrize("size, shape", [("vis", (37, 45)), ("ir", (30, 45))])
def test_other_proportions_are_stretched_on_request(tmp_path, scene, size, shape):
    write_image(tmp_path / "ir.png", scene[0][:30])
    write_image(tmp_path / "vis.png", scene[1])
    with pytest.raises(PairError, match="add --stretch"):
        load_pair(tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(size=size))
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(size=size, stretch=True))
    assert pair.ir.shape == pair.vis.shape[:2] == shape and "resized, and stretched by 23%" in pair.warnings[0]


def test_two_percent_is_the_limit():
    vis = np.zeros((1000, 1000, 3), np.uint8)
    assert match_sizes(np.zeros((500, 509), np.uint8), vis)[0].shape == (1000, 1000)
    with pytest.raises(PairError):
        match_sizes(np.zeros((500, 511), np.uint8), vis)


def test_the_pair_can_have_the_infrared_size(tmp_path, scene):
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", np.kron(scene[1], np.ones((3, 3, 1), np.uint8)))
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(size="ir"))
    assert np.array_equal(pair.ir, scene[0]) and np.array_equal(pair.vis, scene[1])
    assert pair.warnings == ("The infrared picture is 45×37, the visible one 135×111: the visible one was resized.",)
    write_image(tmp_path / "wide.png", np.zeros((37, 90, 3), np.uint8))
    with pytest.raises(PairError, match="90×37: .*--ir-field"):
        load_pair(tmp_path / "ir.png", tmp_path / "wide.png", LoadOptions(size="ir"))


def test_a_partly_transparent_visible_picture_is_warned_about(tmp_path, scene):
    import cv2

    rgba = np.concatenate([scene[1][..., ::-1], np.full((37, 45, 1), 255, np.uint8)], -1)
    write_image(tmp_path / "ir.png", scene[0])
    (tmp_path / "vis.png").write_bytes(cv2.imencode(".png", rgba)[1].tobytes())
    assert load_pair(tmp_path / "ir.png", tmp_path / "vis.png").warnings == ()  # all opaque
    rgba[:10, :, 3] = 0
    (tmp_path / "vis.png").write_bytes(cv2.imencode(".png", rgba)[1].tobytes())
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png")
    assert not pair.vis[:10].any() and np.array_equal(pair.vis[10:], scene[1][10:])
    assert pair.warnings == ("The visible picture is partly transparent: it was put on black there.",)


def test_a_thermal_picture_in_false_colours_is_not_taken_for_a_swapped_one(tmp_path, scene):
    from diffuse_fuse.images.thermal.palette import known

    write_image(tmp_path / "ir.png", known()[0].colours[scene[0]])
    write_image(tmp_path / "vis.png", scene[0])
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png")
    assert np.array_equal(pair.ir, scene[0])
    assert len(pair.warnings) == 1 and "false colours (iron)" in pair.warnings[0]


def test_a_16_bit_visible_picture_keeps_its_bits(tmp_path, scene):
    deep = scene[1].astype(np.uint16) * 256 + 77
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", deep)
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png")
    assert pair.vis.dtype == np.uint16 and np.array_equal(pair.vis, deep)
    ir, vis = pair.as_bytes()
    assert np.array_equal(ir, scene[0]) and vis.dtype == np.uint8 and np.abs(vis.astype(int) - scene[1]).max() <= 1
    half = load_pair(tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(size="ir", stretch=True))
    assert half.vis.dtype == np.uint16


def test_a_float_visible_picture_has_16_bits(tmp_path, scene):
    write_image(tmp_path / "ir.png", scene[0])
    np.save(tmp_path / "vis.npy", scene[1] / 255.0)
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.npy")
    assert pair.vis.dtype == np.uint16 and np.array_equal(pair.vis, scene[1].astype(np.uint16) * 257)
    assert np.array_equal(pair.as_bytes()[1], scene[1])


def test_8_bits_saved_as_16_are_the_same_picture(scene, tmp_path):
    """The network sees the same numbers, so the fused picture is the same."""
    from diffuse_fuse.images.arrays import as_visible

    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1].astype(np.uint16) * 257)
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png")
    assert np.array_equal(as_visible(pair.vis), as_visible(scene[1]))


def test_16_bits_reach_the_fused_picture(tmp_path, scene, tiny_model):
    from diffuse_fuse import Fuser

    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1].astype(np.uint16) * 256 + 77)
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png")
    fuser = Fuser(tiny_model, balance=1)
    deep = fuser.fuse(pair.ir, pair.vis, depth=16)
    assert np.array_equal(deep, fuser.fuse(tmp_path / "ir.png", tmp_path / "vis.png", depth=16))
    assert not np.array_equal(deep, fuser.fuse(*pair.as_bytes(), depth=16))
    assert np.array_equal(fuser.fuse(*pair.as_bytes()), fuser.fuse(pair.ir, pair.as_bytes()[1].astype(np.uint16) * 257))
