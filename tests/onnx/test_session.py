"""Graphs that are damaged or made by somebody else: one sentence each, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, load, numpy_helper, save

from diffuse_fuse.cli.commands import main
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.images.write import write_image
from diffuse_fuse.onnx.fuser import OnnxFuser

# An older onnxruntime, the newest one for Python 3.10 among them, takes what a graph asks for: its arena has no end.
HOLDS_BOUND = tuple(map(int, onnxruntime.__version__.split(".")[:2])) >= (1, 27)
bounded = pytest.mark.skipif(not HOLDS_BOUND, reason="onnxruntime before 1.27 does not hold its arena's bound")
FACTS = {"version": 2, "model": "m", "weights": "0" * 64, "multiple": 8, "reach": 8, "size": None, "card": {},
         "dfuse": "1"}  # fmt: skip
PLAIN = (helper.make_node("Mul", ["vis", "ir"], ["fused"]),)
SQUARED = (
    helper.make_node("Reshape", ["ir", "eights"], ["eight"]),
    helper.make_node("Tile", ["eight", "three"], ["a"]),
    helper.make_node("Reshape", ["a", "like"], ["fused"]),
)
HUGE = (
    helper.make_node("Expand", ["one", "count"], ["many"]),
    helper.make_node("ReduceMean", ["many", "first"], ["mean"], keepdims=0),
    helper.make_node("Add", ["mean", "vis"], ["fused"]),
)
CONSTANTS = {
    "one": np.ones(1, np.float32),
    "count": np.array([4_750_000_000]),  # 19 GB
    "first": np.array([0]),
    "huge": np.array(1e38, np.float32),
    "nan": np.array(np.nan, np.float32),
    "half": np.array([1, 1, 2, 2], np.float32),
    "eights": np.array([1, 1, -1, 8, 8]),
    "three": np.array([1, 3, 1, 1, 1]),
    "like": np.array([1, 3, 64, -1]),
}


def graph(path, nodes=PLAIN, output=(TensorProto.FLOAT, [1, 3, "H", "W"]), facts=None, text=None):
    """An ONNX file with these nodes and facts; ``text``: its facts as they stand in the file."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "H", "W"])
              for name, channels in (("ir", 1), ("vis", 3))]  # fmt: skip
    used = {name for node in nodes for name in node.input}
    constants = [numpy_helper.from_array(value, name) for name, value in CONSTANTS.items() if name in used]
    body = helper.make_graph(list(nodes), "g", inputs, [helper.make_tensor_value_info("fused", *output)], constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    model.metadata_props.add(key="dfuse", value=text or json.dumps({**FACTS, **(facts or {})}))
    save(model, path)
    return path


@pytest.mark.parametrize(
    "facts",
    [
        *({"multiple": value} for value in (0, -8, 1.5, True, "8", None, 10**30, [8])),
        *({"reach": value} for value in (-1, 10**12, 0.5, None)),
        *({"size": value} for value in ([64], [64, 64, 64], [0, 64], [-8, 8], [60, 64], ["a", "b"], "ab", [[8], 8])),
        {"model": 5},
        {"card": "none"},
    ],
)
def test_metadata_that_cannot_be_so_are_refused(tmp_path, facts):
    with pytest.raises(WeightsError, match="is damaged, its metadata say that .*: export it again") as caught:
        OnnxFuser(graph(tmp_path / "a.onnx", facts=facts), threads=1)
    assert len(str(caught.value)) < 250 + len(str(tmp_path))


def test_metadata_that_are_no_text_are_refused(tmp_path):
    path = graph(tmp_path / "a.onnx")
    path.write_bytes(path.read_bytes().replace(b'"card"', b'"c\xffrd"'))
    with pytest.raises(WeightsError, match="its metadata are not text"):
        OnnxFuser(path, threads=1)


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "5", "{}", '{"version": []}', json.dumps({**FACTS, "more": 1})])
def test_metadata_of_others_are_refused(tmp_path, text):
    with pytest.raises(WeightsError, match="not one that dfuse export wrote"):
        OnnxFuser(graph(tmp_path / "a.onnx", text=text), threads=1)


@pytest.mark.parametrize(
    "nodes, output, words",
    [
        ((helper.make_node("Cast", ["vis"], ["fused"], to=TensorProto.STRING),), (TensorProto.STRING, [1, 3, "H", "W"]),
         "its array fused is tensor.string."),
        ((helper.make_node("Cast", ["vis"], ["fused"], to=TensorProto.INT32),), (TensorProto.INT32, [1, 3, "H", "W"]),
         "its array fused is tensor.int32."),
        ((helper.make_node("Identity", ["ir"], ["fused"]),), (TensorProto.FLOAT, [1, 1, "H", "W"]),
         r"of the shape \[1, 1, 'H', 'W'\], and must be tensor.float. of the shape \[1, 3, H, W\]"),
        ((helper.make_node("ReduceMean", ["vis"], ["fused"], keepdims=0),), (TensorProto.FLOAT, []),
         r"of the shape \[\]"),
    ],
)  # fmt: skip
def test_other_outputs_are_refused_when_the_file_is_loaded(tmp_path, nodes, output, words):
    with pytest.raises(WeightsError, match=words):
        OnnxFuser(graph(tmp_path / "a.onnx", nodes, output), threads=1)


@pytest.mark.parametrize(
    "nodes, facts, words",
    [
        ((helper.make_node("Add", ["vis", "nan"], ["fused"]),), {}, "values that are not numbers"),
        ((helper.make_node("Sub", ["vis", "huge"], ["fused"]),), {}, "values that are not numbers"),
        ((helper.make_node("Resize", ["vis", "", "half"], ["fused"]),), {},
         r"an array of the shape .1, 3, 128, 128."),
        ((helper.make_node("Concat", ["vis", "vis"], ["fused"], axis=2),), {}, r"an array of the shape"),
        (SQUARED, {"multiple": 3}, r"cannot be computed for \d+×\d+ pixels: its values or its .* multiples of 3,"),
        pytest.param(HUGE, {}, "cannot be computed for 64×64 pixels: there is not enough memory", marks=bounded),
    ],
)  # fmt: skip
def test_what_shows_only_in_the_computation(tmp_path, nodes, facts, words):
    fuser = OnnxFuser(graph(tmp_path / "a.onnx", nodes, facts=facts), threads=1, balance=0)
    with pytest.raises(WeightsError, match=words):
        fuser.fuse(np.zeros((64, 61), np.uint8), np.zeros((64, 61, 3), np.uint8))


@pytest.mark.parametrize("place", [0, -1])
def test_weights_that_are_no_numbers(dynamic_graph, tmp_path, place):
    """Of a real graph: a number where one is taken from a table, or the picture, gives it away."""
    model = load(dynamic_graph)
    kernels = [
        found for found in model.graph.initializer if len(found.dims) == 4 and found.data_type == TensorProto.FLOAT
    ]
    shape, name = list(kernels[place].dims), kernels[place].name
    kernels[place].CopyFrom(numpy_helper.from_array(np.full(shape, np.nan, np.float32), name))
    save(model, tmp_path / "a.onnx")
    fuser = OnnxFuser(tmp_path / "a.onnx", threads=1, balance=0)
    with pytest.raises(WeightsError, match="no numbers|are damaged"):
        fuser.fuse(np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3), np.uint8))


@bounded
def test_the_command_says_it_in_one_line(tmp_path, scene, capsys):
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    call = ["fuse", str(tmp_path / "ir.png"), str(tmp_path / "vis.png"), "-o", str(tmp_path / "out.png"), "--model",
            str(graph(tmp_path / "a.onnx", HUGE)), "--backend", "onnx", "--threads", "1"]  # fmt: skip
    assert main(call) == 1
    err = capsys.readouterr().err
    assert "not enough memory" in err and "bug in dfuse" not in err and not (tmp_path / "out.png").exists()


@bounded
def test_a_huge_graph_takes_no_memory(tmp_path):
    path = graph(tmp_path / "a.onnx", HUGE)
    code = (
        "import sys, numpy as np\n"
        "from diffuse_fuse.onnx.fuser import OnnxFuser\n"
        "from diffuse_fuse.machine import peak_memory\n"
        "try:\n    OnnxFuser(sys.argv[1], threads=1).fuse(np.zeros((64, 64), 'u1'), np.zeros((64, 64, 3), 'u1'))\n"
        "except Exception as error:\n    print(type(error).__name__, (peak_memory() or 0) >> 20)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    name, megabytes = done.stdout.split()
    assert name == "WeightsError" and int(megabytes) < 300
