"""``dfuse inspect``, and ``dfuse fuse`` with what thermal cameras write."""

import json
import os
import re

import cv2
import numpy as np
import pytest

from diffuse_fuse.cli import commands
from diffuse_fuse.images.provenance import read_provenance
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

from ..images import flir_file as make
from ..images import made


@pytest.fixture
def camera_files(tmp_path, scene, monkeypatch):
    """both.jpg (thermal and visible), ir.png (16-bit), vis.png, bad.png (a text), in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFUSE_DEBUG", "")
    records = {
        0x01: make.raw_record(make.counts_of(15 + scene[0] / 10.0)),
        0x0E: make.visible_record(make.encode(".png", scene[1])),
        0x20: make.camera_record(),
        0x2A: make.alignment_record(1.0, 0, 0),
        0x2B: make.gps_record(49.01, 8.42),
    }
    (tmp_path / "both.jpg").write_bytes(make.r_jpeg(make.encode(".jpg", scene[1]), records))
    (tmp_path / "ir.png").write_bytes(cv2.imencode(".png", scene[0].astype(np.uint16) + 7300)[1].tobytes())
    write_image(tmp_path / "vis.png", scene[1])
    (tmp_path / "bad.png").write_text("a text")
    return tmp_path


def test_inspect_tells_what_files_hold(camera_files, capsys):
    assert commands.main(["inspect", "both.jpg", "ir.png", "vis.png"]) == 0
    both, ir, vis = capsys.readouterr().out.split("\n\n")
    for words in ("both.jpg", "JPEG (FLIR radiometric)", "45×37", "°C", "thermal 45×37", "visible 45×37", "FLIR T1",
                  "49.01000, 8.42000", "not needed: given alone"):  # fmt: skip
        assert words in both
    assert "16-bit uint16, 1 channel" in ir and "counts" in ir and "stretched from black to white" in ir
    assert "colour" in vis and "in colour" in vis


def test_inspect_as_json_and_a_bad_file(camera_files, capsys):
    assert commands.main(["inspect", "--json", "ir.png", "bad.png", "both.jpg"]) == 1
    captured = capsys.readouterr()
    ir, bad, both = json.loads(captured.out)
    assert ir["error"] is None and (ir["width"], ir["height"], ir["bits"], ir["content"]) == (45, 37, 16, "grey")
    assert ir["thermal"]["unit"] == "counts" and ir["thermal"]["used_bits"] == 13
    assert both["thermal"]["unit"] == "°C" and [one["kind"] for one in both["embedded"]] == ["thermal", "visible"]
    assert "bad.png is damaged, or not a picture" in bad["error"]
    assert captured.err.count("\n") == 1 and captured.err.startswith("Error: bad.png")


def test_one_radiometric_file_is_fused_by_itself(camera_files, tiny_model, capsys):
    model = ["--model", str(tiny_model), "--no-metrics"]
    assert commands.main(["fuse", "both.jpg", "-o", "out.png", *model]) == 0
    assert read_visible(camera_files / "out.png").shape == (37, 45, 3)
    assert "field of view" in capsys.readouterr().err
    assert commands.main(["fuse", "vis.png", "-o", "no.png", *model]) == 1
    err = capsys.readouterr().err
    assert "give the visible picture as the second file" in err and err.count("\n") == 1
    assert not (camera_files / "no.png").exists()


def test_ranges_and_polarity_change_the_picture(camera_files, tiny_model, capsys):
    outputs = {}
    for name, options in {
        "plain": [],
        "range": ["--thermal-range", "7300", "7800"],
        "black": ["--polarity", "black-hot"],
        "small": ["--max-pixels", "100"],
        "page": ["--page", "2"],
    }.items():
        arguments = ["fuse", "ir.png", "vis.png", "-o", f"{name}.png", "--model", str(tiny_model), "--no-metrics"]
        code = commands.main([*arguments, *options])
        path = camera_files / f"{name}.png"
        outputs[name] = read_visible(path) if path.exists() else (code, capsys.readouterr().err)
    assert not np.array_equal(outputs["plain"], outputs["range"])
    assert not np.array_equal(outputs["plain"], outputs["black"])
    assert outputs["small"][0] == 1 and "45×37 pixels, more than the limit of 100" in outputs["small"][1]
    assert outputs["page"][0] == 1 and "no page 2" in outputs["page"][1]


def test_the_range_of_the_camera_s_screen(camera_files, scene, tiny_model, capsys):
    """In one word, before other words and after them; said by inspect; one sentence where a file has none."""
    celsius = 15 + scene[0] / 10.0
    records = {0x01: make.raw_record(make.counts_of(celsius)), 0x20: make.camera_record(span=(10, 60))}
    (camera_files / "t.jpg").write_bytes(make.r_jpeg(make.encode(".jpg", scene[1]), records))
    fuse = ["fuse", "t.jpg", "vis.png", "--model", str(tiny_model), "--no-metrics", "-q", "-o"]
    for number, options in enumerate(
        (["--thermal-range", "camera"], ["--thermal-range=camera"], ["--thermal-range", "CAMERA", "--no-gps"])
    ):
        assert commands.main([*fuse, f"camera{number}.png", *options]) == 0
    assert commands.main([*fuse, "plain.png"]) == 0
    assert commands.main([*fuse, "given.png", "--thermal-range", "9.9962", "60.0025"]) == 0
    found = {path.stem: read_visible(path).astype(int) for path in camera_files.glob("[cgp]*.png")}
    assert np.array_equal(found["camera0"], found["camera1"]) and np.array_equal(found["camera0"], found["camera2"])
    assert not np.array_equal(found["camera0"], found["plain"])
    assert np.abs(found["camera0"] - found["given"]).mean() < 0.1
    assert read_provenance("camera0.png").options["thermal_range"] == "camera"
    capsys.readouterr()
    assert commands.main(["inspect", "t.jpg"]) == 0
    assert re.search(r"camera span +10\.\d+ to 59\.9\d+ °C \(--thermal-range camera\)", capsys.readouterr().out)
    assert commands.main(["inspect", "t.jpg", "ir.png", "--json"]) == 0
    said, none = (each["thermal"]["camera_span"] for each in json.loads(capsys.readouterr().out))
    assert said == pytest.approx([10, 60], abs=0.05) and none is None
    assert commands.main(["fuse", "ir.png", "vis.png", "-o", "no.png", "--thermal-range", "camera"]) == 1
    err = capsys.readouterr().err
    assert "ir.png does not store the range of the camera's display" in err and err.count("\n") == 1


def test_a_series_says_its_range(camera_files, scene, tiny_model, capsys):
    for number in range(2):
        (camera_files / "ir").mkdir(exist_ok=True)
        data = cv2.imencode(".png", scene[0].astype(np.uint16) + 7000 + 300 * number)[1].tobytes()
        (camera_files / "ir" / f"{number}.png").write_bytes(data)
        write_image(camera_files / "vi" / f"{number}.png", scene[1])
    model = ["--model", str(tiny_model), "--no-metrics"]
    assert commands.main(["fuse", "ir", "vi", "-o", "out", "--thermal-window", "series", *model]) == 0
    assert "Range of the series: --thermal-range 70" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, words",
    [
        (["--thermal-range", "40", "10"], "lower value first"),
        (["--thermal-range", "nan", "10"], "lower value first"),
        (["--thermal-range", "1", "2", "--thermal-window", "series"], "one of them"),
        (["--thermal-range", "camera", "--thermal-window", "series"], "one of them"),
        (["--thermal-range", "10", "hot"], "takes two values, such as 10 40, or camera, not 10 hot"),
        (["--thermal-range", "camera", "10"], "Unexpected argument"),
        (["--polarity", "cold"], "--polarity"),
        (["--size", "both"], "--size"),
        (["--page", "0"], "--page"),
        (["--max-pixels", "0"], "--max-pixels"),
    ],
)
def test_wrong_options_are_exit_2(camera_files, capsys, options, words):
    assert commands.main(["fuse", "ir.png", "vis.png", "-o", "a.png", *options]) == 2
    assert words in capsys.readouterr().err and not (camera_files / "a.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_a_folder_of_bad_files_ends_with_a_line_for_each_kind(camera_files, scene, tiny_model, capsys):
    names = [b"text.png", b"two\nlines.png", "\N{CAMERA}.png".encode(), b'it\'s "so".png', b"caf\xe9.png", b"pipe.png"]
    for folder in ("ir", "vi"):
        (camera_files / folder).mkdir()
        for name in names:
            write_image(camera_files / folder / os.fsdecode(name), scene[folder == "vi"])
    for name in names[:-1]:
        (camera_files / "ir" / os.fsdecode(name)).write_bytes(b"a text")
    (camera_files / "ir" / "pipe.png").unlink()
    os.mkfifo(camera_files / "ir" / "pipe.png")
    write_image(camera_files / "ir" / "good.png", scene[0])
    write_image(camera_files / "vi" / "good.png", scene[1])
    assert commands.main(["fuse", "ir", "vi", "-o", "out", "--model", str(tiny_model), "--no-metrics"]) == 1
    err = capsys.readouterr().err
    lines = err[err.index("6 of 7 pairs failed:") :].splitlines()
    assert len(lines) == 3 and all(line.rstrip().endswith(".") for line in lines[1:])
    assert lines[1].startswith("  ir: each of 5 pictures (") and all(name in lines[1] for name in ("text", "caf", "so"))
    assert "Traceback" not in err and "not a regular file" in err and "two\\nlines.png" in err
    assert [path.name for path in (camera_files / "out").iterdir()] == ["good.png"]


def test_inspect_tells_what_a_fused_picture_was_made_of(camera_files, scene, capsys):
    from diffuse_fuse.images import OutputMetadata
    from diffuse_fuse.images.metadata import read_source

    source = read_source(made.camera_file(scene[1]))
    write_image("fused.webp", scene[1], OutputMetadata(source, made.PROVENANCE))
    assert commands.main(["inspect", "fused.webp", "vis.png"]) == 0
    fused, vis = capsys.readouterr().out.split("\n\n")
    for words in ("dfuse 1.2.3, model base (abababababab)", "vis\\udce9.png (efefefefefef)", "depth: 16",
                  "thermal_range: [10.5, 40.0]", "Maker X1", "2026-11-24 12:34:56", "49.01014, -8.42007",
                  "sRGB"):  # fmt: skip
        assert words in fused
    assert "fused" not in vis and "profile" not in vis
    assert commands.main(["inspect", "--json", "fused.webp", "vis.png"]) == 0
    fused, vis = json.loads(capsys.readouterr().out)
    assert fused["fused"]["digest"] == made.PROVENANCE.digest() and fused["fused"]["weights"] == "ab" * 32
    assert fused["profile"].startswith("sRGB") and vis["profile"] is None and vis["fused"] is None


def test_a_name_in_a_fused_picture_cannot_write_to_the_terminal(camera_files, scene, capsys):
    from dataclasses import replace

    from diffuse_fuse.images import OutputMetadata, Source

    sources = {**made.PROVENANCE.sources, "ir": Source("a\x1b[2J\n.png", "cd" * 32)}
    write_image("fused.png", scene[1], OutputMetadata(None, replace(made.PROVENANCE, sources=sources)))
    assert commands.main(["inspect", "fused.png"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "a\\x1b[2J\\n.png" in out


@pytest.mark.parametrize("options, name", [([], "a.jpg"), (["--depth", "16"], "a.png"), (["--side-by-side"], "a.webp")])
def test_a_fused_picture_keeps_what_the_camera_noted(camera_files, scene, tiny_model, options, name):
    """From the visible picture's file, lying on its side, to the fused one's, in one command."""
    import hashlib

    from PIL import Image

    from diffuse_fuse import __version__
    from diffuse_fuse.images import read_provenance

    (camera_files / "turned.jpg").write_bytes(made.camera_file(np.ascontiguousarray(np.rot90(scene[1])), "JPEG", 6))
    model = ["--model", str(tiny_model), "--no-metrics"]
    assert commands.main(["fuse", "ir.png", "turned.jpg", "-o", name, *options, *model]) == 0
    with Image.open(name) as file:
        exif, width, height = file.getexif(), *file.size
    assert (height, width) == (37, 137 if "--side-by-side" in options else 45)
    assert exif[0x0110] == "Maker X1" and exif[0x0112] == 1 and exif[0x0131] == f"dfuse {__version__}"
    inside = exif.get_ifd(0x8769)
    assert inside[0x9003] == made.TIME and (inside[0xA002], inside[0xA003]) == (width, height)
    assert exif.get_ifd(0x8825)[2] == made.LATITUDE and file.info["icc_profile"] == made.srgb()
    found = read_provenance(name)
    assert found.weights == hashlib.sha256(tiny_model.read_bytes()).hexdigest()
    for side, source in (("ir", "ir.png"), ("vis", "turned.jpg")):
        assert found.sources[side].name == source
        assert found.sources[side].sha256 == hashlib.sha256((camera_files / source).read_bytes()).hexdigest()
    assert found.options["depth"] == (16 if "16" in options else 8)


def test_inspect_tells_the_place_of_a_map_the_pose_and_the_zoom(tmp_path, scene, capsys):
    import tifffile
    from PIL import Image

    keys = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32632)
    tags = [(33550, 12, 3, (0.5, 0.5, 0.0)), (33922, 12, 6, (0.0, 0.0, 0.0, 456000.0, 5429000.0, 0.0)),
            (34735, 3, len(keys), keys)]  # fmt: skip
    tifffile.imwrite(tmp_path / "map.tif", scene[0], extratags=tags)
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA404: 2.0, 0x9003: "2026:11:24 12:34:56"})
    pose = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" drone-dji:RelativeAltitude="+40.5"
    drone-dji:GimbalPitchDegree="-90.0"/></rdf:RDF></x:xmpmeta>"""
    Image.fromarray(scene[1]).save(tmp_path / "drone.jpg", exif=exif, xmp=pose)
    files = [str(tmp_path / "map.tif"), str(tmp_path / "drone.jpg")]
    assert commands.main(["inspect", *files]) == 0
    told, drone = capsys.readouterr().out.split("\n\n")
    assert re.search(r"map +EPSG:32632: 456000 to 456022\.5, 5428981\.5 to 5429000; a pixel is 0\.5×0\.5", told)
    assert "map" not in drone and re.search(r"digital zoom +2\n", drone) and "2026-11-24 12:34:56" in drone
    assert re.search(r"pose +RelativeAltitude 40\.5, GimbalPitchDegree -90", drone)
    assert commands.main(["inspect", "--json", *files]) == 0
    told, drone = json.loads(capsys.readouterr().out)
    assert told["map"]["system"] == "EPSG:32632" and told["zoom"] == 1 and drone["map"] is None
    assert drone["pose"] == {"RelativeAltitude": 40.5, "GimbalPitchDegree": -90.0} and drone["zoom"] == 2


def test_inspect_takes_a_fourth_channel_for_what_fuse_does(tmp_path, capsys):
    """Infrared, where it is a picture; transparency, where it is one."""
    rng = np.random.default_rng(2)
    four = np.dstack([rng.integers(0, 255, (64, 80, 3)), np.clip(rng.normal(120, 30, (64, 80)), 1, 254)])
    four = four.astype(np.uint8)
    four[:20, :, 3] = 0
    cv2.imwrite(str(tmp_path / "both.png"), four)
    four[..., 3] = 255 * (np.mgrid[:64, :80][1] > 20)
    cv2.imwrite(str(tmp_path / "alpha.png"), four)
    assert commands.main(["inspect", str(tmp_path / "both.png"), str(tmp_path / "alpha.png")]) == 0
    both, alpha = capsys.readouterr().out.split("\n\n")
    assert "4 channels" in both and "transparent" not in both and "as infrared  its fourth channel" in both
    assert "3 channels, partly transparent" in alpha and "transparent parts on black" in alpha


def test_a_folder_of_radiometric_files_is_infrared(camera_files, capsys):
    """By what they hold, where no pair says it; one that holds both pictures is called so."""
    os.remove("bad.png")
    os.remove("vis.png")
    records = {0x01: make.raw_record(make.counts_of(np.full((37, 45), 20.0))), 0x20: make.camera_record()}
    (camera_files / "thermal.jpg").write_bytes(
        make.r_jpeg(make.encode(".jpg", np.full((37, 45), 90, np.uint8)), records)
    )
    assert commands.main(["inspect", "."]) == 0
    kinds = [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:5]]
    assert sorted(kinds) == ["both", "infrared", "other"]
