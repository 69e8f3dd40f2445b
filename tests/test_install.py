"""The built wheel, in an environment of its own, from any working directory."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(out), str(ROOT)]
    run = subprocess.run(build, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return next(out.glob("diffuse_fuse-*.whl"))


@pytest.mark.slow
def test_wheel_holds_the_package_its_weights_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"diffuse_fuse"}
    assert "diffuse_fuse/py.typed" in names
    for room in ("serve/page", "browser/page", "viewer", "evaluation/page"):  # what is no Python is there too
        files = [path for path in (ROOT / "diffuse_fuse" / room).rglob("*") if path.suffix not in ("", ".py", ".pyc")]
        assert files and {path.relative_to(ROOT).as_posix() for path in files} <= set(names)
    shipped = {path.name for path in (ROOT / "weights").iterdir()}
    assert shipped == {Path(name).name for name in names if name.startswith("diffuse_fuse/weights/")}


@pytest.mark.slow
def test_wheel_alone_fuses_offline_from_any_directory(wheel, tmp_path):
    """The dependencies are lent by this environment; of dfuse itself there is nothing but the wheel."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)], check=True
    )
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "ir.png"), rng.integers(256, size=(50, 70), dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "vis.png"), rng.integers(256, size=(50, 70, 3), dtype=np.uint8))
    nowhere = "http://127.0.0.1:9"  # whatever tries to download something fails
    env = {**os.environ, "PYTHONPATH": sysconfig.get_paths()["purelib"], "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere}
    where = subprocess.run(
        [python, "-c", "import diffuse_fuse; print(diffuse_fuse.__file__)"],
        capture_output=True, text=True, cwd=tmp_path, env=env, check=True,
    ).stdout  # fmt: skip
    assert where.startswith(str(home))
    command = [python.with_name("dfuse"), "fuse", "ir.png", "vis.png", "-o", "out.png"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert run.returncode == 0, run.stderr
    assert cv2.imread(str(tmp_path / "out.png")).shape == (50, 70, 3)
