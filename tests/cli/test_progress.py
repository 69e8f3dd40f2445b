"""Bars on stderr: of units, and of the rows of a picture that takes long."""

import os
import subprocess
import sys

import numpy as np
import pytest

from diffuse_fuse.batch.network import Lazy
from diffuse_fuse.cli import progress
from diffuse_fuse.images.write import write_image


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def rows_shown(rows):
    return [(task.completed, task.total) for task in rows._bar.tasks if "rows" in task.fields]


def test_rows_show_from_when_a_picture_takes_long_until_it_is_done(clock):
    with progress.rows_bar() as rows:
        rows(0, 90)
        rows(10, 90)
        assert not rows_shown(rows) and not rows._bar.live.is_started
        clock[0] += 1.5
        rows(20, 90)
        assert rows_shown(rows) == [(20, 90)] and rows._bar.live.is_started
        rows(30, 90)
        assert rows_shown(rows) == [(30, 90)]
        rows(90, 90)
        assert not rows_shown(rows)
        rows(10, 80)  # the next picture begins anew
        assert not rows_shown(rows)
    assert not rows._bar.live.is_started


def test_a_picture_that_failed_on_its_way_leaves_no_rows(clock):
    with progress.progress_bar("fusing", 2, "pair") as advance:
        advance.rows(5, 90)
        clock[0] += 2
        advance.rows(50, 90)
        assert rows_shown(advance.rows) == [(50, 90)]
        advance.rows(5, 60)
        assert not rows_shown(advance.rows)
        clock[0] += 2
        advance.rows(10, 60)
        assert rows_shown(advance.rows) == [(10, 60)]
        advance()
    assert not rows_shown(advance.rows)


def test_pairs_keep_their_rate_and_rows_have_none(clock, capsys):
    with progress.progress_bar("fusing", 1, "pair") as advance:
        advance.rows(5, 90)
        clock[0] += 2
        advance.rows(50, 90)
        advance()
    shown = capsys.readouterr().err
    assert "fusing" in shown and "1/1" in shown and "rows" not in shown  # no terminal: the finished bar alone


def test_a_fuser_is_told_whom_to_tell_if_it_has_one_picture_at_a_time():
    class Fuser:
        def fuse(self, ir, vis, **options):
            return options

    lazy, several = Lazy(Fuser), Lazy(Fuser, at_once=2)
    picture = np.zeros((2, 2), np.uint8)
    assert lazy.fuse(picture, picture, depth=16) == {"depth": 16}
    lazy.on_rows = several.on_rows = print
    assert lazy.fuse(picture, picture, depth=16) == {"depth": 16, "on_rows": print}
    assert several.fuse(picture, picture) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_a_large_picture_shows_its_rows_on_a_terminal(tmp_path):
    """The command itself, with a second shortened to nothing."""
    import pty

    write_image(tmp_path / "ir.png", np.full((1200, 400), 90, np.uint8))
    write_image(tmp_path / "vis.png", np.full((1200, 400, 3), 120, np.uint8))
    script = (
        "import sys; from diffuse_fuse.cli import progress; progress._LONG = -1.0\n"
        "from diffuse_fuse.fusion import student_rows; student_rows._BAND_PIXELS = 1 << 15\n"
        "from diffuse_fuse.cli.commands import main\n"
        "sys.exit(main(['fuse', 'ir.png', 'vis.png', '-o', 'out.png', '--model', 'tiny', '--no-metrics',"
        " '--device', 'cpu', '--threads', '1']))"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # what Linux says at the end
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait() == 0 and (tmp_path / "out.png").exists()
    assert b"rows" in shown and b"/1200" in shown
