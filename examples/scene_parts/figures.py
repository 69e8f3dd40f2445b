"""Those who move: cars and people."""

from __future__ import annotations

import numpy as np

from .raster import Look
from .stage import (
    CAR,
    CLOTH,
    GLASS,
    HAIR,
    HIDDEN_PERSON,
    KERB_M,
    LAMP,
    METAL,
    PAINT,
    PERSON,
    PLASTIC,
    ROAD_HALF_M,
    RUBBER,
    SKIN,
    Light,
    Street,
    vec,
)

# ---------------------------------------------------------------------------------------------- cars

# stations along a car: z, top height, half width of the top, greatest half width, its height, underside
_STATIONS = np.array(
    [
        (-2.20, 0.78, 0.66, 0.74, 0.58, 0.36),
        (-2.12, 0.96, 0.70, 0.83, 0.66, 0.27),
        (-1.72, 1.03, 0.71, 0.88, 0.86, 0.22),
        (-0.98, 1.41, 0.57, 0.90, 0.92, 0.20),
        (-0.30, 1.47, 0.59, 0.91, 0.92, 0.20),
        (0.30, 1.44, 0.58, 0.91, 0.91, 0.20),
        (1.02, 1.02, 0.70, 0.90, 0.88, 0.20),
        (1.65, 0.92, 0.68, 0.88, 0.76, 0.22),
        (2.06, 0.80, 0.64, 0.83, 0.62, 0.25),
        (2.18, 0.62, 0.58, 0.74, 0.50, 0.32),
    ]
)


def _outline(top, w_top, w_max, belt, under):
    half = [
        (0.86 * w_max, under),
        (w_max, under + 0.14),
        (w_max, belt),
        (w_top + 0.03, top - 0.07),
        (0.80 * w_top, top),
    ]
    return np.array(half + [(-x, y) for x, y in reversed(half)])


def car(street, x, z, heading, paint, running, night, tall=1.0) -> None:
    """A car at (x, z), driving along +z (``heading`` 1) or towards the camera (-1)."""
    prims = street.prims
    turn = np.diag((heading, 1.0, heading))

    def place(p):
        return np.asarray(p, float) @ turn + (x, 0, z)

    stations = _STATIONS.copy()
    stations[:, 1] = np.where(stations[:, 1] > 1.1, stations[:, 1] * tall, stations[:, 1])
    if tall > 1.05:  # an estate: the roof runs on to the back
        stations[2, 1:3] = 1.30 * tall, 0.58
        stations[1, 1] = 1.05
    mesh = np.array(
        [np.column_stack([o[:, 0], o[:, 1], np.full(10, s[0])]) for s in stations for o in [_outline(*s[1:])]]
    )
    mesh = place(mesh)
    faces = {}  # (station, strip) -> its two triangles as index pairs
    for i in range(len(mesh) - 1):
        for k in range(9):
            a, b, c, d = (i, k), (i, k + 1), (i + 1, k + 1), (i + 1, k)
            faces[i, k] = [(a, b, c), (a, c, d)]
    normals = _smooth_normals(mesh, faces)
    engine = 13.0 if running else 0.0
    body = {"moving": running, "obj": CAR}
    for (i, k), triangles in faces.items():
        side, glazed = k in (2, 6), False
        if side:
            glazed = 2 <= i <= 5
        elif k in (3, 4, 5):
            glazed = i in (2, 5) if tall < 1.05 else i in (1, 5)
        if glazed:
            look = Look(GLASS, (0.02, 0.024, 0.028), heat=2.0 * running, style=int(side), **body)
        elif k in (0, 8):
            look = Look(PLASTIC, (0.03, 0.03, 0.032), heat=5.0 * running, **body)
        else:
            hood = engine * np.clip((stations[i, 0] - 0.4) / 1.2, 0, 1) * (1.0 if k in (3, 4, 5) else 0.45)
            look = Look(PAINT, tuple(paint), heat=float(hood), **body)
        for tri in triangles:
            points = np.array([mesh[t] for t in tri])
            prims.polygon(points, look, normals=np.array([normals[i, k][t] for t in tri]))
    for end, heat in ((0, 1.0), (-1, 9.0)):
        prims.polygon(mesh[end], Look(PAINT, tuple(paint), heat=heat * running, **body))
    _car_details(street, place, stations, running, night, body, heading, tall)
    street.contacts.append((x, z, 1.05, 2.35))


def _smooth_normals(mesh, faces):
    """Per face and corner: the mean of the neighbouring face normals within 50 degrees of its own."""
    flat = {}
    around = {}
    for face, triangles in faces.items():
        n = sum(np.cross(mesh[b] - mesh[a], mesh[c] - mesh[a]) for a, b, c in triangles)
        flat[face] = n / np.linalg.norm(n)
        for corner in {t for tri in triangles for t in tri}:
            around.setdefault(corner, []).append(face)
    out = {}
    for face, triangles in faces.items():
        out[face] = {}
        for corner in {t for tri in triangles for t in tri}:
            near = [flat[f] for f in around[corner] if flat[f] @ flat[face] > 0.64]
            mean = np.sum(near, 0)
            out[face][corner] = mean / np.linalg.norm(mean)
    return out


def _car_details(street, place, stations, running, night, body, heading, tall) -> None:
    prims = street.prims
    aim = np.array((0.0, -0.10, float(heading)))
    lit = running and night
    for side in (-1, 1):
        clear = Look(LAMP, (0.75, 0.75, 0.75), heat=6.0 * running, glow=(34, 33, 29) if lit else (0, 0, 0), **body)
        red = Look(LAMP, (0.45, 0.02, 0.015), heat=4.0 * running, glow=(11, 0.5, 0.25) if lit else (0, 0, 0), **body)
        prims.ellipsoid(place((side * 0.60, 0.65, 2.10)), (0.15, 0.085, 0.08), clear)
        prims.ellipsoid(place((side * 0.66, 0.80, -2.12)), (0.13, 0.085, 0.08), red)
        prims.ellipsoid(place((side * 0.98, 0.95, 0.72)), (0.11, 0.07, 0.06), Look(PLASTIC, (0.03, 0.03, 0.03), **body))
        if lit:
            beam = np.array((1.0, 0.95, 0.84)) * 17
            toed = aim + vec(0.04 * side * heading, 0, 0)
            street.lights.append(Light(place((side * 0.60, 0.65, 2.25)), beam, toed, 0.90, heading < 0))
            if heading > 0:  # of the other cars one does not see the road behind them
                street.lights.append(Light(place((side * 0.66, 0.8, -2.4)), np.array((0.8, 0.03, 0.015)), -aim, 0.2))
        for axle in (-1.32, 1.36):
            _wheel(prims, place, side, axle, running, body)
        for zs in (-0.30, 0.62):  # door gaps and pillars
            strip = Look(PLASTIC, (0.015, 0.015, 0.016), **body)
            x0 = side * (0.92 if zs < 0 else 0.915)
            prims.polygon(
                [place((x0, y, zs + dz)) for y, dz in ((0.3, 0), (0.92, 0), (0.92, 0.02), (0.3, 0.02))], strip
            )
    dark = Look(PLASTIC, (0.012, 0.012, 0.013), heat=14.0 * running, **body)
    plate = Look(PLASTIC, (0.65, 0.62, 0.45), heat=1.0, **body)
    for zs in (2.19, -2.21):  # bumpers
        low = [place((sx * 0.72, y, zs)) for sx, y in ((-1, 0.33), (1, 0.33), (1, 0.455), (-1, 0.455))]
        prims.polygon(low, Look(PLASTIC, (0.02, 0.02, 0.022), heat=4.0 * running, **body))
    for zs, y, w, h, look in (
        (2.195, 0.50, 0.42, 0.07, dark),
        (2.20, 0.40, 0.24, 0.05, plate),
        (-2.215, 0.56, 0.25, 0.055, plate),
    ):
        prims.polygon([place((sx * w, y + sy * h, zs)) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))], look)
    pipe = Look(METAL, (0.06, 0.06, 0.06), heat=42.0 * running, **body)
    prims.ellipsoid(place((0.45, 0.27, -2.16)), (0.045, 0.04, 0.08), pipe)
    warm = Look(PLASTIC, (0.015, 0.015, 0.015), heat=16.0 * running, **body)  # underside: gearbox, exhaust line
    prims.ellipsoid(place((0.0, 0.24, 0.0)), (0.70, 0.09, 1.95), warm)


def _wheel(prims, place, side, axle, running, body) -> None:
    turn = np.linspace(0, 2 * np.pi, 17)[:-1]
    circle = np.column_stack([np.zeros(16), np.sin(turn), np.cos(turn)])
    layers = [
        (0.37, 0.905, Look(PLASTIC, (0.008, 0.008, 0.008), heat=6.0 * running, **body)),  # wheel arch
        (0.31, 0.925, Look(RUBBER, (0.022, 0.022, 0.023), heat=11.0 * running, **body)),
        (0.205, 0.935, Look(METAL, (0.33, 0.34, 0.35), heat=18.0 * running, **body)),
        (0.07, 0.940, Look(METAL, (0.10, 0.10, 0.10), heat=26.0 * running, **body)),
    ]
    for radius, out, look in layers:
        prims.polygon(place(circle * radius + (side * out, 0.31, axle)), look)
    tread = Look(RUBBER, (0.022, 0.022, 0.023), heat=12.0 * running, **body)
    rim = circle * 0.31 + (0, 0.31, axle)
    for i in range(16):
        a, b = rim[i], rim[(i + 1) % 16]
        prims.polygon(
            place(
                [
                    a + vec(side * 0.70, 0, 0),
                    b + vec(side * 0.70, 0, 0),
                    b + vec(side * 0.92, 0, 0),
                    a + vec(side * 0.92, 0, 0),
                ]
            ),
            tread,
        )


# ---------------------------------------------------------------------------------------------- people


def people(street: Street, rng: np.random.Generator) -> None:
    """Seven who can be seen by eye, and one behind the smoke; the seed chooses clothes, skin and hair."""
    coats = [
        (0.45, 0.05, 0.05),
        (0.05, 0.10, 0.26),
        (0.42, 0.30, 0.10),
        (0.10, 0.22, 0.20),
        (0.30, 0.31, 0.33),
    ]
    coats += [(0.05, 0.05, 0.055), (0.26, 0.10, 0.16), (0.30, 0.26, 0.18)]
    order = rng.permutation(len(coats))
    spots = [  # x, z, height, heading in degrees (0: away), phase of the step, object
        (0.45, 12.9, 1.74, 92, 0.9, PERSON),
        (-5.85, 11.8, 1.80, 172, 0.55, PERSON),
        (6.05, 11.7, 1.68, -8, 0.7, PERSON),
        (6.68, 12.0, 1.22, -5, -0.6, PERSON),
        (8.7, 20.0, 1.78, 205, 0.12, PERSON),
        (-6.4, 34.0, 1.70, 10, 0.7, PERSON),
        (5.9, 26.5, 1.72, 185, 0.6, PERSON),
        (-5.3, 16.3, 1.77, 150, 0.35, HIDDEN_PERSON),
    ]
    for i, (x, z, height, heading, phase, obj) in enumerate(spots):
        skin = np.array((0.46, 0.27, 0.19)) * rng.uniform(0.35, 1.1)
        hair = np.array((0.05, 0.032, 0.02)) * rng.uniform(0.4, 3.0)
        trousers = [(0.03, 0.04, 0.08), (0.05, 0.048, 0.045), (0.15, 0.13, 0.10)][int(rng.integers(3))]
        on_road = abs(x) < ROAD_HALF_M
        _person(
            street,
            (x, 0.0 if on_road else KERB_M, z),
            height,
            np.radians(heading),
            phase,
            coats[order[i]],
            trousers,
            skin,
            hair,
            obj,
        )


def _person(street, foot, height, heading, phase, coat, trousers, skin, hair, obj) -> None:
    """A walking figure from ellipsoids, 1.75 m before scaling; local axes: x right, y up, z ahead."""
    size = height / 1.75
    cos, sin = np.cos(heading), np.sin(heading)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) * size
    skin_look = Look(SKIN, tuple(skin), obj, moving=True)

    def blob(centre, radii, look, tilt=None):
        axes = np.diag(radii) if tilt is None else tilt @ np.diag(radii)
        street.prims.ellipsoid(turn @ np.asarray(centre, float) + foot, turn @ axes, look)

    def cloth(colour, heat):
        return Look(CLOTH, tuple(colour), obj, heat=heat, moving=True)

    def limb(a, b, radius, look):
        a, b = np.asarray(a, float), np.asarray(b, float)
        along = (b - a) / np.linalg.norm(b - a)
        across = np.cross(along, (1.0, 0.0, 0.0))
        across /= np.linalg.norm(across)
        frame = np.stack([np.cross(across, along), along, across], 1)
        blob((a + b) / 2, (radius, np.linalg.norm(b - a) / 2 + 0.55 * radius, radius), look, frame)

    coat_look, sleeve = cloth(coat, 0.0), cloth(np.multiply(coat, 0.93), -0.8)
    legs, boot = cloth(trousers, 0.6), cloth((0.025, 0.02, 0.018), -5.5)
    blob((0, 1.605, 0.005), (0.078, 0.112, 0.096), skin_look)
    blob((0, 1.640, -0.022), (0.086, 0.098, 0.098), Look(HAIR, tuple(hair), obj, moving=True))
    blob((0, 1.585, 0.095), (0.018, 0.03, 0.022), skin_look)
    limb((0, 1.40, 0), (0, 1.52, 0.0), 0.058, skin_look)
    blob((0, 1.405, 0), (0.185, 0.075, 0.095), cloth(coat, 0.8))
    blob((0, 1.22, 0), (0.188, 0.27, 0.122), coat_look)
    blob((0, 0.97, 0), (0.180, 0.27, 0.126), coat_look)
    for side in (-1, 1):
        swing = 0.42 * phase * side
        hip = np.array((side * 0.092, 0.88, 0.0))
        knee = hip + 0.43 * np.array((0, -np.cos(swing), np.sin(swing + 0.06)))
        bend = swing - (0.45 * abs(phase) if swing < 0 else 0.05)
        ankle = knee + 0.41 * np.array((0, -np.cos(bend), np.sin(bend)))
        limb(hip, knee, 0.083, legs)
        limb(hip + vec(0, 0.05, 0), hip + 0.48 * (knee - hip), 0.100, coat_look)  # the skirts of the coat
        limb(knee, ankle, 0.060, legs)
        blob(ankle + vec(0, -0.035, 0.055), (0.045, 0.045, 0.125), boot)
        shoulder = np.array((side * 0.205, 1.405, 0.0))
        arm = -0.8 * swing
        elbow = shoulder + 0.29 * np.array((side * 0.16, -np.cos(arm), np.sin(arm)))
        wrist = elbow + 0.25 * np.array((0, -np.cos(arm + 0.35), np.sin(arm + 0.35)))
        limb(shoulder, elbow, 0.058, sleeve)
        limb(elbow, wrist, 0.047, sleeve)
        blob(
            wrist + (wrist - elbow) * 0.22,
            (0.035, 0.06, 0.04),
            Look(SKIN, tuple(skin), obj, heat=-2.0, moving=True),
        )
    street.contacts.append((foot[0], foot[2], 0.33, 0.33))
