"""What files do not say is said in the same way to ``align`` and ``eval`` as to ``fuse``."""

import json

import numpy as np
import pytest

from diffuse_fuse.cli.commands import main
from diffuse_fuse.images.write import write_image

from ..alignment.conftest import make_scene

RAW = ["--raw-size", "320x240", "--raw-type", "uint16be"]


@pytest.fixture
def flight(tmp_path, monkeypatch):
    """Two folders of two pairs whose infrared pictures are numbers without a header."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ir").mkdir()
    for number in (1, 2):
        ir, vis = make_scene(number)
        (tmp_path / "ir" / f"{number}.raw").write_bytes((ir.astype(np.uint16) * 16 + 7000).astype(">u2").tobytes())
        write_image(tmp_path / "vis" / f"{number}.png", vis)
    return tmp_path


def test_align(flight, capsys):
    assert main(["align", "ir", "vis", "-o", "rig.json", "-q"]) == 1
    assert "--raw-size" in capsys.readouterr().err
    assert main(["align", "ir", "vis", "-o", "rig.json", "-q", "--json", *RAW]) == 0
    assert json.loads(capsys.readouterr().out)["used"] == 2


def test_eval(flight, capsys):
    for number in (1, 2):
        write_image(flight / "mine" / f"{number}.png", make_scene(number)[1])
    call = ["eval", "--ir", "ir", "--vis", "vis", "--fused", "mine=mine", "--metrics", "MI", "--workers", "1", "--json"]
    assert main(call) == 1
    assert "--raw-size" in capsys.readouterr().err
    assert main([*call, *RAW]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["dataset"]["pairs"] == 2 and not told["problems"]


def test_video(flight):
    """Frames of a folder; of a video the options would be overheard."""
    from diffuse_fuse.errors import ImageReadError, UsageError
    from diffuse_fuse.images.options import LoadOptions, RawLayout
    from diffuse_fuse.video.run import open_sources

    load = LoadOptions(raw=RawLayout(320, 240, "uint16be"))
    frames = list(open_sources(flight / "ir", flight / "vis", None, load=load).pairs)
    assert [frame.ir.shape for frame in frames] == [(240, 320)] * 2 and frames[0].ir.max() > 7000
    with pytest.raises(ImageReadError, match="--raw-size"):
        list(open_sources(flight / "ir", flight / "vis", None).pairs)
    (flight / "clip.mp4").write_bytes(b"\0" * 64)
    with pytest.raises(UsageError, match="is a video"):
        open_sources(flight / "clip.mp4", flight / "vis", None, load=load)
