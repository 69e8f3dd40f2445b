"""What stands in the street: ground, houses, trees, cars, people, lamps and one smoking drum."""

from __future__ import annotations

import numpy as np

from .figures import car, people
from .raster import Look
from .stage import (
    BACKDROP,
    BARK,
    BUILDING,
    DRUM,
    FACADE,
    FOLIAGE,
    GRASS,
    GROUND,
    HILL,
    KERB_M,
    LAMP,
    LAMP_POST,
    LEAF,
    METAL,
    PAVEMENT,
    PLASTIC,
    ROAD,
    ROAD_HALF_M,
    ROOF,
    SIGN,
    SMOKE_SOURCE,
    STONE,
    Facade,
    Light,
    Street,
    box,
    slab,
    tube,
    vec,
)


def build(night: bool, rng: np.random.Generator) -> Street:
    """Place everything. Both kinds draw the same numbers, so a seed's day and night are the same place."""
    street = Street()
    _ground(street)
    _houses(street, rng, night)
    _trees(street, rng)
    _lamps(street, night)
    paints = np.array(
        [(0.50, 0.03, 0.025), (0.03, 0.09, 0.28), (0.55, 0.56, 0.57), (0.02, 0.16, 0.14), (0.62, 0.40, 0.05)]
    )
    paints = paints[rng.permutation(len(paints))]
    jitter = rng.uniform(-0.15, 0.15, 8)
    car(street, -2.2 + jitter[0], 18.6, -1, paints[0], running=True, night=night)
    car(street, 1.9 + jitter[1], 29.0, 1, paints[1], running=True, night=night)
    car(street, 4.0, 11.6 + jitter[2], 1, paints[2], running=False, night=night, tall=1.0)
    car(street, 4.05, 20.5 + jitter[3], 1, paints[3], running=False, night=night, tall=1.18)
    car(street, -4.05, 40.0, -1, paints[4], running=False, night=night)
    people(street, rng)
    _smoke(street, rng)
    _fallen_leaves(street, rng, night)
    return street


# ---------------------------------------------------------------------------------------------- ground


def _ground(street: Street) -> None:
    prims, edge, y = street.prims, ROAD_HALF_M, KERB_M
    slab(prims, -edge, edge, -2, 140, 0.0, Look(ROAD, (0.13, 0.13, 0.135), GROUND))
    slab(prims, -90, -edge, 60, 140, 0.0, Look(GRASS, (0.10, 0.17, 0.045), GROUND))
    slab(prims, edge + 3.2, 90, -2, 140, y, Look(GRASS, (0.10, 0.17, 0.045), GROUND))
    pave = Look(PAVEMENT, (0.36, 0.34, 0.31), GROUND)
    slab(prims, -16, -edge - 0.25, -2, 140, y, pave)
    slab(prims, edge + 0.25, edge + 3.2, -2, 140, y, pave)
    for side in (-1, 1):  # kerb stones, so that the pavement stands above the road
        x = sorted((side * edge, side * (edge + 0.25)))
        box(prims, (x[0], 0, -2), (x[1], y + 0.005, 140), Look(STONE, (0.45, 0.44, 0.42), GROUND))


# ---------------------------------------------------------------------------------------------- houses


def _front(street: Street, origin, u_axis, width: float, height: float, facade: Facade) -> None:
    origin, u_axis = np.array(origin, float), np.array(u_axis, float)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)])
    points = origin + corners[:, :1] * u_axis + corners[:, 1:] * (0, 1, 0)
    look = Look(FACADE, facade.colour, BUILDING, style=len(street.facades))
    street.facades.append(facade)
    street.prims.polygon(points, look, uv=(origin, u_axis, (0, 1, 0)))


def _sign(street: Street, number: int, z: float, night: bool) -> None:
    """A board that juts out from the wall, with a word on it; it glows at night without heat of its own."""
    ink = np.array([(1.0, 0.16, 0.42), (0.10, 0.85, 1.0), (1.0, 0.62, 0.12)][number])
    low, high = np.array((-8.45, 3.95)), np.array((-7.75, 6.35))
    box(street.prims, (*low, z), (*high, z + 0.14), Look(PLASTIC, (0.05, 0.05, 0.06), BUILDING))
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    look = Look(SIGN, tuple(0.75 * ink), BUILDING, glow=tuple(4.5 * ink * night), style=number)
    scale = high - low
    uv = ((low[0], low[1], z - 0.01), (1 / scale[0], 0, 0), (0, 1 / scale[1], 0))
    street.prims.polygon([(x, y, z - 0.01) for x, y in corners], look, uv=uv)
    if night:
        street.lights.append(Light(np.array((-8.0, 4.6, z - 0.5)), 2.6 * ink, np.array((0.4, -0.6, -0.7)), -0.2))


def _houses(street: Street, rng: np.random.Generator, night: bool) -> None:
    prims = street.prims
    walls = [
        (0.33, 0.12, 0.075),
        (0.62, 0.53, 0.38),
        (0.42, 0.19, 0.11),
        (0.55, 0.56, 0.54),
        (0.60, 0.40, 0.26),
    ]
    ends = [2.0, 15.0, 25.5, 35.0, 49.0, 66.0]
    heights = [11.2, 8.6, 12.4, 9.6, 13.0]
    for i, (z0, z1) in enumerate(zip(ends, ends[1:], strict=False)):
        height, brick = heights[i], i in (0, 2)
        facade = Facade(
            z1 - z0, height, walls[i], brick, 2.6 if brick else 3.1, 3.15, i < 3, int(rng.integers(1 << 30))
        )
        _front(street, (-8.6, KERB_M, z0), (0, 0, 1), z1 - z0, height, facade)
        plain = Facade(9.0, height, walls[i], brick, 99.0, 3.15, False, facade.seed + 1)  # gable without windows
        _front(street, (-17.6, KERB_M, z0), (1, 0, 0), 9.0, height, plain)
        trim = Look(STONE, (0.52, 0.48, 0.41), BUILDING)
        box(prims, (-17.7, height, z0 - 0.02), (-8.2, height + 0.45, z1 + 0.02), trim)
        box(prims, (-8.7, 3.35, z0), (-8.42, 3.62, z1), trim)
        if i < 3:  # awning over the shop front
            lengths = (z0 + 0.8, z1 - 0.8)
            cloth = Look(PLASTIC, [(0.42, 0.05, 0.05), (0.05, 0.20, 0.12), (0.08, 0.10, 0.30)][i], BUILDING)
            a, b = lengths
            prims.polygon([(-8.6, 3.2, a), (-8.6, 3.2, b), (-7.3, 2.65, b), (-7.3, 2.65, a)], cloth)
            prims.polygon([(-7.3, 2.65, a), (-7.3, 2.65, b), (-7.3, 2.42, b), (-7.3, 2.42, a)], cloth)
            _sign(street, i, z0 + (3.2 if i == 0 else 0.8), night)
    for i, (z0, z1) in enumerate([(8.0, 17.5), (23.0, 33.0), (38.0, 50.0), (56.0, 70.0)]):
        wall = walls[(i + 1) % 5]
        height, depth = 5.6 + 0.5 * (i % 2), 9.0
        facade = Facade(z1 - z0, height, wall, i % 2 == 1, 2.7, 2.8, False, int(rng.integers(1 << 30)))
        _front(street, (14.5, KERB_M, z0), (0, 0, 1), z1 - z0, height, facade)
        side = Facade(depth, height, wall, i % 2 == 1, 3.0, 2.8, False, facade.seed + 1)
        _front(street, (14.5, KERB_M, z0), (1, 0, 0), depth, height, side)
        tile = Look(ROOF, (0.30, 0.11, 0.07) if i % 2 == 0 else (0.13, 0.13, 0.15), BUILDING)
        x0, x1, top, ridge = 14.0, 14.5 + depth + 0.5, height + KERB_M - 0.1, height + 3.4
        mid = (x0 + x1) / 2
        slope = np.array((mid - x0, ridge - top, 0.0)) / np.hypot(mid - x0, ridge - top)
        prims.polygon(
            [(x0, top, z0 - 0.4), (mid, ridge, z0 - 0.4), (mid, ridge, z1 + 0.4), (x0, top, z1 + 0.4)],
            tile,
            uv=((x0, top, z0), (0, 0, 1), slope),
        )
        gable = Facade(99, 99, wall, i % 2 == 1, 99.0, 2.8, False, facade.seed + 2)
        street.facades.append(gable)
        look = Look(FACADE, wall, BUILDING, style=len(street.facades) - 1)
        prims.polygon(
            [(14.5, top, z0), (mid, ridge - 0.2, z0), (14.5 + depth, top, z0)],
            look,
            uv=((14.5, top, z0), (1, 0, 0), (0, 1, 0)),
        )
        box(
            prims,
            (mid - 0.5, ridge - 0.8, z0 + 2),
            (mid + 0.4, ridge + 0.9, z0 + 2.9),
            Look(STONE, wall, BUILDING, heat=4.0),
        )
    far = Facade(34.0, 12.0, (0.45, 0.36, 0.27), False, 3.0, 3.4, False, int(rng.integers(1 << 30)))
    _front(street, (-19.0, 0.0, 118.0), (1, 0, 0), 34.0, 12.0, far)
    box(prims, (-2.2, 0, 117.0), (2.4, 19.0, 121.0), Look(STONE, (0.42, 0.35, 0.27), BUILDING))
    spire = Look(ROOF, (0.10, 0.17, 0.16), BUILDING)
    for a, b in [((-2.5, 116.7), (2.7, 116.7)), ((2.7, 116.7), (2.7, 121.3)), ((-2.5, 121.3), (-2.5, 116.7))]:
        prims.polygon([(a[0], 19, a[1]), (b[0], 19, b[1]), (0.1, 29, 119.0)], spire)
    for x0, x1, y, z in [(-70, -8, 13, 150.0), (-30, 40, 9, 158.0), (12, 80, 15, 150.0)]:  # wooded hills
        xs = np.linspace(x0, x1, 9)
        ys = y * np.sin(np.linspace(0.05, np.pi - 0.05, 9)) ** 0.6
        prims.polygon(
            [(x0, -1, z), *zip(xs, ys, [z] * 9, strict=True), (x1, -1, z)],
            Look(HILL, (0.07, 0.13, 0.05), BACKDROP),
        )


# ---------------------------------------------------------------------------------------------- plants


def _crown(street: Street, rng, centre, radii, count: int, size: float, colour) -> None:
    """Leaves in clumps on an ellipsoid; normals mostly follow the crown, which shades it as one volume."""
    clumps = rng.normal(size=(max(count // 60, 6), 3))
    clumps /= np.linalg.norm(clumps, axis=1, keepdims=True)
    clumps *= rng.uniform(0.35, 0.95, (len(clumps), 1))
    which = rng.integers(len(clumps), size=count)
    offset = rng.normal(size=(count, 3))
    unit = clumps[which] + 0.2 * offset
    unit *= np.minimum(1.0, 1.06 / np.linalg.norm(unit, axis=1, keepdims=True))  # no leaf floats off by itself
    centres = centre + unit * radii
    normals = 0.7 * unit + 0.45 * offset + (0, 0.25, 0)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    a = np.cross(normals, rng.normal(size=(count, 3)))
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b = np.cross(normals, a)
    length = size * rng.uniform(0.7, 1.3, (count, 1))
    depth = np.clip(np.linalg.norm(unit, axis=1, keepdims=True), 0.25, 1.0)  # inner leaves are darker
    shade = depth**1.3 * rng.uniform(0.7, 1.25, (count, 1))
    tint = np.asarray(colour) * shade * (1 + rng.uniform(-0.15, 0.15, (count, 1)) * (1.6, 0.3, 0.5))
    street.prims.leaves(centres, a * length, b * length * 0.55, normals, tint, Look(LEAF, obj=FOLIAGE))


def _tree(street: Street, rng, x, z, height, spread, count, size, colour) -> None:
    bark = Look(BARK, (0.10, 0.07, 0.05), FOLIAGE)
    foot = np.array((x, KERB_M, z))
    top = np.array((x + rng.uniform(-0.2, 0.2), height * 0.62, z))
    tube(street.prims, foot, top, 0.075 * spread + 0.03, 0.045 * spread, bark)
    crown = np.array((x, height * 0.70, z))
    for angle in rng.uniform(0, 2 * np.pi, 4):
        tip = crown + np.array((np.cos(angle), 0.35, np.sin(angle))) * spread * 0.55
        tube(street.prims, foot + 0.72 * (top - foot), tip, 0.035 * spread, 0.015 * spread, bark)
    _crown(street, rng, crown, np.array((spread, height * 0.32, spread)), count, size, colour)
    street.contacts.append((x, z, 0.5, 0.5))


def _fallen_leaves(street: Street, rng: np.random.Generator, night: bool) -> None:
    """Autumn along the right-hand kerb; in the infrared they are as warm as what they lie on."""
    count = 420
    x = ROAD_HALF_M - np.abs(rng.normal(size=count)) * 1.1
    z = rng.uniform(4.5, 24.0, count)
    x = np.where(rng.random(count) < 0.45, ROAD_HALF_M + rng.uniform(0.3, 3.1, count), x)
    turn = rng.uniform(0, 2 * np.pi, count)
    length = rng.uniform(0.045, 0.075, (count, 1))
    flat = np.column_stack([np.cos(turn), np.zeros(count), np.sin(turn)])
    across = np.column_stack([-np.sin(turn), np.zeros(count), np.cos(turn)])
    centres = np.column_stack([x, np.where(x > ROAD_HALF_M, KERB_M, 0.0) + 0.02, z])
    colours = (
        np.array((0.34, 0.17, 0.03)) * rng.uniform(0.5, 1.3, (count, 1)) * (1 + rng.uniform(-0.2, 0.2, (count, 3)))
    )
    up = np.tile((0.0, 1.0, 0.0), (count, 1))
    look = Look(LEAF, obj=GROUND, heat=3.2 if night else 1.5)
    street.prims.leaves(centres, flat * length, across * length * 0.6, up, colours, look)


def _trees(street: Street, rng: np.random.Generator) -> None:
    # out of the picture, behind the camera: it throws its shadow into the empty foreground
    _tree(street, rng, 7.4, 1.6, 6.4, 2.3, 900, 0.17, (0.085, 0.20, 0.035))
    green, olive, gold = (0.085, 0.20, 0.035), (0.13, 0.20, 0.05), (0.28, 0.20, 0.03)
    _tree(street, rng, 8.0, 10.4, 6.6, 2.5, 5200, 0.072, green)
    _tree(street, rng, 7.3, 17.5, 6.8, 2.3, 4200, 0.085, gold)
    for x, z, colour in [
        (7.4, 25.0, olive),
        (7.2, 34.0, green),
        (7.4, 44.0, gold),
        (7.2, 56.0, green),
        (9.5, 75.0, olive),
    ]:
        _tree(street, rng, x, z, 6.6 + rng.uniform(-0.5, 0.7), 2.4, 1500, 0.004 * z + 0.03, colour)
    for x, z, colour in [(-7.0, 38.0, green), (-7.0, 52.0, olive), (-8.0, 72.0, green), (-12.0, 84.0, olive)]:
        _tree(street, rng, x, z, 6.0 + rng.uniform(-0.4, 0.8), 2.1, 700, 0.0055 * z + 0.03, colour)
    for x, z in [(-14.0, 100.0), (-8.0, 104.0), (8.0, 103.0), (14.0, 98.0), (20.0, 92.0), (5.5, 110.0)]:
        _tree(street, rng, x, z, 9.0, 4.0, 350, 0.55, green)
    for z in np.arange(9.0, 46.0, 1.15):  # hedge along the right-hand pavement
        if not 18.4 < z < 21.6:  # the gap, in which somebody stands
            size = 0.05 + 0.0035 * z
            _crown(
                street,
                rng,
                np.array((8.75, 0.65, z)),
                np.array((0.42, 0.62, 0.75)),
                int(9000 / z) + 60,
                size,
                olive,
            )
            street.contacts.append((8.75, z, 0.6, 0.8))


# ---------------------------------------------------------------------------------------------- lamps


def _lamps(street: Street, night: bool) -> None:
    steel = Look(METAL, (0.10, 0.11, 0.12), LAMP_POST)
    sodium, led = np.array((1.0, 0.50, 0.13)), np.array((0.62, 0.88, 1.0))
    posts = [
        (-5.7, 0.6, sodium),
        (-5.7, 13.1, sodium),
        (5.7, 23.5, led),
        (-5.7, 31.0, sodium),
        (5.7, 42.0, sodium),
    ]
    posts += [(-5.7, 50.0, sodium), (5.7, 62.0, led), (-5.7, 72.0, sodium), (5.7, 84.0, sodium)]
    for number, (x, z, colour) in enumerate(posts):
        inward = -np.sign(x)
        foot, top, head = (
            np.array((x, KERB_M, z)),
            np.array((x, 6.0, z)),
            np.array((x + 1.6 * inward, 6.45, z)),
        )
        tube(street.prims, foot, top, 0.085, 0.055, steel, 6)
        tube(street.prims, top, head, 0.05, 0.04, steel, 6)
        tube(street.prims, foot, foot + vec(0, 0.9, 0), 0.14, 0.12, steel, 6)
        street.prims.ellipsoid(head + vec(0.1 * inward, 0.03, 0), (0.42, 0.09, 0.17), steel)
        bulb = Look(LAMP, (0.8, 0.8, 0.75), LAMP_POST, heat=20.0 * night, glow=tuple(26 * colour * night))
        street.prims.ellipsoid(head + vec(0.12 * inward, -0.045, 0), (0.30, 0.06, 0.13), bulb)
        power = 16.0 if number == 0 else 36.0 if number < 5 else 28.0
        place = head + vec(0.12 * inward, -0.2, 0)
        street.lights.append(Light(place, power * colour, np.array((0.1 * inward, -1.0, 0)), 0.36, 0 < number < 4))
        street.contacts.append((x, z, 0.3, 0.3))


# ---------------------------------------------------------------------------------------------- smoke


def _smoke(street: Street, rng: np.random.Generator) -> None:
    """A smouldering drum at the kerb; puffs rise, grow and drift, dense where somebody stands behind them."""
    foot = np.array((-3.75, 0.0, 14.0))
    hot = Look(DRUM, (0.09, 0.055, 0.04), SMOKE_SOURCE, heat=24.0)
    ring = [foot + vec(0.29 * np.cos(t), 0.85, 0.29 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 13)[:-1]]
    tube(street.prims, foot, foot + vec(0, 0.85, 0), 0.29, 0.29, hot, 14)
    street.prims.polygon(ring, Look(DRUM, (0.02, 0.012, 0.01), SMOKE_SOURCE, heat=95.0, glow=(2.6, 0.7, 0.1)))
    street.contacts.append((foot[0], foot[2], 0.5, 0.5))
    rise = np.linspace(0, 1, 46)
    x = foot[0] - 1.4 * rise + rng.normal(size=46) * 0.16 * (0.3 + rise)
    y = 0.95 + 5.6 * rise**1.25
    z = foot[2] + 0.1 + rng.normal(size=46) * 0.1
    radius = 0.30 + 0.85 * rise
    density = 1.6 * (1 - rise) ** 0.9 + 0.06
    # the cold foot of the plume spills over the rim and hangs around the drum
    low = np.column_stack([np.clip(rng.normal(size=26), -1.8, 1.8), rng.uniform(-1, 1, 26)])
    street.puffs = np.vstack(
        [
            np.column_stack([x, y, z, radius, density]),
            np.column_stack(
                [
                    foot[0] - 0.72 + 0.42 * low[:, 0] * (1.25 - 0.4 * low[:, 1]),
                    0.85 + 0.85 * low[:, 1],
                    np.full(26, foot[2] + 0.4),
                    rng.uniform(0.45, 0.75, 26),
                    np.full(26, 0.62),
                ]
            ),
        ]
    )
