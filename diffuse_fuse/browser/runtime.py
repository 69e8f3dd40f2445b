"""ONNX Runtime Web, which runs a graph in a browser: two files of an npm package, and kept in the user's cache."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from diffuse_fuse.errors import UsageError
from diffuse_fuse.files import write_atomically
from diffuse_fuse.onnx.graphs import cache_folder

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"  # the version that is tested
# names in the package → names beside the page; .js, since not every server knows what .mjs is
FILES = {"dist/ort.wasm.bundle.min.mjs": "ort.js", "dist/ort-wasm-simd-threaded.wasm": "ort.wasm"}
_SECONDS = 600  # that npm may take for 33 MB
_LARGEST = 1 << 28  # bytes of a file; the largest one has 14 MB


def runtime_files(given: Path | None = None) -> dict[str, bytes]:
    """The files beside the page by their names there.

    ``given``: the package, as a folder or as the .tgz that npm pack writes, of any version; without it, that of the
    cache, or else npm's. Raises UsageError where there is none.
    """
    if given is not None:
        return _of_folder(given) if given.is_dir() else _of_archive(given)
    kept = cache_folder() / f"{PACKAGE}-{VERSION}"
    if all((kept / name).is_file() for name in FILES.values()):
        return {name: (kept / name).read_bytes() for name in FILES.values()}
    found = _by_npm()
    try:
        for name, data in found.items():
            write_atomically(kept / name, data)
    except OSError:
        pass  # a cache that cannot be written only costs time
    return found


def _by_npm() -> dict[str, bytes]:
    npm = shutil.which("npm")
    advice = f"or give the package with --runtime FILE ({PACKAGE}-{VERSION}.tgz, or its folder)"
    if npm is None:
        raise UsageError(f"The page needs {PACKAGE}, which npm gets, and there is no npm: install Node.js, {advice}.")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, f"{PACKAGE}@{VERSION}"]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, cwd=folder)
        except subprocess.TimeoutExpired:
            raise UsageError(f"npm does not get {PACKAGE} within {_SECONDS} s: try again, {advice}.") from None
        archives = list(Path(folder).glob("*.tgz"))
        if run.returncode or not archives:
            lines = [line for line in run.stderr.splitlines() if line.strip()] or ["it says nothing"]
            raise UsageError(f"npm cannot get {PACKAGE} ({lines[0].strip()[:200]}): go online, {advice}.")
        return _of_archive(archives[0])


def _of_folder(folder: Path) -> dict[str, bytes]:
    root = folder if (folder / "dist").is_dir() else folder / "package"
    try:
        return {name: (root / path).read_bytes() for path, name in FILES.items()}
    except OSError:
        raise _no_package(folder) from None


def _of_archive(path: Path) -> dict[str, bytes]:
    """Members are read by their names: nothing is unpacked onto the disk."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            for member, name in FILES.items():
                file = archive.extractfile(f"package/{member}")
                if file is None:
                    raise _no_package(path)
                found[name] = file.read(_LARGEST)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (tarfile.TarError, EOFError, KeyError, ValueError):
        raise _no_package(path) from None
    return found


def _no_package(path: Path) -> UsageError:
    return UsageError(f"{path} is not the package {PACKAGE}: npm pack {PACKAGE}@{VERSION} gets it.")
