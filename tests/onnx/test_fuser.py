"""``OnnxFuser``: the same pictures as ``Fuser``, to 1 of 255, and no PyTorch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from diffuse_fuse import Fuser, backends
from diffuse_fuse.cli.commands import main
from diffuse_fuse.errors import ImageError, PairError, UsageError, WeightsError
from diffuse_fuse.files import sha256
from diffuse_fuse.fusion.relight import as_whole, relight
from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_bytes, write_image
from diffuse_fuse.onnx import fuser as module
from diffuse_fuse.onnx import graphs
from diffuse_fuse.onnx.fuser import OnnxFuser


@pytest.fixture(scope="module")
def fuser(dynamic_graph):
    return OnnxFuser(dynamic_graph, threads=1, balance=1)


def pair(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(256, size=(height, width), dtype=np.uint8),
        rng.integers(256, size=(height, width, 3), dtype=np.uint8),
    )


@pytest.mark.parametrize("size", [(16, 16), (37, 45), (120, 64), (65, 199)])
def test_any_size_to_one_of_255(fuser, weights, expected, size):
    found = fuser.fuse(*pair(*size))
    assert found.dtype == np.uint8 and found.shape == (*size, 3)
    assert np.abs(found - expected(weights, *pair(*size))).max() <= 1


def test_other_kinds_of_arrays_and_files(fuser, weights, expected, scene, tmp_path):
    ir, vis = scene
    counts = (3000 + 20 * ir.astype(np.uint16)).astype(np.uint16)
    for a, b in ((counts, vis), (ir, vis[..., 0]), (ir / 255, vis / 255), (np.dstack([ir] * 3), vis)):
        assert np.abs(fuser.fuse(a, b) - expected(weights, a, b)).max() <= 1
    write_image(tmp_path / "ir.png", ir)
    write_image(tmp_path / "vis.png", vis)
    assert np.array_equal(fuser.fuse(tmp_path / "ir.png", tmp_path / "vis.png"), fuser.fuse(ir, vis))
    grey = fuser.fuse(ir, vis[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 1]) and np.array_equal(grey[..., 1], grey[..., 2])


def test_sixteen_bits(fuser, scene):
    fine = fuser.fuse(*scene, depth=16)
    assert fine.dtype == np.uint16 and np.abs(fine / 257 - fuser.fuse(*scene)).max() <= 1.01
    assert len(np.unique(fine)) > 256
    with pytest.raises(UsageError, match="8 or 16 bits"):
        fuser.fuse(*scene, depth=12)


def test_tiles_come_out_as_the_whole(fuser, monkeypatch):
    """Also where neither side is a whole number of tiles or cells, and with the rows counted on the way."""
    ir, vis = pair(413, 530)
    whole = fuser.fuse(ir, vis)
    monkeypatch.setattr(module, "_MOST_PIXELS", 260 * 300)
    tiles, rows = list(fuser._tiles(413, 530)), []
    assert len(tiles) > 2 and max(r.inside.stop * c.inside.stop for r, c in tiles) < 260 * 300
    assert np.array_equal(fuser.fuse(ir, vis, on_rows=lambda done, total: rows.append((done, total))), whole)
    assert rows == sorted(set(rows)) and rows[-1] == (413, 413) and len(rows) > 1


def test_what_cannot_be_fused_is_said(fuser, scene, tmp_path):
    with pytest.raises(ImageError, match="at least 16×16"):
        fuser.fuse(scene[0][:10], scene[1][:10])
    with pytest.raises(PairError):
        fuser.fuse(scene[0][:20], scene[1])
    with pytest.warns(UserWarning, match="resized"):
        fuser.fuse(np.repeat(np.repeat(scene[0], 2, 0), 2, 1), scene[1])
    (tmp_path / "text.onnx").write_text("a text")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        OnnxFuser(tmp_path / "text.onnx")
    with pytest.raises(WeightsError, match="no ONNX file"):
        OnnxFuser(tmp_path / "missing.onnx")
    with pytest.raises(UsageError, match="at least 1"):
        OnnxFuser(tmp_path / "text.onnx", threads=0)


def test_a_graph_of_something_else_is_refused(tmp_path):
    from onnx import TensorProto, helper, save

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match="not one that dfuse export wrote"):
        OnnxFuser(tmp_path / "a.onnx")


def test_weights_are_exported_into_the_cache_once(weights, dynamic_graph, tmp_path, monkeypatch, scene):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    calls, told = [], []

    def export(path, out, size, expected):
        assert expected == sha256(path)
        calls.append((path, size))
        write_bytes(out, dynamic_graph.read_bytes())

    monkeypatch.setattr("diffuse_fuse.onnx.export.export", export)
    first = OnnxFuser(weights, threads=1, on_export=lambda *what: told.append(what))
    assert told == [(str(weights), graphs.locate(weights))] and told[0][1].parent == tmp_path / "cache" / "dfuse"
    second = backends.load_fuser(weights, backend="onnx", threads=1)
    assert calls == [(weights, None)]
    assert np.array_equal(first.fuse(*scene), second.fuse(*scene)) and first.model_name == str(weights)


def test_weights_that_are_replaced_before_the_export_spoil_no_cache(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(graphs, "sha256", lambda path: "ab" * 32)  # as the file was a moment ago
    monkeypatch.setattr("diffuse_fuse.onnx.export._graph", lambda picture, facts: b"")
    monkeypatch.setattr("diffuse_fuse.onnx.export.largest_difference", lambda *_: 0.0)
    with pytest.raises(WeightsError, match="changed while the run started: start it again"):
        OnnxFuser(weights)
    assert not list(tmp_path.rglob("*.onnx"))


def test_the_hash_is_that_of_what_was_loaded(weights, dynamic_graph, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "locate", lambda *_: dynamic_graph)
    assert OnnxFuser(dynamic_graph, threads=1).weights_sha256 == sha256(dynamic_graph)
    assert backends.load_fuser(weights, backend="onnx", threads=1).weights_sha256 == sha256(weights)


def test_a_cache_that_cannot_be_written_is_said(weights, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("diffuse_fuse.onnx.export._graph", lambda picture, facts: b"")
    monkeypatch.setattr("diffuse_fuse.onnx.export.largest_difference", lambda *_: 0.0)
    with pytest.raises(WeightsError, match="cannot be kept .* dfuse export --dynamic -o"):
        OnnxFuser(weights)


def test_backends_by_name(weights, dynamic_graph, monkeypatch):
    assert isinstance(backends.load_fuser(weights, "cpu"), Fuser)
    assert isinstance(backends.load_fuser(dynamic_graph, "cpu", backend="auto"), OnnxFuser)
    assert backends.choose("base", "cuda") == "torch" and backends.choose("base", "cpu") == "onnx"
    monkeypatch.setattr(backends, "has", lambda package: package != "onnxruntime")
    assert backends.choose("base", "cpu") == "torch"
    for device, backend, model in (("cuda", "onnx", weights), ("cpu", "tensors", weights), ("cpu", "torch", "a.onnx")):
        with pytest.raises(UsageError):
            backends.load_fuser(model, device, backend=backend)


def test_dfuse_fuse_imports_no_pytorch(dynamic_graph, scene, tmp_path):
    """The whole command, metrics included, and what Python programs would call."""
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    code = (
        "import sys\n"
        "from diffuse_fuse.cli.commands import main\n"
        "call = ['fuse', 'ir.png', 'vis.png', '-o', 'out.png', '--backend', 'onnx', '--threads', '1', '--model']\n"
        "assert main([*call, sys.argv[1]]) == 0\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'onnx', 'onnxruntime'}))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(dynamic_graph)], capture_output=True, text=True, cwd=tmp_path, timeout=100
    )
    assert run.stdout.splitlines()[-1] == "['onnxruntime']", run.stdout + run.stderr
    assert "Qabf" in run.stdout
    assert np.array_equal(read_image(tmp_path / "out.png"), OnnxFuser(dynamic_graph, threads=1).fuse(*scene))


def test_denoising_is_not_for_onnx(dynamic_graph, scene, tmp_path, capsys):
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    call = ["fuse", str(tmp_path / "ir.png"), str(tmp_path / "vis.png"), "-o", str(tmp_path / "out.png")]
    call += ["--model", str(dynamic_graph)]
    assert main([*call, "--backend", "onnx", "--denoise", "auto"]) == 2
    assert "--denoise needs PyTorch" in capsys.readouterr().err
    assert main(call) != 0 and "it needs --backend onnx" in capsys.readouterr().err


def test_a_pair_is_relit_as_with_pytorch(dynamic_graph, weights, expected):
    y, x = np.mgrid[:96, :128]
    ir = np.where(y < 40, 5, 60 + x // 2).astype(np.uint8)
    vis = np.stack([200 - y // 2, 210 - y // 2, 235 - y // 2], axis=-1).astype(np.uint8)
    found = OnnxFuser(dynamic_graph, threads=1).fuse(ir, vis)
    seen = relight(*as_whole(ir, vis))
    assert np.abs(seen[0].astype(int) - ir).max() > 100
    assert np.abs(found - expected(weights, *seen)).max() <= 1


def test_masked_pixels_show_the_visible_picture(fuser):
    ir, vis = pair(48, 64)
    hidden = np.zeros(ir.shape, bool)
    hidden[:20] = True
    fused = fuser.fuse(np.ma.array(ir, mask=hidden), vis)
    assert np.array_equal(fused[:20], vis[:20]) and not np.array_equal(fused[26:], vis[26:])
