"""What the service says of itself, its page's files, and its OpenAPI."""

from __future__ import annotations

import json
import re

import pytest

from diffuse_fuse import viewer
from diffuse_fuse.evaluation.report import html
from diffuse_fuse.serve.files import page_files


def test_models_name_no_path(service) -> None:
    answer = service.get("/models")
    assert [(card["name"], card["default"]) for card in answer.json] == [
        ("base", False),
        ("fast", False),
        ("tiny", True),
    ]
    assert b"safetensors" not in answer.body and "path" not in answer.json[0]


def test_metrics_are_prometheus_text(service, pair) -> None:
    service.post("/fuse", pair, {"metrics": "false"})
    service.get("/no/such/path")
    answer = service.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = answer.body.decode().splitlines()
    sample = re.compile(r'[a-zA-Z_:][\w:]*(\{(\w+="[^"\n]*",?)+\})? [0-9.e+-]+|[a-z_]+.* NaN')
    assert all(line.startswith("#") or sample.fullmatch(line) for line in lines if line)
    text = "\n".join(lines)
    assert 'dfuse_requests_total{route="/fuse",status="200"}' in text
    assert 'dfuse_requests_total{route="other",status="404"}' in text
    assert "no/such" not in text  # what a client makes up is no label
    assert "dfuse_held_files_bytes" in text and "dfuse_request_seconds_bucket" in text


def test_pairs_are_those_of_the_command(service) -> None:
    names = ["f/ir/1.png", "f/vis/1.jpg", "f/vis/2.jpg", "f/notes.txt"]
    answer = service.ask("POST", "/pairs", json.dumps({"names": names}).encode(), {"Content-Type": "application/json"})
    assert answer.json["pairs"] == [{"ir": "f/ir/1.png", "vis": "f/vis/1.jpg"}]
    assert answer.json["alone"] == ["f/vis/2.jpg"]
    for body in (b"", b"[]", b'{"names": 3}', b'{"names": ["' + b"a" * 2000 + b'"]}'):
        assert service.ask("POST", "/pairs", body, {"Content-Type": "application/json"}).status == 422


def test_the_page_asks_nobody_else(service) -> None:
    for name, file in page_files().items():
        answer = service.get(f"/page/{name}" if name else "/")
        if name == "docs":
            answer = service.get("/docs")
        assert answer.status == 200 and answer.body == file.body
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        if "image/jpeg" not in file.content_type:
            outside = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", file.body.decode()))
            assert outside <= {"http://www.w3.org"}, name  # a name of XML, not an address
            assert not re.search(r"(?<!\.)\bon\w+=", file.body.decode()) or not name.endswith("html")


def test_the_page_is_not_sent_twice(service) -> None:
    first = service.get("/page/page.js")
    assert service.get("/page/page.js", If_None_Match=first.headers["etag"]).status == 304


def test_page_and_report_share_the_viewer(make_evaluation_page) -> None:
    compare = viewer.part("compare.js")
    assert compare in page_files()["page.js"].body.decode()
    assert compare in make_evaluation_page
    assert viewer.part("look.css") in page_files()["page.css"].body.decode()


@pytest.fixture
def make_evaluation_page(tmp_path) -> str:
    import numpy as np

    from diffuse_fuse.evaluation import evaluate
    from tests.serve.conftest import png

    for side, shape in (("ir", (20, 24)), ("vis", (20, 24, 3))):
        (tmp_path / side).mkdir()
        (tmp_path / side / "1.png").write_bytes(png(np.random.default_rng(1).integers(256, size=shape, dtype=np.uint8)))
    return html(evaluate(tmp_path, {"mine": lambda ir, vis: vis}, ["EN"]), tmp_path)


def test_openapi_names_every_option(service) -> None:
    from diffuse_fuse.serve.asked import FuseOptions

    told = service.get("/openapi.json").json
    form = told["paths"]["/fuse"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(form) == {"ir", "vis", *FuseOptions.model_fields}
    assert set(told["paths"]) == {"/fuse", "/inspect", "/pairs", "/models", "/health", "/metrics"}
