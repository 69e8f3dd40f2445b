"""``dfuse video`` as a user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("av", reason="the extra video is not installed")

from diffuse_fuse.cli.commands import main
from tests.schemas import check
from tests.video.conftest import COUNT, clip, files, read_video  # noqa: F401


def test_two_videos(files, tiny_model, tmp_path, capsys):  # noqa: F811
    call = ["video", *map(str, files), "-o", str(tmp_path / "out.mp4"), "--model", str(tiny_model)]
    call += ["--backend", "torch", "--device", "cpu"]
    assert main([*call, "--json"]) == 0
    told, err = capsys.readouterr()
    told = json.loads(told)
    assert check(told) == "video"
    assert told["frames"] == COUNT == len(read_video(tmp_path / "out.mp4"))
    assert told["sound"] and set(told["flicker"]) == {"ir", "vis", "fused", "still", "changes", "steady"}
    assert "Flicker of still areas" in err and "Speed: " in err
    assert main(call) == 1 and "exists already" in capsys.readouterr().err
    assert main([*call, "--overwrite", "-q"]) == 0 and capsys.readouterr() == ("", "")


def test_what_is_wrong_is_said_in_one_sentence(files, tmp_path, capsys):  # noqa: F811
    ir, vis, out = *map(str, files), str(tmp_path / "out.mp4")
    (tmp_path / "link.mp4").symlink_to(ir)
    (tmp_path / "hard.mp4").hardlink_to(vis)
    (tmp_path / "nowhere.mp4").symlink_to("gone.mp4")
    for call, code, text in (
        ([ir, "nothing.mp4", "-o", out], 2, "no file or folder nothing.mp4"),
        ([ir, vis, "-o", str(tmp_path / "out.png")], 2, "the suffix of a video is one of"),
        ([ir, vis, "-o", ir, "--overwrite"], 2, "one of the inputs"),
        ([ir, vis, "-o", str(tmp_path / "link.mp4"), "--overwrite"], 2, "one of the inputs"),
        ([ir, vis, "-o", str(tmp_path / "hard.mp4"), "--overwrite"], 2, "one of the inputs"),
        ([ir, vis, "-o", str(tmp_path / "nowhere.mp4")], 1, "exists already"),
        ([ir, vis, "-o", out, "--fps", "fast"], 2, "such as 25 or 30000/1001"),
        ([ir, vis, "-o", out, "--thermal-range", "5", "5"], 2, "lower value first"),
        ([ir, vis, "-o", out, "--thermal-range", "camera"], 2, "is a video, which does not store"),
        ([ir, vis, "-o", out, "--backend", "onnx", "--device", "cuda"], 2, "runs only on the CPU"),
        ([ir, vis, "-o", out, "--backend", "torch", "--model", "none"], 2, "no model 'none'"),
    ):
        assert main(["video", *call]) == code
        err = capsys.readouterr().err
        assert text in err and "Traceback" not in err
    assert not (tmp_path / "out.mp4").exists()


def test_a_missing_extra_gives_the_line_that_installs_it(files, tmp_path, capsys, monkeypatch):  # noqa: F811
    def missing(name):
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr("diffuse_fuse.extras.import_module", missing)
    assert main(["video", *map(str, files), "-o", str(tmp_path / "out.mp4")]) == 2
    assert "pip install '.[video]'" in capsys.readouterr().err


# FFmpeg as it is before PyAV takes its messages: they go to descriptor 2.
LOUD = """
import sys
import av.logging
av.logging.restore_default_callback()
from diffuse_fuse.cli import main
sys.exit(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="descriptor 2 is another on Windows")
def test_what_ffmpeg_and_its_encoders_print_reaches_no_terminal(files, tiny_model, tmp_path):  # noqa: F811
    import av

    data = bytearray(files[1].read_bytes())
    start = data.index(b"mdat") + 2000
    data[start : start + 2000 : 40] = bytes(50)
    (tmp_path / "bad.mp4").write_bytes(data)

    def run(*arguments):
        call = [sys.executable, "-c", LOUD, "video", *map(str, arguments), "-q", "--model", str(tiny_model)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.run(call, capture_output=True, text=True, env=environment, timeout=120)

    damaged = run(files[0], tmp_path / "bad.mp4", "-o", tmp_path / "a.mp4")
    assert damaged.stderr.count("\n") == damaged.returncode and "[h264" not in damaged.stderr, damaged.stderr
    if "libsvtav1" in av.codecs_available:
        done = run(*files, "-o", tmp_path / "b.mp4", "--codec", "libsvtav1")
        assert (done.returncode, done.stderr) == (0, "")
