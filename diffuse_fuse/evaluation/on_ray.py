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

_CASES = 4  # of a piece


@dataclass(frozen=True)
class SetUp:
    """What a worker is set up with; it is called there."""

    plan: Plan
    out: Path
    device: str

    def __call__(self) -> Callable[[Sequence[Case]], int]:
        import cv2

        cv2.setNumThreads(1)
        return partial(work_off, self.plan, self.out, Cache(self.out, part=True), Fusing(self.out, self.device))


def run_on_ray(
    plan: Plan,
    out: Path,
    cluster: Cluster,
    *,
    workers: int = 1,
    device: str = "auto",
    on_pair: Callable[[], None] | None = None,
    overwrite: bool = False,
) -> Evaluation:
    """As ``run``; ``out`` is a folder that all machines see, as are the pictures. workers: of the last step.

    Raises DataError where workers die of a pair again and again, and what ``run`` and ``cluster.spread`` raise.
    """
    require_output(plan, out, Cache(out), overwrite)
    pieces = [plan.cases[start : start + _CASES] for start in range(0, len(plan.cases), _CASES)]
    for number, done in spread(cluster, SetUp(plan, out, device), pieces):
        if isinstance(done, Lost):
            raise DataError(f"{pieces[number][0].name} and the pairs behind it: {done.sentence}.")
        if on_pair:
            for _ in range(done):
                on_pair()
    return run(plan, out, workers=workers, device=device, overwrite=overwrite)
