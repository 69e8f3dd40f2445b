"""``Fuser``: any size, any kind of array, the same bytes every time."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from diffuse_fuse import Fuser, fuse
from diffuse_fuse.errors import DfuseError, ImageError, PairError, UsageError, WeightsError


@pytest.fixture(scope="module")
def fuser(model_file):
    """Of noise that is no scene: taken as it is."""
    return Fuser(model_file, device="cpu", balance=1)


def pair(height=40, width=56, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(256, size=(height, width), dtype=np.uint8),
        rng.integers(256, size=(height, width, 3), dtype=np.uint8),
    )


@settings(max_examples=25)
@given(st.integers(16, 90), st.integers(16, 90))
def test_any_size_from_16_up_comes_back_exactly(model_file, height, width):
    fused = Fuser(model_file, device="cpu").fuse(*pair(height, width))
    assert fused.shape == (height, width, 3) and fused.dtype == np.uint8
    assert fused.flags.c_contiguous


def test_sixteen_bits_are_the_same_picture_with_finer_steps(fuser):
    ir, vis = pair()
    fine = fuser.fuse(ir, vis, depth=16)
    assert fine.dtype == np.uint16 and fine.shape == vis.shape
    apart = np.abs(fine / 257 - fuser.fuse(ir, vis))  # G is rounded, and R - G and B - G: half a level each
    assert apart.max() < 1 + 2 / 257 and apart.mean() < 0.5
    assert len(np.unique(fine)) > 256
    with pytest.raises(UsageError, match="8 or 16 bits"):
        fuser.fuse(ir, vis, depth=12)


def test_padding_does_not_show(fuser):
    """A picture that is cut just below a whole number of cells looks as before, away from the cut."""
    ir, vis = (cv2.GaussianBlur(x, (0, 0), 3) for x in pair(64, 192))
    whole, cut = fuser.fuse(ir, vis), fuser.fuse(ir[:, :-1], vis[:, :-1])
    assert np.array_equal(whole[:, :64], cut[:, :64])


def test_same_bytes_every_time_and_in_any_order(fuser, model_file):
    pairs = [pair(seed=s) for s in range(3)]
    first = [fuser.fuse(*p) for p in pairs]
    second = [fuser.fuse(*p) for p in reversed(pairs)][::-1]
    fresh = [Fuser(model_file, device="cpu", balance=1).fuse(*p) for p in pairs]
    assert all(np.array_equal(a, b) and np.array_equal(a, c) for a, b, c in zip(first, second, fresh, strict=True))


def test_grey_visible_gives_a_neutral_picture(fuser):
    ir, vis = pair()
    for grey in (vis[..., 0], np.dstack([vis[..., 0]] * 3)):
        fused = fuser.fuse(ir, grey)
        assert np.array_equal(fused[..., 0], fused[..., 1]) and np.array_equal(fused[..., 1], fused[..., 2])


def test_inputs_of_every_kind_mean_the_same(fuser):
    ir, vis = pair()
    expected = fuser.fuse(ir, vis)
    kinds = [
        (ir / 255, vis / 255),
        ((ir / 255).astype(np.float32), (vis / 255).astype(np.float32)),
        (np.dstack([ir] * 3), vis),
        (ir.astype(np.uint16) * 257, vis.astype(np.uint16) * 257),
    ]
    for other_ir, other_vis in kinds:
        difference = np.abs(fuser.fuse(other_ir, other_vis).astype(int) - expected)
        assert difference.max() <= 1


def test_inputs_are_not_changed(fuser):
    ir, vis = pair()
    before = ir.copy(), vis.copy()
    fuser.fuse(ir, vis)
    assert np.array_equal(ir, before[0]) and np.array_equal(vis, before[1])


def test_paths_and_arrays_mean_the_same(fuser, model_file, tmp_path):
    ir, vis = pair()
    ir_file, vis_file = tmp_path / "ir.png", tmp_path / "vis.png"
    cv2.imwrite(str(ir_file), ir)
    cv2.imwrite(str(vis_file), vis[..., ::-1])
    expected = fuser.fuse(ir, vis)
    assert np.array_equal(fuser.fuse(ir_file, str(vis_file)), expected)
    assert np.array_equal(fuse(ir, vis, model=model_file, balance=1), expected)


def test_infrared_of_another_resolution_is_resized_with_a_warning(fuser):
    ir, vis = pair(80, 112)
    with pytest.warns(UserWarning, match="resized"):
        assert fuser.fuse(ir[::2, ::2], vis).shape == vis.shape


def test_wrong_pictures_are_refused(fuser, tmp_path):
    ir, vis = pair()
    with pytest.raises(PairError, match="40"):
        fuser.fuse(ir[:20], vis)
    with pytest.raises(ImageError, match="16×16"):
        fuser.fuse(ir[:15], vis[:15])
    with pytest.raises(ImageError, match="NaN"):
        fuser.fuse(np.full(ir.shape, np.nan), vis)
    with pytest.raises(ImageError):
        fuser.fuse(tmp_path / "none.png", vis)


def test_wrong_models_devices_and_threads_are_refused(model_file):
    with pytest.raises(WeightsError, match="no model 'nosuch'"):
        Fuser("nosuch")
    with pytest.raises(UsageError, match="Unknown device 'tpu'"):
        Fuser(model_file, device="tpu")
    with pytest.raises(UsageError, match="at least 1"):
        Fuser(model_file, threads=0)


def test_pillow_tensors_and_lists_are_taken_or_refused_with_advice(fuser):
    ir, vis = pair()
    expected = fuser.fuse(ir, vis)
    for a, b in (
        (Image.fromarray(ir), Image.fromarray(vis)),
        (torch.from_numpy(ir), torch.from_numpy(vis)),
        (ir.tolist(), vis.tolist()),
    ):
        assert np.array_equal(fuser.fuse(a, b), expected)
    gradient = torch.rand(40, 56, requires_grad=True)
    for wrong in (None, 5, object(), [[1, 2], [3]], [["a"]], {"a": 1}, gradient, Image.fromarray(vis).convert("P")):
        with pytest.raises(DfuseError):
            fuser.fuse(wrong, vis)
        with pytest.raises(DfuseError):
            fuser.fuse(ir, wrong)


def test_a_radiometric_jpeg_is_fused_as_the_command_fuses_it(model_file, tmp_path, monkeypatch):
    """The thermal data with the photograph inside, not what the camera's screen showed."""
    from diffuse_fuse.cli.commands import main
    from diffuse_fuse.images.read import read_image

    from ..images import flir_file as make

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFUSE_DEBUG", "")
    screen, photo = pair(60, 80, 1)[1], cv2.GaussianBlur(pair(120, 160, 2)[1], (0, 0), 3)
    celsius = 20 + cv2.GaussianBlur(pair(60, 80, 3)[0], (0, 0), 2) / 10
    records = {
        0x01: make.raw_record(make.counts_of(celsius)),
        0x20: make.camera_record(),
        0x0E: make.visible_record(make.encode(".png", photo)),
        0x2A: make.alignment_record(1.25, 4, -2),
    }
    (tmp_path / "IR_0001.jpg").write_bytes(make.r_jpeg(make.encode(".jpg", screen), records))
    assert main(["fuse", "IR_0001.jpg", "-o", "out.png", "--model", str(model_file), "-q", "--no-metrics"]) == 0
    fuser = Fuser(model_file, device="cpu")
    with pytest.warns(UserWarning, match="that part is fused"):
        twice, alone = fuser.fuse("IR_0001.jpg", "IR_0001.jpg"), fuser.fuse("IR_0001.jpg")
    assert np.array_equal(twice, read_image(tmp_path / "out.png")) and np.array_equal(alone, twice)
    with pytest.raises(UsageError, match="visible picture is missing"):
        fuser.fuse(screen)


def test_masked_pixels_show_the_visible_picture(fuser):
    ir, vis = pair()
    hidden = np.zeros(ir.shape, bool)
    hidden[:, :20] = True
    fused = fuser.fuse(np.ma.array(ir, mask=hidden), vis)
    assert np.array_equal(fused[:, :20], vis[:, :20])
    assert not np.array_equal(fused[:, 26:], vis[:, 26:])
    other = np.ma.array(np.where(hidden, 255 - ir, ir).astype(np.uint8), mask=hidden)
    assert np.array_equal(fuser.fuse(other, vis), fused)  # what is masked has no say
    fine = fuser.fuse(np.ma.array(ir, mask=hidden), vis, depth=16)
    assert np.array_equal(fine[:, :20], vis[:, :20].astype(np.uint16) * 257)


def test_the_holes_of_a_file_show_the_visible_picture(fuser, tmp_path):
    ir, vis = pair(64, 80)
    celsius = ir.astype(np.float32) / 9
    celsius[:20] = np.nan
    np.save(tmp_path / "ir.npy", celsius)
    with pytest.warns(UserWarning, match="has no value in 31.2% of its pixels"):
        fused = fuser.fuse(tmp_path / "ir.npy", vis)
    assert np.array_equal(fused[:20], vis[:20])


def test_another_balance_shares_the_weights(scene):
    fuser = Fuser("tiny", "cpu")
    other = fuser.with_balance(0)
    assert other.model is fuser.model and (fuser.balance, other.balance) == ("auto", 0.0)
    assert np.array_equal(other.fuse(*scene), Fuser("tiny", "cpu", balance=0).fuse(*scene))
    with pytest.raises(UsageError):
        fuser.with_balance(2)
