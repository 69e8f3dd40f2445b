"""A service in this process, on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest

from tests.images import flir_file
from tests.serve.client import Client

pytest.importorskip("fastapi", reason="the extra serve is not installed")


@contextmanager
def running(**settings: Any) -> Iterator[Client]:
    """A client of a service with these settings, which ends with the block."""
    import uvicorn

    from diffuse_fuse.serve import Settings, make_app
    from diffuse_fuse.serve.run import listen

    chosen = Settings(**{"port": 0, "model": "tiny", **settings})
    listening = listen(chosen)
    config = uvicorn.Config(make_app(chosen), log_level="critical", access_log=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        threading.Event().wait(0.01)
    try:
        yield Client(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture(scope="session")
def service() -> Iterator[Client]:
    """One for all tests that change nothing of it."""
    with running() as client:
        yield client


def png(array: np.ndarray) -> bytes:
    return cv2.imencode(".png", array if array.ndim == 2 else array[..., ::-1])[1].tobytes()


def decoded(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return image if image.ndim == 2 else image[..., ::-1]


@pytest.fixture(scope="session")
def radiometric() -> bytes:
    """A radiometric JPEG that holds both pictures: temperatures from 18 to 32 °C, and a photograph."""
    y, x = np.mgrid[:48, :64]
    celsius = 18 + 0.1 * x[::2, ::2] + 8 * (x[::2, ::2] > 40)
    photo = np.stack([60 + 2 * x, 200 - 3 * y, 90 + x + y], -1).astype(np.uint8)
    records = {
        0x01: flir_file.raw_record(flir_file.counts_of(celsius)),
        0x20: flir_file.camera_record(span=(19.0, 30.0)),
        0x0E: flir_file.visible_record(flir_file.encode(".jpg", photo)),
        0x2A: flir_file.alignment_record(1.0, 0, 0),
    }
    return flir_file.r_jpeg(flir_file.encode(".jpg", photo), records)


@pytest.fixture(scope="session")
def pair(street: Callable[..., tuple[np.ndarray, np.ndarray]]) -> dict[str, tuple[str, bytes]]:
    """The files of a small pair, as a form takes them."""
    ir, vis = street("night", 160, 120)
    return {"ir": ("street_ir.png", png(ir)), "vis": ("street_vis.png", png(vis))}
