"""The server process: listens, says where, and ends with Ctrl-C."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable

import uvicorn

from diffuse_fuse.errors import UsageError
from diffuse_fuse.serve.app import make_app
from diffuse_fuse.serve.settings import Settings

_CONNECTIONS = 512  # open at once; more are told to come again
_IDLE_SECONDS = 5


def serve(settings: Settings, on_ready: Callable[[str], None] | None = None) -> None:
    """Serves until Ctrl-C. ``on_ready`` is told the address when requests are answered.

    Raises UsageError for an address that cannot be used, WeightsError for the model.
    """
    logging.getLogger("python_multipart").setLevel(
        logging.CRITICAL
    )  # what is wrong with a form is its sender's to know
    listening = listen(settings)
    try:
        host, port = listening.getsockname()[:2]
        app = make_app(settings)
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=3,
            ws="none",
        )
        _Server(config, address(settings.host, host, port), on_ready).run(sockets=[listening])
    finally:
        listening.close()


def listen(settings: Settings) -> socket.socket:
    """A socket at the address of the settings. Raises UsageError."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"--host {settings.host}: {error.strerror or error}.") from None
    try:
        if os.name != "nt":  # there it would let two servers have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"Nothing can listen at {settings.host}, port {settings.port} ({error.strerror or error}): "
            "give another --port, or 0 for any."
        ) from None
    return listening


def address(asked: str, host: str, port: int) -> str:
    """What to open in a browser."""
    name = asked if asked in ("localhost",) else "127.0.0.1" if host == "0.0.0.0" else "::1" if host == "::" else host
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, where: str, on_ready: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._where, self._on_ready = where, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Told to the user only when requests are answered."""
        await super().startup(sockets)
        if self.started and self._on_ready:
            self._on_ready(self._where)
