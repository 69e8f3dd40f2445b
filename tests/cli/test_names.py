"""Names that hold escapes and line breaks write nothing to the terminal: each message is one line of plain text."""

import os

import numpy as np
import pytest

from diffuse_fuse.cli.commands import main
from diffuse_fuse.images.write import write_image

BAD = "a\x1b[2J\nb"


@pytest.fixture
def flight(tmp_path, monkeypatch):
    """ir, vis and mine, each with two pictures of 48×64, one of them badly named, and one without a partner."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for folder in ("ir", "vis", "mine"):
        for name in ("1", BAD):
            write_image(tmp_path / folder / f"{name}.png", rng.integers(0, 255, (48, 64, 3)).astype(np.uint8))
    write_image(tmp_path / "ir" / f"{BAD}2.png", rng.integers(0, 255, (48, 64)).astype(np.uint8))
    (tmp_path / "vis" / f"{BAD}.png").write_bytes(b"no picture")
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
@pytest.mark.parametrize(
    "call",
    [
        ["align", "ir", "vis", "-o", "rig.json"],
        ["overlay", f"ir/{BAD}2.png", "vis/1.png", "-o", f"{BAD}.png"],
        ["overlay", f"ir/{BAD}.png", "vis/1.png", "-o", "o.png", "--page", "7"],
        ["eval", "--ir", "ir", "--vis", "vis", "--fused", f"{BAD}=mine", "--metrics", "EN", "--workers", "1"],
    ],
    ids=["align", "overlay", "overlay of a page", "eval"],
)
def test_a_message_is_one_line(flight, capsys, monkeypatch, call):
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)  # as on a terminal
    main(call)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert "\x1b[2J" not in text and not any(line.startswith("b2.png") for line in text.splitlines())
        assert not any(line.startswith(("b.png", "b:", "b,")) for line in text.splitlines())
