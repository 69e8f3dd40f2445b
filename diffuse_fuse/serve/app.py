"""The application: its routes, and what becomes of errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError

import diffuse_fuse
from diffuse_fuse.errors import DfuseError, ImageError, UnknownModelError
from diffuse_fuse.images.pairing import pair_names
from diffuse_fuse.serve import documented, listed
from diffuse_fuse.serve.admission import Admission, BusyError
from diffuse_fuse.serve.asked import FuseOptions, Names, ReadOptions, sentence
from diffuse_fuse.serve.counts import CONTENT_TYPE, Counts
from diffuse_fuse.serve.files import page_files
from diffuse_fuse.serve.guard import Guard, cross_origin
from diffuse_fuse.serve.settings import Settings
from diffuse_fuse.serve.upload import Form, RefusedError, drain, read_form, read_text
from diffuse_fuse.serve.work import Answer, GoneError, Patience, StoppedError, Work

T = TypeVar("T")
Options = TypeVar("Options", bound=BaseModel)

_EXPIRE_EVERY = 30.0  # seconds
_BODIES = 4  # of the largest size that may be in memory at once
_MOST_SAID = 3500  # characters of a header; proxies take 4096


class Service:
    """What the routes share: the work, the places, the numbers."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.work = settings, Work(settings)
        self.admission = Admission(self.work.at_once, settings.queue, _BODIES * settings.max_bytes)
        # decoded pairs are larger than files: few may wait for the network, of each kind of work
        self._light, self._heavy = asyncio.Semaphore(self.work.at_once + 1), asyncio.Semaphore(2)
        self.counts = Counts(self.work, self.admission)

    async def fuse(self, request: Request) -> Response:
        """One picture of a pair: fused, or a source as the fusion takes it."""

        async def work(form: Form, asked: FuseOptions, run: Run) -> Response:
            ir = form.files.get("ir") or self.work.held_file(asked.ir_sha256, asked.ir_name, "ir")
            vis = form.files.get("vis") or self.work.held_file(asked.vis_sha256, asked.vis_name, "vis")
            self.work.models.name(asked.model)
            if ir is None:
                raise RefusedError(422, "The infrared picture is missing: send the file ir.")
            if asked.hold:
                self.work.hold(form.files)
            await run.turn(self._light if self.work.may_be_light(asked) else self._heavy)
            held = self.work.held_pair(ir, vis, asked)
            if held is None:
                held = await run(self.work.light, self.work.read, ir, vis, asked)
            sources, pair = held
            alone = self.admission.inside == 1  # then it may have all cores
            pool = self.work.light if self.work.is_light(asked, pair) and not alone else self.work.heavy
            answer = await run(pool, self.work.answer, sources, pair, asked)
            return self._picture(answer)

        return await self._admitted(request, ("ir", "vis"), FuseOptions, work)

    async def inspect(self, request: Request) -> Response:
        """What a file is, and what fuse would do with it."""

        async def work(form: Form, asked: ReadOptions, run: Run) -> Response:
            if "file" not in form.files:
                raise RefusedError(422, "The picture is missing: send it as file.")
            return JSONResponse(await run(self.work.light, self.work.describe, form.files["file"], asked))

        return await self._admitted(request, ("file",), ReadOptions, work)

    async def pairs(self, request: Request) -> Response:
        """Pairs among names; nothing is looked for on the disk."""
        names = Names.model_validate_json(await read_text(request, 4_000_000)).names
        found = pair_names(names)
        both = [{"ir": pair.ir.as_posix(), "vis": pair.vis.as_posix()} for pair in found.pairs]
        alone = [path.as_posix() for path in (*found.ir_only, *found.vis_only, *found.passed_over)]
        return JSONResponse({"pairs": both, "alone": alone, "notes": [*map(str, found.ambiguous), *found.notes]})

    async def _admitted(
        self,
        request: Request,
        files: tuple[str, ...],
        options: type[Options],
        work: Callable[[Form, Options, Run], Any],
    ) -> Response:
        """Reads a form and works on it, where there is a place; the place is free when the threads are done."""
        with ExitStack() as inside:
            take = inside.enter_context(self.admission.place())
            form = await read_form(request, files, self.settings.max_bytes, self.settings.seconds, take)
            asked = options.model_validate(form.fields)
            run = Run(request, self.settings.seconds, inside)
            start = asyncio.get_running_loop().time()
            try:
                return await work(form, asked, run)
            finally:
                run.end()
                self.admission.took(asyncio.get_running_loop().time() - start)

    def _picture(self, answer: Answer) -> Response:
        self.counts.pixels(answer.pixels)
        headers = {
            documented.RESULT: said_in_header(answer.said),
            "Cache-Control": "no-store",
            "Content-Disposition": f'inline; filename="fused.{answer.suffix}"',
        }
        return Response(answer.body, media_type=documented.MEDIA_TYPES[answer.suffix], headers=headers)


class Run:
    """Steps of one request on threads, for as long as somebody waits.

    inside: what the request holds; where a step goes on after its time, it is let go when that is done.
    """

    def __init__(self, request: Request, seconds: float, inside: ExitStack) -> None:
        self._patience, self._inside = Patience(seconds), inside
        self._end = asyncio.get_running_loop().time() + seconds
        self._watch = asyncio.create_task(self._until_gone(request))

    async def turn(self, gate: asyncio.Semaphore) -> None:
        """Waits until ``gate`` lets this request through, which is through until it ends. Raises StoppedError."""
        try:
            await asyncio.wait_for(gate.acquire(), max(0.0, self._end - asyncio.get_running_loop().time()))
        except asyncio.TimeoutError:
            raise StoppedError from None
        self._inside.callback(gate.release)

    async def __call__(self, pool: ThreadPoolExecutor, step: Callable[..., T], *arguments: Any) -> T:
        """What ``step`` returns, given the arguments and how long somebody waits. Raises StoppedError."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(pool, partial(step, *arguments, self._patience))
        try:
            done, _ = await asyncio.wait({future}, timeout=max(0.0, self._end - loop.time()))
        except asyncio.CancelledError:  # the server ends
            self._give_up(future)
            raise
        if not done:
            self._give_up(future)
            raise StoppedError
        return future.result()

    def end(self) -> None:
        """Nobody is watched any more."""
        self._watch.cancel()

    def _give_up(self, future: asyncio.Future[Any]) -> None:
        self._patience.given_up = True
        held = self._inside.pop_all()

        def over(done: asyncio.Future[Any]) -> None:
            held.close()
            if not done.cancelled():
                done.exception()

        future.add_done_callback(over)

    async def _until_gone(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._patience.given_up = True


def make_app(settings: Settings | None = None) -> FastAPI:
    """The application, with its model loaded. Raises WeightsError, UsageError."""
    settings = settings or Settings()
    service = Service(settings)
    service.work.warm_up()

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_expire(service.work))
        try:
            yield
        finally:
            task.cancel()
            service.work.close()

    app = FastAPI(
        title="dfuse",
        version=diffuse_fuse.__version__,
        description="Fuses an infrared and a visible picture of one scene into one colour picture.",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    _handle_errors(app, settings)
    _add_work(app, service)
    _add_facts(app, service)
    _add_page(app)
    app.add_middleware(Guard, settings=settings, answered=service.counts.answered)
    cross_origin(app, settings)
    return app


def said_in_header(said: dict[str, Any]) -> str:
    """JSON of ASCII characters, short enough for a header: of many warnings the first ones."""
    texts = map(listed.in_fields, said["warnings"])
    warnings = [text if len(text) <= 400 else text[:399] + "…" for text in texts]
    while True:
        text = json.dumps({**said, "warnings": warnings}, allow_nan=False)
        if len(text) <= _MOST_SAID or not warnings:
            return text
        warnings = warnings[:-1]


async def _expire(work: Work) -> None:
    while True:
        await asyncio.sleep(_EXPIRE_EVERY)
        work.files.expire()
        work.pairs.expire()


def _add_work(app: FastAPI, service: Service) -> None:
    app.post(
        "/fuse",
        summary="Fuse a pair",
        response_class=Response,
        responses=documented.fuse_responses(),
        openapi_extra=documented.fuse_body(),
    )(service.fuse)
    app.post(
        "/inspect",
        summary="Describe a picture file",
        responses=documented.refusals(400, 403, 408, 413, 415, 422, 429, 503),
        openapi_extra=documented.inspect_body(),
    )(service.inspect)
    app.post(
        "/pairs",
        summary="Pair the names of files, as dfuse fuse pairs folders",
        responses=documented.refusals(403, 408, 413, 415, 422),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": Names.model_json_schema()}},
            }
        },
    )(service.pairs)


def _add_facts(app: FastAPI, service: Service) -> None:
    @app.get("/models", summary="List the models with their cards")
    def list_models() -> list[dict[str, Any]]:
        return [
            listed.model(card, card.name == service.work.models.default) for card in service.work.models.cards.values()
        ]

    @app.get("/health", summary="Check that the service is up")
    async def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "version": diffuse_fuse.__version__,
            "model": service.work.models.default,
            "inside": service.admission.inside,
            "most": service.admission.most,
        }

    @app.get(
        "/metrics",
        summary="Numbers for Prometheus",
        response_class=Response,
        responses={200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}},
    )
    async def numbers() -> Response:
        return Response(service.counts.text(), headers={"Content-Type": CONTENT_TYPE})

    @app.get("/page/setup", include_in_schema=False)
    def setup() -> dict[str, Any]:
        return listed.setup(service.settings, service.work.models.cards.values(), service.work.models.default)


def _add_page(app: FastAPI) -> None:
    def file(name: str, request: Request) -> Response:
        found = page_files().get(name)
        if found is None:
            return JSONResponse({"detail": "There is no such file."}, 404)
        headers = {"Content-Type": found.content_type, "ETag": found.etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.body, headers=headers)

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return file("", request)

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return file("docs", request)

    @app.get("/page/{name}", include_in_schema=False)
    async def page_file(name: str, request: Request) -> Response:
        return file(name, request)


def _handle_errors(app: FastAPI, settings: Settings) -> None:
    def answer(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"detail": text}, status, headers)

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        if error.status == 413:
            await drain(request, settings.max_bytes)
        return answer(error.status, error.text)

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> Response:
        await drain(request, settings.max_bytes)
        text = f"The queue is full: try again in {error.seconds} s."
        return answer(429, text, {"Retry-After": str(error.seconds)})

    @app.exception_handler(ValidationError)
    async def wrong(_: Request, error: ValidationError) -> Response:
        return answer(422, sentence(error))

    @app.exception_handler(StoppedError)
    async def stopped(_: Request, __: StoppedError) -> Response:
        return answer(
            503, f"The work took longer than {settings.seconds:g} s: send a smaller picture, or use the model fast."
        )

    @app.exception_handler(DfuseError)
    async def unusable(_: Request, error: DfuseError) -> Response:
        status = 410 if isinstance(error, GoneError) else 404 if isinstance(error, UnknownModelError) else 422
        text = listed.in_fields(str(error))
        if isinstance(error, ImageError) and " more than the limit of " in text:
            status = 413
        return answer(status, text)
