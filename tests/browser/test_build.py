"""The folder of the page without a server: what is in it, and what is said where it cannot be made."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("onnxscript", reason="the extra onnx is not installed")

from diffuse_fuse import viewer
from diffuse_fuse.browser import build as building
from diffuse_fuse.browser import runtime
from diffuse_fuse.cli.commands import main
from diffuse_fuse.onnx.facts import GraphFacts


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An npm package with the right names in it."""
    path = tmp_path / "onnxruntime-web.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in runtime.FILES:
            data = f"// {name}".encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small student's weights, and a file that stands for its graph: infrared as grey."""
    import onnx
    from onnx import TensorProto, helper

    from diffuse_fuse.checkpoint import Weights, save_weights
    from diffuse_fuse.networks.student import StudentConfig, StudentModel

    model = StudentModel(StudentConfig((8, 8), (1, 1)))
    path = tmp_path_factory.mktemp("student") / "small.safetensors"
    save_weights(path, Weights("student", model.config(), {"data": "none"}, model.state_dict()))
    ir, vis, fused = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "H", "W"])
        for name, channels in (("ir", 1), ("vis", 3), ("fused", 3))
    )
    nodes = [helper.make_node("Concat", ["ir", "ir", "ir"], ["fused"], axis=1)]
    made = helper.make_model(
        helper.make_graph(nodes, "small", [ir, vis], [fused]),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    facts = GraphFacts("small", "0" * 64, 4, 8, None, {}, "0.1.0")
    helper.set_model_props(made, facts.as_properties())
    onnx.save(made, path.with_suffix(".onnx"))
    return path, path.with_suffix(".onnx")


def test_the_folder_is_whole_and_asks_nobody(tmp_path, package, student, monkeypatch, capsys) -> None:
    weights, graph = student
    monkeypatch.setattr(building, "locate", lambda *_: graph)
    out = tmp_path / "site" / "fuse"
    assert main(["page", str(out), "--model", str(weights), "--runtime", str(package), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["bytes"] == sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    setup = json.loads((out / "page" / "setup.json").read_text())
    assert [model["name"] for model in setup["models"]] == ["small"] and setup["can"] == []
    assert (out / "page" / setup["models"][0]["file"]).read_bytes() == graph.read_bytes()
    assert setup["relight"]["RADIUS"] == 9 and len(setup["relight"]["LUMA"]) == 3
    assert setup["packetNote"] in setup["packet"]
    page, script = (out / "index.html").read_text(), (out / "page" / "page.js").read_text()
    assert "default-src 'none'" in page and viewer.part("compare.js") in script  # the viewer of all pages
    for path in out.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            outside = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text()))
            assert outside <= {"http://www.w3.org", "http://ns.adobe.com"}, path  # names of XML
    for asked in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert (out / asked).is_file() or asked == "docs"  # which is left out


def test_a_folder_with_something_in_it_stays(tmp_path, package, student, monkeypatch, capsys) -> None:
    monkeypatch.setattr(building, "locate", lambda *_: student[1])
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "index.html").write_text("mine")
    command = ["page", str(tmp_path / "own"), "--model", str(student[0]), "--runtime", str(package)]
    assert main(command) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "own" / "index.html").read_text() == "mine"
    assert main([*command, "--overwrite", "-q"]) == 0
    assert (tmp_path / "own" / "index.html").read_text() != "mine"
    assert main(["page", str(package)]) == 2
    assert "is a file" in capsys.readouterr().err


def test_large_and_unknown_models_are_refused(tmp_path, capsys) -> None:
    for model, code, said in (("base", 2, "too large for a browser"), ("fasst", 2, "fast")):
        assert main(["page", str(tmp_path / "out"), "--model", model]) == code
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_npm_it_says_what_helps(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runtime.shutil, "which", lambda _: None)
    with pytest.raises(runtime.UsageError, match=r"no npm: install Node\.js, or give the package with --runtime"):
        runtime.runtime_files()


def test_what_npm_says_is_passed_on(tmp_path, monkeypatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network no route' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runtime.shutil, "which", lambda _: str(npm))
    with pytest.raises(runtime.UsageError, match="no route"):
        runtime.runtime_files()


def test_npms_package_is_kept(tmp_path, monkeypatch, package) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/sh\ncp "{package}" "$4"\n')
    npm.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(runtime.shutil, "which", lambda _: str(npm))
    first = runtime.runtime_files()
    assert set(first) == {"ort.js", "ort.wasm"}
    npm.unlink()
    assert runtime.runtime_files() == first


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_what_is_no_package_is_refused(tmp_path, content) -> None:
    path = tmp_path / "given"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(runtime.UsageError, match="is not the package"):
        runtime.runtime_files(path)
    with pytest.raises(runtime.UsageError, match="cannot be read"):
        runtime.runtime_files(tmp_path / "missing.tgz")
