"""``run`` on a Ray cluster: workers fuse and score pairs into the output folder, then ``run`` puts all together.

What a worker computes is remembered in the folder as a part's is (``shard``), so the last step computes nothing twice,
and a run that was killed goes on with what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diffuse_fuse.cluster import Cluster, Lost, spread
from diffuse_fuse.errors import DataError
from diffuse_fuse.evaluation.cache import Cache
from diffuse_fuse.evaluation.fusing import Fusing
from diffuse_fuse.evaluation.inspection import Case
from diffuse_fuse.evaluation.output import require_output
from diffuse_fuse.evaluation.plan import Plan
from diffuse_fuse.evaluation.result import Evaluation
from diffuse_fuse.evaluation.run import run, work_off
from diffuse_fuse.remote.mirror import Mirror

_CASES = 4  # of a piece


@dataclass(frozen=True)
class SetUp:
    """What a worker is set up with; it is called there. mirror: of an output folder that is elsewhere."""

    plan: Plan
    out: Path
    device: str
    mirror: Mirror | None = None

    def __call__(self) -> Callable[[Sequence[Case]], int]:
        import cv2

        cv2.setNumThreads(1)
        out = self.out
        if self.mirror is not None:  # this worker's own
            self.mirror.bring()
            out = self.mirror.folder
        fusing = Fusing(out, self.device, self.plan.dataset.read_file)
        return partial(self._work, partial(work_off, self.plan, out, Cache(out, part=True), fusing))

    def _work(self, work: Callable[[Sequence[Case]], int], cases: Sequence[Case]) -> int:
        done = work(cases)
        if self.mirror is not None:
            self.mirror.send()
        return done


def run_on_ray(
    plan: Plan,
    out: Path,
    cluster: Cluster,
    *,
    workers: int = 1,
    device: str = "auto",
    on_pair: Callable[[], None] | None = None,
    overwrite: bool = False,
    mirror: Mirror | None = None,
) -> Evaluation:
    """As ``run``; ``out`` is a folder that all machines see, or that of ``mirror``. workers: of the last step.

    Raises DataError where workers die of a pair again and again, and what ``run`` and ``cluster.spread`` raise.
    """
    require_output(plan, out, Cache(out), overwrite)
    pieces = [plan.cases[start : start + _CASES] for start in range(0, len(plan.cases), _CASES)]
    for number, done in spread(cluster, SetUp(plan, out, device, mirror), pieces):
        if isinstance(done, Lost):
            raise DataError(f"{pieces[number][0].name} and the pairs behind it: {done.sentence}.")
        if on_pair:
            for _ in range(done):
                on_pair()
    if mirror is not None:
        mirror.bring()
    return run(plan, out, workers=workers, device=device, overwrite=overwrite)
