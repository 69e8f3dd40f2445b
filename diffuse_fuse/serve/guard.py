"""Around all routes: who may ask, the headers that each answer has, and the count of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diffuse_fuse import shortage
from diffuse_fuse.serve.documented import RESULT
from diffuse_fuse.serve.files import secure
from diffuse_fuse.serve.settings import LOOPBACK, Settings

_log = logging.getLogger(__name__)
_NO_ANSWER = 499  # counted where the client did not wait for one
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Lets requests through that come to this host, and from its own page or no page.

    A page of another site that the user has open could send forms here, or give its own name this address (DNS
    rebinding) and read the answers. ``answered`` is told the route, the status and the seconds of each request.
    """

    def __init__(self, app: ASGIApp, settings: Settings, answered: Callable[[str, int, float], None]) -> None:
        self._app, self._settings, self._answered = app, settings, answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), _NO_ANSWER

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                secure(MutableHeaders(scope=message))
            await send(message)

        try:
            await (self._refusal(scope) or self._app)(scope, receive, sending)
        except ClientDisconnect:
            pass
        except Exception as error:
            if status != _NO_ANSWER:
                raise
            await _failure(error)(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._answered(route, status, time.perf_counter() - start)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = _host(f"//{headers.get('host', '')}")
        if self._settings.is_local and host not in LOOPBACK:
            return JSONResponse({"detail": "This service answers only to localhost."}, 421)
        origin = headers.get("origin")
        if origin is None or scope["method"] in _SAFE or origin in self._settings.cors or "*" in self._settings.cors:
            return None
        if urlsplit(origin).netloc == headers.get("host"):
            return None
        return JSONResponse({"detail": "The request comes from the page of another site."}, 403)


def _failure(error: Exception) -> ASGIApp:
    """The answer to what nobody expected: what the machine lacks, or a bug, whose traceback is for the log only."""
    if shortage.of_memory(error):
        return JSONResponse({"detail": "There is not enough memory for pictures of this size."}, 503)
    _log.error("a request failed", exc_info=error)
    text = f"This is a bug in dfuse: {type(error).__name__}. The server's log has the details."
    return JSONResponse({"detail": text}, 500)


def cross_origin(app: FastAPI, settings: Settings) -> None:
    """Lets pages of the origins that are named call the service; none unless asked."""
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            expose_headers=[RESULT, "Retry-After"],
        )


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
