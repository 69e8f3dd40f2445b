"""The steps of a pair whose files are elsewhere, and the table of metrics beside pictures that are.

Sources come before a pair is read, and an output that is there, so that it says whether it is up to date; the picture
goes when it is written. All else is done by ``steps`` and ``run``, on the places of the files in a ``remote.Stage``.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from diffuse_fuse import owners
from diffuse_fuse.batch.job import Existing, FusesArrays, Job, Recipe, Result, failed
from diffuse_fuse.batch.pipeline import Done
from diffuse_fuse.batch.steps import Fused, Ready, Scores, Steps
from diffuse_fuse.errors import DataError, ImageReadError, ImageWriteError
from diffuse_fuse.journal import Row
from diffuse_fuse.metrics_file import NAME, merged_text, read_rows, texts
from diffuse_fuse.remote.stage import Stage

_ABANDONED = 24 * 3600.0  # seconds; then the rows of a run are in the table, or nobody's


class FarSteps(Steps):
    """``Steps`` on the places of a stage."""

    def __init__(
        self,
        fuser: FusesArrays | None,
        existing: Existing,
        recipe: Recipe,
        scores: Scores | None = None,
        *,
        stage: Stage,
    ) -> None:
        super().__init__(fuser, existing, recipe, scores)
        self._stage = stage

    def read(self, job: Job) -> Ready | Done[Result]:
        """As ``Steps.read``, of files that come for it."""
        outputs = [job.out, *([job.gif] if self._recipe.gif else [])] if self._existing != "replace" else []
        try:
            with self._here(job, outputs):
                return super().read(job)
        except (ImageReadError, DataError) as error:
            return Done(failed(job, str(error)))

    def measure(self, job: Job) -> Done[Result]:
        """As ``Steps.measure``, of files that come for it."""
        try:
            with self._here(job, [job.out]):
                return super().measure(job)
        except (ImageReadError, DataError) as error:
            return Done(failed(job, str(error)))

    def write(self, fused: Fused) -> Result:
        """As ``Steps.write``; then the picture goes where it belongs, whole or not at all, the GIF before it."""
        result, job = super().write(fused), fused.ready.job
        files = [*([job.gif] if self._recipe.gif else []), job.out]
        try:
            if result.status == "ok":
                for path in files:
                    self._stage.push(path)
        except ImageWriteError as error:
            return replace(result, status="failed", metrics={}, error=str(error))
        finally:
            for path in files:
                if self._stage.url(path):
                    path.unlink(missing_ok=True)
        return result

    @contextmanager
    def _here(self, job: Job, outputs: list[Path]) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            for path in dict.fromkeys((job.ir, job.vis)):
                self._stage.fetch(path)
                held.callback(self._stage.release, path)
            for path in outputs:
                self._stage.fetch(path, must=False)
                held.callback(self._stage.release, path)
            yield


class FarScores:
    """The rows of a ``metrics.csv`` that is elsewhere: stands for ``MetricsFile``.

    Rows are kept in memory and brought in at the end. Each run writes an object of its own rows first, then the table
    with the rows of all such objects, and looks again whether others have come meanwhile: whichever run writes last has
    those of all. Rows of a run that was killed are measured again by the next.
    """

    def __init__(self, folder: Path, stage: Stage) -> None:
        self.path = folder / NAME
        self._stage, self._url = stage, f"{stage.url(folder)}/{NAME}"
        self._store = stage.store(self._url)
        self._own: dict[str, Row] = {}
        self._rows_url = f"{stage.url(folder)}/.{NAME}.{owners.mark()}-{secrets.token_hex(3)}.{int(time.time())}.rows"
        self._lock = threading.Lock()
        self._known = self._table()

    def has(self, picture: Path) -> bool:
        """True when ``picture`` has a row."""
        with self._lock:
            return self._key_of(picture) in self._known

    def add(self, picture: Path, values: Mapping[str, float]) -> None:
        """Nothing yet: see ``record``."""

    def record(self, picture: Path, values: Mapping[str, float]) -> None:
        """The picture has been written, with these metrics."""
        with self._lock:
            self._own[self._key_of(picture)] = texts(values)

    def save(self, whole: bool = True) -> None:
        """Brings all rows into the table. Raises ImageWriteError."""
        if not self._own:
            return
        try:
            self._store.write(self._rows_url, json.dumps(self._own).encode())
            for _ in range(100):
                text = merged_text(self._merged())
                if text == self._read(self._url):
                    break
                self._store.write(self._url, text)
            self._clear_away()
        except (ImageReadError, DataError) as error:
            raise ImageWriteError(f"Cannot update {self._url}: {error}") from error

    def _merged(self) -> dict[str, Row]:
        rows = self._table()
        for url in self._others():
            with contextlib.suppress(ValueError):
                rows.update(json.loads(self._read(url) or b"{}"))
        return {key: row for key, row in {**rows, **self._own}.items() if row}

    def _table(self) -> dict[str, Row]:
        return read_rows(self._read(self._url), self._url)

    def _read(self, url: str) -> bytes | None:
        return self._store.read(url) if self._store.kind(url) == "file" else None

    def _others(self) -> list[str]:
        folder = self._url.rpartition("/")[0]
        names = [name for name in self._store.listed(folder) if name.startswith(f".{NAME}.") and name.endswith(".rows")]
        return [f"{folder}/{name}" for name in sorted(names, key=_begun)]

    def _clear_away(self) -> None:
        """Removes the rows of runs that began long ago: they are in the table."""
        for url in self._others():
            if time.time() - _begun(url) > _ABANDONED:
                self._store.remove(url)

    def _key_of(self, picture: Path) -> str:
        return picture.relative_to(self.path.parent).as_posix()


def _begun(name: str) -> int:
    """When the run began whose rows an object of this name holds."""
    number = name.rsplit(".", 2)[-2]
    return int(number) if number.isdecimal() else 0
