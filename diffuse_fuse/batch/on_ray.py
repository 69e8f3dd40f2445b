"""``run`` on a Ray cluster: each worker has a fuser of its own and does its pieces of the plan by ``run`` itself.

So a pair goes through the same steps as on one machine. What is kept here is the order of the results, and the rows of
metrics.csv, which come with them: a picture whose row was lost with this process is measured again by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from diffuse_fuse.batch.afar import FarSteps
from diffuse_fuse.batch.job import Existing, FusesArrays, Job, Recipe, Result, failed
from diffuse_fuse.batch.run import UNSEEN, MakeSteps, Watch, run
from diffuse_fuse.batch.steps import Scores, Steps
from diffuse_fuse.cluster import Cluster, Lost, spread
from diffuse_fuse.remote.stage import Stage

_MOST = 16  # pairs of a piece
_PIECES = 8  # for each worker, at least, so that the last one is not long alone


@dataclass(frozen=True)
class Piece:
    """Jobs that one worker does, one call. known: those of their pictures whose metrics have a row."""

    jobs: tuple[Job, ...]
    known: frozenset[Path]


class Known:
    """Scores in a worker: which are known is said with the piece, and new ones come back with the results."""

    def __init__(self, known: frozenset[Path]) -> None:
        self._known = known

    def has(self, picture: Path) -> bool:
        """Whether the picture has a row."""
        return picture in self._known

    def add(self, picture: Path, values: Mapping[str, float]) -> None:
        """Nothing: they are in the result."""


@dataclass(frozen=True)
class SetUp:
    """What a worker is set up with: see ``run``, whose arguments these are. It is called in the worker."""

    make_fuser: Callable[[], FusesArrays | None]
    options: Mapping[str, Any]
    scored: bool
    stage: Stage | None = None

    def __call__(self) -> Callable[[Piece], list[Result]]:
        return partial(self.work, self.make_fuser())

    def work(self, fuser: FusesArrays | None, piece: Piece) -> list[Result]:
        """The results of a piece's jobs."""
        scores = Known(piece.known) if self.scored else None
        if self.stage is None:
            return run(piece.jobs, fuser, scores=scores, **self.options)
        own, planned = self.stage.own, self.stage.planned
        known = frozenset(map(own, piece.known))
        jobs = [Job(own(job.ir), own(job.vis), own(job.out)) for job in piece.jobs]
        steps = partial(FarSteps, stage=self.stage)
        results = run(jobs, fuser, scores=Known(known) if self.scored else None, make_steps=steps, **self.options)
        return [replace(r, ir=planned(r.ir), vis=planned(r.vis), out=planned(r.out)) for r in results]


@dataclass(frozen=True)
class OnRay:
    """``run`` on a cluster: for the same results in the same order.

    make_fuser: called in each worker. stage: where files that are elsewhere have their places. on_death: called where a
    worker has died. Files are read and written by the workers, so the paths are those of all machines.
    """

    cluster: Cluster
    make_fuser: Callable[[], FusesArrays | None]
    stage: Stage | None = None
    on_death: Callable[[], None] = lambda: None

    def __call__(
        self,
        jobs: Sequence[Job],
        fuser: FusesArrays | None,
        *,
        existing: Existing = "refuse",
        recipe: Recipe = Recipe(),  # noqa: B008 (it is frozen)
        workers: int | None = None,
        scores: Scores | None = None,
        watch: Watch = UNSEEN,
        make_steps: MakeSteps = Steps,
    ) -> list[Result]:
        """As ``run``. ``fuser`` and ``make_steps`` are not used: each worker makes its own.

        workers: threads that read and write in each worker; as many as it has cores unless given. Raises what ``run``
        and ``cluster.spread`` raise.
        """
        options = {"existing": existing, "recipe": recipe, "workers": workers or self.cluster.cpus}
        pieces = [
            Piece(part, frozenset(job.out for job in part if scores and scores.has(job.out))) for part in _parts(jobs)
        ]
        set_up = SetUp(self.make_fuser, options, scores is not None, self.stage)
        made: dict[int, list[Result]] = {}
        results: list[Result] = []

        def tell(number: int) -> None:
            for result in made.pop(number):
                results.append(result)
                watch.done(result)

        told = 0
        for number, found in spread(self.cluster, set_up, pieces, watch.stop, self.on_death):
            if isinstance(found, Lost):
                found = [failed(job, f"{job}: {found.sentence}.") for job in pieces[number].jobs]
            made[number] = found
            for result in found:
                if scores and (result.status == "ok" or result.metrics):
                    scores.add(result.out, result.metrics)
            while told in made:
                tell(told)
                told += 1
        for number in sorted(made):  # after a stop: what came behind a piece that nobody did
            tell(number)
        return results


def _parts(jobs: Sequence[Job], workers: int = 16) -> list[tuple[Job, ...]]:
    """The jobs in pieces: large enough that their way does not count, small enough that all workers end together."""
    size = max(1, min(_MOST, len(jobs) // (_PIECES * workers)))
    return [tuple(jobs[start : start + size]) for start in range(0, len(jobs), size)]
