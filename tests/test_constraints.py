"""constraints.txt holds for every Python that pyproject.toml allows."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
OFFLINE = re.compile(r"Failed to establish|NewConnectionError|Temporary failure|ConnectTimeout|connection broken by")


def pins(python: str) -> dict[str, str]:
    """Name → version of what ``constraints.txt`` sets for a Python. Fails where a name has two."""
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pin = Requirement(line)
        here = {"python_version": python, "python_full_version": f"{python}.0"}
        if pin.marker is None or pin.marker.evaluate(here):
            name = canonicalize_name(pin.name)
            assert name not in found, f"{name} has two versions for Python {python}"
            found[name] = str(pin.specifier).removeprefix("==")
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_every_name_has_one_version(python):
    assert set(pins(python)) >= {"torch", "numpy", "opencv-python-headless", "scipy", "pillow", "filelock"}


@pytest.mark.parametrize("python", PYTHONS)
def test_no_installed_pin_needs_a_newer_python(python):
    """Needs no network: what is installed says which Python it needs."""
    wrong = []
    for name, version in pins(python).items():
        try:
            about = metadata.distribution(name).metadata
        except metadata.PackageNotFoundError:
            continue
        if about["Version"] == version and not SpecifierSet(about["Requires-Python"] or "").contains(f"{python}.99"):
            wrong.append(f"{name}=={version} needs Python {about['Requires-Python']}")
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
def test_pip_finds_every_pin(python, tmp_path):
    """All but torch, which is large; pip reads what each release needs and installs nothing."""
    wanted = tmp_path / "pins.txt"
    lines = [f"{name}=={version}" for name, version in pins(python).items() if name != "torch"]
    wanted.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--retries", "1"]
    command += ["--python-version", python, "--only-binary=:all:", "--target", str(tmp_path / "t"), "-r", str(wanted)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode and OFFLINE.search(run.stderr):
        pytest.skip("no package index can be reached")
    own = ".".join(map(str, sys.version_info[:3]))
    if run.returncode and f"requires a different Python: {own}" in run.stderr and not own.startswith(f"{python}."):
        pytest.skip(f"this pip judges releases for Python {python} by its own Python, {own}")
    assert run.returncode == 0, run.stderr


def test_lower_bounds_are_what_was_run():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has none")
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    lowest = [Requirement(line) for line in lines if line and not line.startswith("#")]
    run = {pin.name: Version(str(pin.specifier).removeprefix("==")) for pin in lowest}
    wanted = map(Requirement, tables["project"]["dependencies"])
    bounds = {each.name: each.specifier for each in wanted if not each.marker}  # tomli is for Python 3.10
    assert set(run) == set(bounds)
    for name, specifier in bounds.items():
        least = Version(str(specifier).removeprefix(">="))
        assert run[name].release[: len(least.release)] == least.release, name
