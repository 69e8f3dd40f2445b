"""The page's folder, built once, and a plain web server for it."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("onnxscript", reason="the extra onnx is not installed")

ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with fast and tiny, once for all workers of pytest-xdist: exporting both takes half a minute.

    ONNX Runtime Web is that of $DFUSE_ORT_WEB, of the user's cache, or npm's.
    """
    from filelock import FileLock  # a dependency of PyTorch

    from diffuse_fuse.browser.build import build
    from diffuse_fuse.browser.runtime import runtime_files
    from diffuse_fuse.errors import UsageError

    given = os.environ.get("DFUSE_ORT_WEB")
    runtime = Path(given) if given else None
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "page_without_server"
    with FileLock(f"{made}.lock"):
        try:
            runtime_files(runtime)
        except UsageError as error:
            pytest.skip(str(error))
        if not made.is_dir():
            build(made.with_suffix(".part"), runtime=runtime)
            made.with_suffix(".part").rename(made)
    return made


@contextmanager
def served(folder: Path, headers: dict[str, str] | None = None) -> Iterator[str]:
    """The address of a folder, served with these headers."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def end_headers(self) -> None:
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
