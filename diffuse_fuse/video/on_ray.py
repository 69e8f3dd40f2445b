"""The network of a video on a Ray cluster: a fuser whose frames are fused by workers.

What goes from frame to frame (the range, the scene's light, the field, the stabiliser) is the driver's, in order, as in
a local run; a frame with its light is all that the network sees, so frames are fused anywhere, several at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from diffuse_fuse.batch.network import Chosen
from diffuse_fuse.cluster import Cluster, Team
from diffuse_fuse.fusion.relight import SceneLight

Frame = tuple[np.ndarray, np.ndarray, SceneLight]


@dataclass(frozen=True)
class SetUp:
    """What a worker is set up with; it is called there."""

    make_fuser: Callable[[], Any]

    def __call__(self) -> Callable[[Frame], np.ndarray]:
        return partial(self.work, self.make_fuser())

    def work(self, fuser: Any, frame: Frame) -> np.ndarray:
        """The fused picture of a frame, uint8 H×W×3."""
        ir, vis, light = frame
        return fuser.fuse(np.array(ir), np.array(vis), light=light)  # what Ray brings cannot be written to


class FuserOnRay:
    """``FusesFrames`` by workers; ``at_once`` threads keep all of them busy."""

    def __init__(self, name: str, team: Team) -> None:
        self.model_name, self.at_once, self._team = name, team.count, team

    def fuse(self, ir: np.ndarray, vis: np.ndarray, *, light: SceneLight) -> np.ndarray:
        """ir uint8 H×W, vis uint8 H×W×3 → uint8 H×W×3."""
        return np.array(self._team((ir, vis, light)))


@contextmanager
def fuser_on_ray(
    chosen: Chosen, cluster: Cluster, frames: int | None, on_death: Callable[[], None]
) -> Iterator[FuserOnRay]:
    """The network on as many workers as there is room for, and frames, where it is known how many.

    Raises what ``cluster.spread`` raises.
    """
    with Team(cluster, SetUp(chosen.fuser.anew), frames, on_death) as team:
        yield FuserOnRay(chosen.name, team)
