"""POST /fuse and POST /inspect: the pictures of ``dfuse fuse``, and one sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse.cli.commands import main
from tests.serve.conftest import decoded, png


def test_the_answer_is_the_file_of_the_command(service, pair, tmp_path: Path, capsys) -> None:
    for name, data in pair.values():
        (tmp_path / name).write_bytes(data)
    out = tmp_path / "out.png"
    paths = [str(tmp_path / name) for name, _ in pair.values()]
    assert main(["fuse", *paths, "-o", str(out), "--model", "tiny", "--balance", "0.3", "--json"]) == 0
    answer = service.post("/fuse", pair, {"balance": "0.3"})
    assert answer.status == 200, answer.body
    assert answer.body == out.read_bytes()
    metrics = json.loads(capsys.readouterr().out)["results"][0]["metrics"]
    assert answer.said["metrics"] == pytest.approx(metrics)


@pytest.mark.parametrize("name", ["png", "jpg", "tif", "webp", "bmp"])
def test_every_format_is_answered_as_what_it_is(service, pair, name) -> None:
    answer = service.post("/fuse", pair, {"format": name, "metrics": "false"})
    kinds = {"png": "png", "jpg": "jpeg", "tif": "tiff", "webp": "webp", "bmp": "bmp"}
    assert answer.headers["content-type"] == f"image/{kinds[name]}"
    assert decoded(answer.body).shape == (120, 160, 3)
    assert answer.said["metrics"] == {}


def test_sixteen_bits(service, pair) -> None:
    assert decoded(service.post("/fuse", pair, {"depth": "16", "format": "tif"}).body).dtype == np.uint16
    refused = service.post("/fuse", pair, {"depth": "16", "format": "jpg"})
    assert (refused.status, "JPG holds 8 bits" in refused.json["detail"]) == (422, True)


def test_the_sources_are_shown_as_the_fusion_takes_them(service) -> None:
    rng = np.random.default_rng(0)
    counts = np.linspace(20000, 24000, 60 * 80).reshape(60, 80).astype(np.uint16)
    files = {
        "ir": ("ir.png", png(counts)),
        "vis": ("v.png", png(rng.integers(256, size=(120, 160, 3), dtype=np.uint8))),
    }
    fields = {"picture": "infrared", "thermal_range": "20000 22000"}
    answer = service.post("/fuse", files, fields)
    shown = decoded(answer.body)
    assert (shown.shape, shown[0, 0], shown[-1, -1], shown[-40, 80]) == ((120, 160), 0, 255, 255)
    assert "resized" in " ".join(answer.said["warnings"])


def test_one_radiometric_jpeg_is_a_pair(service, radiometric) -> None:
    answer = service.post("/fuse", {"ir": ("IR_1.jpg", radiometric)}, {"metrics": "false"})
    assert answer.status == 200, answer.body
    assert answer.said["ir_sha256"] == answer.said["vis_sha256"]
    facts = service.post("/inspect", {"file": ("IR_1.jpg", radiometric)}).json
    assert facts["thermal"]["unit"] == "°C"
    assert [picture["kind"] for picture in facts["embedded"]] == ["thermal", "visible"]


def test_a_dial_move_names_what_is_held(service, pair) -> None:
    first = service.post("/fuse", pair, {"hold": "true"})
    named = {side: first.said[side] for side in ("ir_sha256", "vis_sha256")}
    again = service.post("/fuse", None, {**named, "balance": "auto"})
    assert again.status == 200
    assert np.array_equal(decoded(again.body), decoded(first.body))
    assert not np.array_equal(decoded(service.post("/fuse", None, {**named, "balance": "0"}).body), decoded(again.body))


def test_what_is_held_keeps_the_name_that_the_client_says(service, pair) -> None:
    first = service.post("/fuse", pair, {"hold": "true", "metrics": "false"})
    fields = {"ir_sha256": first.said["ir_sha256"], "vis_sha256": first.said["vis_sha256"], "metrics": "false"}
    named = service.post("/fuse", None, {**fields, "ir_name": "a/street_ir.png", "vis_name": "street_vis.png"})
    assert named.body == first.body


def test_what_is_not_held_is_asked_for_again(service) -> None:
    answer = service.post("/fuse", None, {"ir_sha256": "0" * 64, "vis_sha256": "0" * 64})
    assert (answer.status, "send the file" in answer.json["detail"]) == (410, True)


def test_nothing_is_held_unless_asked(service, street) -> None:
    ir, vis = street("day", 64, 48)
    said = service.post("/fuse", {"ir": ("i.png", png(ir)), "vis": ("v.png", png(vis))}).said
    assert service.post("/fuse", None, {"ir_sha256": said["ir_sha256"], "vis_sha256": said["vis_sha256"]}).status == 410


WRONG = [
    ({"balance": "2"}, 422, "balance"),
    ({"balance": "nan"}, 422, "balance"),
    ({"thermal_range": "40 10"}, 422, "thermal range"),
    ({"thermal_range": "hot"}, 422, "thermal_range"),
    ({"model": "../../etc/passwd"}, 404, "no model"),
    ({"model": "diffusion"}, 404, "no model"),
    ({"page": "0"}, 422, "page"),
    ({"page": "7"}, 422, "no page 7"),
    ({"colour": "red"}, 422, "colour"),
    ({"ir_sha256": "../x"}, 422, "ir_sha256"),
]


@pytest.mark.parametrize(("fields", "status", "text"), WRONG)
def test_a_wrong_option_is_one_sentence(service, pair, fields, status, text) -> None:
    answer = service.post("/fuse", pair, fields)
    assert (answer.status, text in answer.json["detail"]) == (status, True), answer.body


@pytest.mark.parametrize("path", ["/fuse", "/inspect"])
def test_a_form_without_pictures(service, path) -> None:
    answer = service.post(path, None, {"page": "1"})
    assert (answer.status, "missing" in answer.json["detail"]) == (422, True)


def test_what_is_no_picture(service, pair) -> None:
    for data, text in ((b"%PDF-1.7 and so on", "does not read"), (b"nonsense", "not a picture"), (b"", "is empty")):
        answer = service.post("/fuse", {**pair, "ir": ("x.png", data)})
        assert (answer.status, text in answer.json["detail"]) == (422, True), answer.body


def test_sizes_that_do_not_go_together_name_the_field(service, pair, street) -> None:
    ir, _ = street("night", 64, 64)
    answer = service.post("/fuse", {**pair, "ir": ("ir.png", png(ir))})
    assert answer.status == 422
    assert "stretch" in answer.json["detail"] and "--" not in answer.json["detail"]
    assert service.post("/fuse", {**pair, "ir": ("ir.png", png(ir))}, {"stretch": "true"}).status == 200


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/shadow", "a\tb<b>.png", "x" * 900, ""])
def test_a_name_is_only_a_name(service, pair, name) -> None:
    answer = service.post("/fuse", {"ir": (name, b"no picture"), "vis": pair["vis"]})
    assert answer.status == 422
    detail = answer.json["detail"]
    assert "etc" not in detail and ".." not in detail and "\t" not in detail and len(detail) < 400
    assert service.post("/fuse", {"ir": (name, pair["ir"][1]), "vis": pair["vis"]}).status == 200


def test_inspect_escapes_nothing_and_is_json(service, pair) -> None:
    facts = service.post("/inspect", {"file": ("<b>.png", pair["vis"][1])})
    assert facts.headers["content-type"] == "application/json"
    assert facts.json["name"] == "<b>.png" and facts.json["content"] == "colour"
    assert facts.headers["x-content-type-options"] == "nosniff"


def test_inspect_tells_what_a_fused_picture_is_made_of(service, pair) -> None:
    fused = service.post("/fuse", pair, {"balance": "0.25"})
    facts = service.post("/inspect", {"file": ("fused.png", fused.body)}).json
    assert facts["fused"]["model"] == "tiny"
    assert facts["fused"]["options"]["balance"] == 0.25
    assert facts["fused"]["sources"]["ir"] == {"name": "street_ir.png", "sha256": fused.said["ir_sha256"]}


def test_many_warnings_fit_a_header() -> None:
    from diffuse_fuse.serve.app import said_in_header

    text = said_in_header({"warnings": ["é" * 3000, *["--thermal-range sets others. " * 9] * 50]})
    assert len(text) <= 3500 and text.isascii()
    assert json.loads(text)["warnings"][0].endswith("…")
