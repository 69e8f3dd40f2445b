"""What a call reads besides pictures is an input too: no output replaces it, also not with ``--overwrite``."""

import pytest

from diffuse_fuse.cli.commands import main
from diffuse_fuse.images.overlay import colours_of
from diffuse_fuse.images.write import write_image


@pytest.mark.parametrize("command", ["fuse", "overlay"])
def test_the_bar_of_a_palette(tmp_path, scene, command, capsys):
    bar = tmp_path / "bar.png"
    write_image(bar, colours_of("iron")[None].repeat(8, axis=0))
    for name, picture in zip(("ir.png", "vis.png"), scene, strict=True):
        write_image(tmp_path / name, picture)
    before = bar.read_bytes()
    files = [str(tmp_path / "ir.png"), str(tmp_path / "vis.png")]
    assert main([command, *files, "-o", str(bar), "--palette", str(bar), "--overwrite"]) == 2
    assert "bar.png is one of the inputs" in capsys.readouterr().err and bar.read_bytes() == before
