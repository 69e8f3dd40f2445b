"""Numbers of the service in Prometheus' text form."""

from __future__ import annotations

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

import diffuse_fuse
from diffuse_fuse.serve.admission import Admission
from diffuse_fuse.serve.work import Work

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Counts:
    """Counters of one application: a registry of their own, so that several may live in one process."""

    def __init__(self, work: Work, admission: Admission) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "dfuse_requests", "Requests by route and status.", ("route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "dfuse_request_seconds",
            "Seconds from the first byte to the answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._pixels = Counter("dfuse_pixels", "Pixels of the pictures in answers.", registry=registry)
        for name, text, value in (
            ("dfuse_requests_inside", "Requests that upload, wait or run.", lambda: admission.inside),
            ("dfuse_requests_most", "Limit of requests that upload, wait or run.", lambda: admission.most),
            ("dfuse_held_files_bytes", "Uploaded files that are held in memory.", lambda: work.files.nbytes),
            ("dfuse_held_pairs_bytes", "Decoded pairs that are held in memory.", lambda: work.pairs.nbytes),
        ):
            Gauge(name, text, registry=registry).set_function(value)
        Gauge("dfuse_info", "The version, as a label.", ("version", "python"), registry=registry).labels(
            diffuse_fuse.__version__, platform.python_version()
        ).set(1)
        ProcessCollector(registry=registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Told of every request; ``route`` is a path of the application, never one that a client made up."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def pixels(self, number: int) -> None:
        """Told of every picture."""
        self._pixels.inc(number)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)
