"""Work on a Ray cluster: workers that are set up once each, and pieces of work that they take in turn.

Ray says where a worker runs, by what it needs of processors and GPUs, starts it again elsewhere when its process or its
machine dies, and brings back what it made. A piece that a worker had in hand when it died is given out again. That is
all that is done here; what a piece is, is the callers' business.
"""

from __future__ import annotations

import contextlib
import io
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from diffuse_fuse.errors import DataError, UsageError
from diffuse_fuse.extras import need

AUTO, LOCAL = "auto", "local"
_DEATHS = 3  # of workers with one and the same piece: it is the piece
_PATIENCE = 600.0  # seconds without any worker
_NO_WORKER = "The Ray cluster started no worker for ten minutes: check ray status."

Work = Callable[[Any], Any]


@dataclass(frozen=True)
class Cluster:
    """Which cluster, and what a worker needs of it.

    address: "auto" (the one that this machine belongs to, or else this machine), "local", host:port of a head, or
    ray://host:port. cpus: cores of each worker. gpus: of each worker, a part of one too.
    """

    address: str = AUTO
    cpus: int = 1
    gpus: float = 0.0


@dataclass(frozen=True)
class Lost:
    """What comes back for a piece whose workers died again and again."""

    sentence: str = "the process that worked on it died three times, probably out of memory"


def spread(
    cluster: Cluster,
    set_up: Callable[[], Work],
    pieces: Sequence[Any],
    stop: Callable[[], bool] = lambda: False,
    on_death: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, Any]]:
    """(number of the piece, what the work made of it) for every piece, as they come.

    set_up: called once in each worker; gives what is called with each piece. All of it travels as Python pickles it.
    Once ``stop`` says so, nothing new is given out. ``on_death`` is called where a worker has died. An exception of the
    work ends all and is raised. Raises UsageError without the extra or the cluster, DataError where no worker can be
    started.
    """
    ray = need("ray", "ray")
    with contextlib.redirect_stdout(io.StringIO()):  # where Ray prints pages of its logs when a node dies
        connected = _connect(ray, cluster.address)
        try:
            yield from _Round(ray, cluster, set_up, pieces, stop, on_death)
        finally:
            if connected:
                ray.shutdown()


def _connect(ray: Any, address: str) -> bool:
    """Whether this call has connected to the cluster; False where the process was connected."""
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    try:
        if address == AUTO:
            try:
                ray.init("auto", **quiet)
            except ConnectionError:  # there is none
                ray.init("local", include_dashboard=False, **quiet)
        else:
            more = {"include_dashboard": False} if address == LOCAL else {}
            ray.init(address, **more, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"There is no Ray cluster at {address} ({reason}): start one with ray start --head.") from None
    return True


class _Round:
    """One call of ``spread``, connected."""

    def __init__(
        self,
        ray: Any,
        cluster: Cluster,
        set_up: Callable[[], Work],
        pieces: Sequence[Any],
        stop: Callable[[], bool],
        on_death: Callable[[], None],
    ) -> None:
        self._ray, self._pieces, self._stop, self._on_death = ray, pieces, stop, on_death
        self._waiting = deque(range(len(pieces)))
        self._deaths: Counter[int] = Counter()
        self._running: dict[Any, tuple[Any, int | None]] = {}  # what is awaited → worker, piece (None: its start)
        for worker in _workers(ray, cluster, set_up, len(pieces)):
            self._running[worker.ready.remote()] = (worker, None)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        since = time.monotonic()
        while self._running and (self._waiting or any(piece is not None for _, piece in self._running.values())):
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=1.0)
            if self._stop():
                self._waiting.clear()
            if ready or any(piece is not None for _, piece in self._running.values()):
                since = time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                raise DataError(_NO_WORKER)
            for reference in ready:
                yield from self._take(reference)

    def _take(self, reference: Any) -> Iterator[tuple[int, Any]]:
        worker, piece = self._running.pop(reference)
        try:
            made = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except _deaths(self._ray):
            self._on_death()
            # Ray starts it again, here or elsewhere
            self._running[worker.ready.remote()] = (worker, None)
            if piece is not None:
                yield from self._again(piece)
            return
        if piece is not None:
            yield piece, made
        if self._waiting:
            piece = self._waiting.popleft()
            self._running[worker.work.remote(self._pieces[piece])] = (worker, piece)

    def _again(self, piece: int) -> Iterator[tuple[int, Any]]:
        self._deaths[piece] += 1
        if self._deaths[piece] < _DEATHS:
            self._waiting.appendleft(piece)
        else:
            yield piece, Lost()


class Team:
    """Workers for pieces that come one after another: called with a piece, it gives what a worker made of it.

    Any number of threads may call it; as many as ``count`` are served at once. Where a worker dies, its piece is done
    again by another. set_up, on_death: as ``spread`` has them. most: workers, at most. To be entered; raises what
    ``spread`` raises, and a call DataError for a piece whose workers died again and again.
    """

    def __init__(
        self,
        cluster: Cluster,
        set_up: Callable[[], Work],
        most: int | None = None,
        on_death: Callable[[], None] = lambda: None,
    ) -> None:
        self._cluster, self._set_up, self._most, self._on_death = cluster, set_up, most, on_death
        self._ray = need("ray", "ray")
        self._idle: queue.Queue[Any] = queue.Queue()
        self._starting: dict[Any, Any] = {}  # what is awaited → worker
        self._lock = threading.Lock()
        self._seen = time.monotonic()  # a worker that lives
        self._held = contextlib.ExitStack()
        self.count = 0

    def __enter__(self) -> Team:
        with contextlib.ExitStack() as held:
            held.enter_context(contextlib.redirect_stdout(io.StringIO()))  # as in ``spread``
            if _connect(self._ray, self._cluster.address):
                held.callback(self._ray.shutdown)
            workers = _workers(self._ray, self._cluster, self._set_up, self._most)
            held.callback(self._release, workers)
            for worker in workers:
                self._starting[worker.ready.remote()] = worker
            self.count = len(workers)
            self._seen = time.monotonic()
            self._held = held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._held.close()

    def _release(self, workers: list[Any]) -> None:
        for worker in workers:
            self._ray.kill(worker)

    def __call__(self, piece: Any) -> Any:
        for _ in range(_DEATHS):
            worker = self._free()
            try:
                made = self._ray.get(worker.work.remote(piece))
            except self._ray.exceptions.RayTaskError as error:
                self._idle.put(worker)
                raise error.cause from None
            except _deaths(self._ray):
                self._died(worker)
            else:
                self._seen = time.monotonic()
                self._idle.put(worker)
                return made
        raise DataError(f"A part of the work cannot be done: {Lost().sentence}.")

    def _free(self) -> Any:
        """A worker that has nothing to do, which is waited for."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self._idle.get(timeout=0.1)
            with self._lock:
                ready, _ = self._ray.wait(list(self._starting), timeout=0) if self._starting else ((), ())
                found = [(reference, self._starting.pop(reference)) for reference in ready]
            for reference, worker in found:
                try:
                    self._ray.get(reference)
                except _deaths(self._ray):
                    self._died(worker)
                else:
                    self._seen = time.monotonic()
                    self._idle.put(worker)
            if len(self._starting) == self.count and time.monotonic() - self._seen > _PATIENCE:
                raise DataError(_NO_WORKER)

    def _died(self, worker: Any) -> None:
        self._on_death()
        with self._lock:  # Ray starts it again, here or elsewhere
            self._starting[worker.ready.remote()] = worker


class _Worker:
    """What runs elsewhere."""

    def __init__(self, set_up: Callable[[], Work]) -> None:
        self._work = set_up()

    def ready(self) -> None:
        """Comes back once the worker is set up."""

    def work(self, piece: Any) -> Any:
        return self._work(piece)


def _workers(ray: Any, cluster: Cluster, set_up: Callable[[], Work], most: int | None) -> list[Any]:
    """As many as there is room for, starting. Raises UsageError for no room."""
    needs = {"num_cpus": cluster.cpus, "num_gpus": cluster.gpus}
    room = _room(ray, needs)
    actor = ray.remote(_Worker).options(**needs, max_restarts=-1, max_task_retries=0)
    return [actor.remote(set_up) for _ in range(room if most is None else min(room, most))]


def _deaths(ray: Any) -> tuple[type[Exception], ...]:
    """What it means that a worker or its machine has died."""
    return ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError, ray.exceptions.ObjectLostError


def _room(ray: Any, needs: dict[str, float]) -> int:
    """How many workers the cluster has room for. Raises UsageError for none."""
    names = {"num_cpus": "CPU", "num_gpus": "GPU"}
    there = ray.cluster_resources()
    count = min(int(there.get(names[name], 0) / need) for name, need in needs.items() if need)
    if not count:
        asked = " and ".join(f"{need:g} {names[name]}" for name, need in needs.items() if need)
        raise UsageError(f"The Ray cluster has no room for a worker of {asked}: use fewer --threads, or add machines.")
    return count
