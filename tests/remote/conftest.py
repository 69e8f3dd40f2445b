"""A server on loopback that speaks S3: Moto's, behind a layer that fails when it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from diffuse_fuse.cli import commands
from diffuse_fuse.images.write import write_image
from diffuse_fuse.remote import store

BUCKET = "flight"


class Faults:
    """A WSGI application before another one. ``plan``: what to do with the next requests that it fits."""

    def __init__(self, app: Callable) -> None:
        self._app = app
        self.plan: list[tuple[str, str, str]] = []  # method, end of the path, what happens
        self.seen: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def __call__(self, environ: dict, start_response: Callable) -> Iterator[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        with self._lock:
            self.seen.append((method, path))
            fits = [entry for entry in self.plan if entry[0] == method and path.endswith(entry[1])]
            if fits:
                self.plan.remove(fits[0])
        kind = fits[0][2] if fits else ""
        if kind == "503":
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]
        if kind == "denied":
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
        if kind == "slow":
            time.sleep(3)
        body = b"".join(self._app(environ, start_response))
        return [body[: len(body) // 2]] if kind == "truncated" else [body]  # fewer bytes than the head promises


@pytest.fixture(scope="session")
def server():
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    faults = Faults(DomainDispatcherApplication(create_backend_app))
    running = make_server("127.0.0.1", 0, faults, threaded=True)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield SimpleNamespace(faults=faults, url=f"http://127.0.0.1:{running.port}")
    running.shutdown()


@pytest.fixture
def s3(server, monkeypatch):
    """An empty bucket; s3fs, as dfuse finds it, speaks with the server."""
    import fsspec

    once = {"retries": {"total_max_attempts": 1}, "read_timeout": 2, "connect_timeout": 5}
    given = {"endpoint_url": server.url, "key": "k", "secret": "s", "config_kwargs": once}
    monkeypatch.setitem(fsspec.config.conf, "s3", given)
    monkeypatch.setattr(store, "FIRST_WAIT", 0.01)
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)  # dfuse's own tries are what is tested
    files = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    server.faults.plan.clear()
    if files.exists(BUCKET):
        files.rm(BUCKET, recursive=True)
    files.mkdir(BUCKET)
    server.faults.seen.clear()
    yield SimpleNamespace(files=files, faults=server.faults)
    server.faults.plan.clear()


@pytest.fixture
def dfuse(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        code = commands.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "dfuse-afar-" not in out + err
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


@pytest.fixture
def pairs(tmp_path, s3):
    """Five pairs in ir/ and vi/ here, and the same in the bucket."""
    rng = np.random.default_rng(0)
    for number in range(5):
        noise = rng.integers(0, 256, (24, 32, 4), dtype=np.uint8)
        write_image(tmp_path / "ir" / f"{number}.png", noise[..., 3])
        write_image(tmp_path / "vi" / f"{number}.png", noise[..., :3])
        for side in ("ir", "vi"):
            s3.files.put_file(str(tmp_path / side / f"{number}.png"), f"{BUCKET}/{side}/{number}.png")
    return tmp_path
