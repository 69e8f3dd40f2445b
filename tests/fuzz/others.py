"""Small whole files of what dfuse reads besides pictures, and damages to each that its format would hide otherwise."""

from __future__ import annotations

import contextlib
import io
import json
import random
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diffuse_fuse.onnx.facts import GraphFacts
from tests.fuzz.text import rejoined, reworded

_CELLS = 'ir,vis,out\nir/a.png,vi/a.png,a.png\nir/b.png,,\n\n"ir/c,1.png",vi/c.png,deep/c.tif\n'


def other_seeds() -> dict[str, bytes]:
    """Name → content; the suffix says what it is."""
    return {
        "rig.json": _rig(),
        "pairs.csv": _CELLS.encode(),
        "spreadsheet.csv": ("\ufeff" + _CELLS.replace("\n", "\r\n")).encode(),
        "metrics.csv": b"picture,EN,SD\na.png,6.5,40\nb.png,7,\nsub/c.png,,3\n",
        "cache.jsonl": b'\n{"key": "a", "values": {"EN": 6.5, "SD": NaN}}\n{"key": "b", "picture": "%s"}'
        % (b"ab" * 32),
        "student.safetensors": _weights("student"),
        "fusion.safetensors": _weights("fusion"),
        "state.pt": _state(),
        **_graphs(),
        **_videos(),
    }


def _rig() -> bytes:
    matrix = [[1.01, 0.0, 3.5], [0.0, 1.01, -2.0], [0.0, 0.0, 1.0]]
    rig = {"format": "dfuse-alignment", "version": 1, "kind": "similarity", "size": [40, 36], "matrix": matrix}
    return json.dumps(
        {**rig, "pairs": 40, "used": 38, "confidence": 0.9, "residual_px": 1.2, "spread_px": 0.6}
    ).encode()


def _weights(kind: str) -> bytes:
    import torch

    from diffuse_fuse.checkpoint import Weights, save_weights
    from diffuse_fuse.diffusion.schedule import Schedule
    from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
    from diffuse_fuse.networks.student import StudentConfig, StudentModel
    from diffuse_fuse.networks.unet import UNetConfig

    torch.manual_seed(0)
    if kind == "student":
        model: torch.nn.Module = StudentModel(StudentConfig((8, 8), (1, 1)))
    else:
        model = FusionModel(UNetConfig(channels=(8, 8), blocks=(1, 1)), Schedule("linear"), FeatureConfig())
    with tempfile.TemporaryDirectory() as folder:
        save_weights(Path(folder) / "w", Weights(kind, model.config(), {"data": "none"}, model.state_dict()))
        return (Path(folder) / "w").read_bytes()


def _state() -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save({"identity": {"seed": 0}, "step": 3, "model": {"w": torch.ones(3, 3)}, "best": 0.5}, stream)
    return stream.getvalue()


def _graphs() -> dict[str, bytes]:
    """A graph of one convolution with the metadata that dfuse export writes; none where the extra is missing."""
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        return {}
    shapes = {name: [1, channels, "H", "W"] for name, channels in (("ir", 1), ("vis", 3), ("fused", 3))}
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    weight = numpy_helper.from_array(np.full((3, 4, 1, 1), 0.25, np.float32), "w")
    nodes = [
        helper.make_node("Concat", ["ir", "vis"], ["pair"], axis=1),
        helper.make_node("Conv", ["pair", "w"], ["fused"]),
    ]
    graph = helper.make_graph(nodes, "g", [values["ir"], values["vis"]], [values["fused"]], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    facts = GraphFacts("small", "ab" * 32, 2, 2, None, {"data": "none"}, "1.2.3")
    for key, value in facts.as_properties().items():
        model.metadata_props.add(key=key, value=value)
    return {"graph.onnx": model.SerializeToString()}


def _videos() -> dict[str, bytes]:
    """Six frames, with sound and without; none where the extra is missing."""
    try:
        from tests.video.conftest import write_video
    except BaseException:  # pytest's skip is none of Exception
        return {}
    y, x = np.mgrid[:36, :40]
    frames = [np.stack([6 * x, 7 * y, 255 - 4 * x + 0 * y], -1).astype(np.uint8) + np.uint8(n) for n in range(6)]
    deep = [(7000 + 20 * x + 30 * y + n).astype(np.uint16) for n in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        files = [
            write_video(Path(folder) / "colour.mp4", frames, sound=True),
            write_video(Path(folder) / "grey.avi", [frame[..., 0] for frame in frames], codec="ffv1", pixels="gray"),
            write_video(Path(folder) / "deep.mkv", deep, codec="ffv1", pixels="gray16le"),
        ]
        return {path.name: path.read_bytes() for path in files}


def other_damage(name: str, data: bytes, rng: random.Random) -> bytes | None:
    """The damage that fits the kind of file, or None where there is none."""
    change = _CHANGES.get(name.rpartition(".")[2])
    return change(data, rng) if change else None


def _json(data: bytes, rng: random.Random) -> bytes:
    return rejoined(json.loads(data), rng).encode("utf-8", "surrogatepass")


def _lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.splitlines()
    at = rng.randrange(1, len(lines))
    lines[at] = _json(lines[at], rng)
    return b"\n".join(lines)


def _table(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        return data + data.splitlines(keepends=True)[1] * rng.choice((100, 3000))
    if rng.random() < 0.1:
        return data.decode("utf-8").encode(rng.choice(("utf-16", "utf-32", "cp037")), "replace")
    return reworded(data, rng)


def _safetensors(data: bytes, rng: random.Random) -> bytes:
    """The header, or the configuration inside it, which is JSON in JSON; its length fits mostly."""
    (length,) = struct.unpack_from("<Q", data)
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    if rng.random() < 0.6:
        header["__metadata__"]["dfuse"] = rejoined(json.loads(header["__metadata__"]["dfuse"]), rng)
        text = json.dumps(header)
    else:
        text = rejoined(header, rng)
    encoded = text.encode("utf-8", "surrogatepass")
    said = len(encoded) if rng.random() < 0.9 else rng.choice((0, 1, 2**31, 2**63, len(data)))
    return struct.pack("<Q", said) + encoded + body


def _onnx(data: bytes, rng: random.Random) -> bytes:
    import onnx

    model = onnx.ModelProto.FromString(data)
    for _ in range(rng.choice((1, 1, 2))):
        rng.choice(_GRAPH_CHANGES)(model, rng)
    return model.SerializeToString()


def _facts(model, rng: random.Random) -> None:
    note = next(entry for entry in model.metadata_props if entry.key == "dfuse")
    with contextlib.suppress(ValueError, RecursionError):  # it was changed before
        note.value = rejoined(json.loads(note.value), rng).encode("utf-8", "replace").decode()


def _value(model, rng: random.Random) -> None:
    value = rng.choice([*model.graph.input, *model.graph.output])
    kind = value.type.tensor_type
    choice = rng.randrange(4)
    if choice == 0:
        kind.elem_type = rng.choice((0, 1, 2, 7, 8, 9, 10, 11, 14, 99))
    elif choice == 1 and kind.shape.dim:
        rng.choice(kind.shape.dim).dim_value = rng.choice((0, -1, 1, 2, 36, 10**12))
    elif choice == 2 and kind.shape.dim:
        del kind.shape.dim[rng.randrange(len(kind.shape.dim))]
    else:
        value.name = rng.choice(("ir", "vis", "fused", "", "x", "pair"))


def _weight(model, rng: random.Random) -> None:
    import onnx

    tensor = model.graph.initializer[0]
    choice = rng.randrange(4)
    if choice == 0:
        tensor.raw_data = np.full(12, rng.choice((np.nan, np.inf, -1e30, 1e30)), np.float32).tobytes()
    elif choice == 1:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice((0, -1, 5, 10**9, 2**62))
    elif choice == 2:
        tensor.data_type = rng.choice((0, 2, 8, 10, 11, 99))
    else:
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", rng.choice(("/etc/passwd", "../x", "case.onnx", "/dev/zero", ""))


def _node(model, rng: random.Random) -> None:
    from onnx import helper, numpy_helper

    choice = rng.randrange(4)
    if choice == 0:
        rng.choice(model.graph.node).op_type = rng.choice(("Add", "NonZero", "Shape", "Loop", "", "MaxPool", "Cast"))
    elif choice == 1:
        rng.choice(model.graph.node).input[0] = rng.choice(("", "fused", "vis", "w", "nowhere"))
    elif choice == 2:  # gigabytes from nothing
        size = [1, 3, *(rng.choice(((40_000, 40_000), (20_000, 30_000), (7, 5), (0, 0))))]
        model.graph.initializer.append(numpy_helper.from_array(np.array(size, np.int64), "size"))
        model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32), "one"))
        model.graph.node[-1].output[0] = "before"
        model.graph.node.append(helper.make_node("Expand", ["one", "size"], ["fused"]))
    else:
        model.graph.node[-1].output[0] = "before"
        model.graph.node.append(
            helper.make_node(rng.choice(("Cast",)), ["before"], ["fused"], to=rng.choice((6, 8, 10, 11)))
        )


_GRAPH_CHANGES = (_facts, _facts, _value, _weight, _node)
_CHANGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "json": _json, "jsonl": _lines, "csv": _table, "safetensors": _safetensors, "onnx": _onnx,
}  # fmt: skip
