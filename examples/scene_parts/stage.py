"""What the scene is made of: materials, objects, lamps, fronts, and the shapes that everything shares."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .raster import Primitives

# Materials. The order is that of the table in surfaces.py.
ROAD, PAVEMENT, GRASS, FACADE, ROOF, STONE, PAINT, GLASS, RUBBER, METAL = range(10)
SKIN, CLOTH, HAIR, LEAF, BARK, LAMP, PLASTIC, HILL, DRUM, SIGN = range(10, 20)

# Objects, for the masks.
GROUND, BUILDING, FOLIAGE, CAR, PERSON, HIDDEN_PERSON, LAMP_POST, SMOKE_SOURCE, BACKDROP = range(1, 10)

ROAD_HALF_M, KERB_M = 5.0, 0.13
CROSSING_M = (11.6, 14.4)  # where the zebra crossing begins and ends along the street


@dataclass
class Light:
    """A lamp of the night: a cone (``cos_edge`` -1: all around) with an inverse-square falloff."""

    position: np.ndarray
    colour: np.ndarray  # radiant intensity, linear RGB
    aim: np.ndarray
    cos_edge: float = -1.0
    shadows: bool = False


@dataclass
class Facade:
    """How one house front is textured; ``colour`` is that of the wall."""

    width: float
    height: float
    colour: tuple[float, float, float]
    brick: bool
    bay: float
    floor: float
    shop: bool
    seed: int


@dataclass
class Street:
    """The scene of one seed and kind."""

    prims: Primitives = field(default_factory=Primitives)
    lights: list[Light] = field(default_factory=list)
    facades: list[Facade] = field(default_factory=list)
    puffs: np.ndarray = field(default_factory=lambda: np.zeros((0, 5)))  # x, y, z, radius, density
    contacts: list = field(default_factory=list)  # (x, z, radius_x, radius_z): where things touch the ground


def vec(*parts: float) -> np.ndarray:
    """A point or an offset in metres."""
    return np.array(parts, float)


def slab(prims, x0, x1, z0, z1, y, look):
    """A horizontal rectangle whose texture coordinates are the world's x and z."""
    corners = [(x0, y, z0), (x0, y, z1), (x1, y, z1), (x1, y, z0)]
    prims.polygon(corners, look, uv=((0, 0, 0), (1, 0, 0), (0, 0, 1)))


def box(prims, low, high, look):
    """An axis-aligned box without its floor; texture coordinates along each face in metres."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    up = (0, 1, 0)
    for x in (x0, x1):
        prims.polygon([(x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)], look, uv=((x, y0, z0), (0, 0, 1), up))
    for z in (z0, z1):
        prims.polygon([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], look, uv=((x0, y0, z), (1, 0, 0), up))
    slab(prims, x0, x1, z0, z1, y1, look)


def tube(prims, foot, top, radius0, radius1, look, sides: int = 8) -> None:
    """A smoothly shaded, open, tapering tube from ``foot`` to ``top``."""
    axis = (top - foot) / np.linalg.norm(top - foot)
    first = np.cross(axis, (0.3, 0.1, 1.0))
    first /= np.linalg.norm(first)
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * np.cross(axis, first)
    for r0, r1 in zip(ring, ring[1:], strict=False):
        prims.polygon(
            [foot + r0 * radius0, foot + r1 * radius0, top + r1 * radius1, top + r0 * radius1],
            look,
            normals=[r0, r1, r1],
        )
