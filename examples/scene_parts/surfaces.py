"""What each pixel's surface is like: normal, colour, gloss, and temperature before the sun has warmed it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from . import stage
from .raster import Buffer

# One row a material, in the order of stage.py: LWIR emissivity; kelvin above the air in the shade, gained in
# full sun, and above the air at night; visible reflectance at normal incidence; sharpness of highlights.
_MATERIALS = np.array(
    [
        (0.95, 1.0, 6.5, 3.4, 0.04, 30),  # ROAD
        (0.94, 0.8, 6.0, 2.4, 0.02, 12),  # PAVEMENT
        (0.97, -0.8, 2.5, -2.2, 0.01, 8),  # GRASS
        (0.93, 1.0, 5.5, 3.2, 0.01, 8),  # FACADE
        (0.90, 0.0, 8.0, -3.0, 0.02, 12),  # ROOF
        (0.93, 0.8, 5.0, 2.0, 0.02, 12),  # STONE
        (0.78, 0.5, 5.0, -0.5, 0.05, 160),  # PAINT
        (0.84, 0.5, 2.5, 1.2, 0.07, 400),  # GLASS
        (0.95, 0.8, 5.0, 1.0, 0.02, 12),  # RUBBER
        (0.75, 0.0, 5.0, -0.5, 0.20, 60),  # METAL
        (0.98, 20.5, 1.0, 24.5, 0.02, 14),  # SKIN
        (0.95, 14.0, 1.5, 15.5, 0.005, 8),  # CLOTH
        (0.96, 12.5, 2.0, 13.0, 0.02, 20),  # HAIR
        (0.97, 0.3, 2.4, 0.1, 0.02, 16),  # LEAF
        (0.96, 0.5, 3.5, 1.2, 0.005, 8),  # BARK
        (0.90, 0.5, 3.0, 0.5, 0.06, 200),  # LAMP
        (0.93, 0.5, 6.0, 0.0, 0.03, 40),  # PLASTIC
        (0.98, 0.0, 2.0, 0.5, 0.0, 8),  # HILL
        (0.90, 0.5, 5.0, 0.5, 0.03, 20),  # DRUM
        (0.92, 0.5, 5.0, 0.5, 0.04, 60),  # SIGN
    ],
    np.float32,
)


class Noise:
    """Smooth random textures over the plane, periodic in 256 cells, values about 0 with unit spread."""

    def __init__(self, rng: np.random.Generator):
        grid = rng.normal(size=(256, 256)).astype(np.float32)
        self.grid = np.pad(grid, ((0, 1), (0, 1)), mode="wrap")

    def __call__(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """One octave, one cell per unit."""
        count = u.size
        pad = -count % 1024  # cv2.remap limits each side of an image, not its area
        maps = [np.pad(np.mod(a.ravel(), 256).astype(np.float32), (0, pad)).reshape(-1, 1024) for a in (u, v)]
        out = [
            cv2.remap(self.grid, maps[0][i : i + 8192], maps[1][i : i + 8192], cv2.INTER_LINEAR)
            for i in range(0, len(maps[0]), 8192)
        ]
        return np.concatenate(out).ravel()[:count].reshape(u.shape) if count else np.zeros(u.shape, np.float32)

    def fbm(self, u, v, octaves: int) -> np.ndarray:
        """Octaves of halving size and strength."""
        return sum(self(u * 2**i + 17 * i, v * 2**i + 31 * i) * 0.5**i for i in range(octaves)) * 0.8


@dataclass
class Surface:
    """Flat arrays over the pixels that are not sky (``where`` = their flat indices)."""

    where: np.ndarray
    depth: np.ndarray
    point: np.ndarray  # (N, 3) metres
    normal: np.ndarray  # (N, 3)
    ray: np.ndarray  # (N, 3) unit, from the eye
    material: np.ndarray
    obj: np.ndarray
    moving: np.ndarray
    albedo: np.ndarray  # (N, 3)
    glow: np.ndarray  # (N, 3)
    mirror: np.ndarray  # visible reflectance at normal incidence
    gloss: np.ndarray  # exponent of the highlight
    emissivity: np.ndarray
    celsius: np.ndarray  # temperature in the shade, or at night
    sun_gain: np.ndarray  # kelvin in full sun


def smoothstep(low, high, x):
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def surfaces(street: stage.Street, buffer: Buffer, night: bool, air: float, noise: Noise) -> Surface:
    """Evaluate the deferred pixels of the camera's buffer."""
    table, view = street.prims.table(), buffer.view
    where = np.flatnonzero(buffer.ids.ravel() >= 0)
    ids, depth = buffer.ids.ravel()[where], buffer.depth().ravel()[where]
    rays = view.rays().reshape(-1, 3)[where]
    point = view.eye.astype(np.float32) + rays * depth[:, None]
    ray = rays / np.sqrt(np.einsum("ij,ij->i", rays, rays))[:, None]
    local = point - table["anchor"][ids]
    normal = table["normal"][ids] + np.einsum("nij,nj->ni", table["bend"][ids], local)
    normal /= np.sqrt(np.einsum("ij,ij->i", normal, normal))[:, None] + 1e-6
    away = np.einsum("ij,ij->i", normal, ray) > 0
    normal[away] *= -1  # every surface is seen from its outside
    u = np.einsum("ij,ij->i", local, table["u_axis"][ids])
    v = np.einsum("ij,ij->i", local, table["v_axis"][ids])
    material, obj = table["material"][ids], table["obj"][ids]
    row = _MATERIALS[material]
    out = Surface(
        where,
        depth,
        point,
        normal,
        ray,
        material,
        obj,
        table["moving"][ids][:, 0] > 0,
        table["colour"][ids],
        table["glow"][ids],
        row[:, 4].copy(),
        row[:, 5].copy(),
        row[:, 0].copy(),
        air + row[:, 3 if night else 1] + table["heat"][ids],
        row[:, 2].copy(),
    )
    pixel = depth / np.float32(view.scale)  # metres a pixel spans, to fade textures before they alias
    style = table["style"][ids]
    _road(out, material == stage.ROAD, pixel, noise)
    _paving(out, material == stage.PAVEMENT, pixel, noise)
    _rough(out, material, noise, u, v, pixel)
    for number, facade in enumerate(street.facades):
        pick = np.flatnonzero((material == stage.FACADE) & (style == number))
        if len(pick):
            _facade(out, pick, u[pick], v[pick], pixel[pick], facade, night, noise)
    _signs(out, np.flatnonzero(material == stage.SIGN), u, v, style)
    return out


def _road(s: Surface, mask, pixel, noise: Noise) -> None:
    k = np.flatnonzero(mask)
    x, z, p = s.point[k, 0], s.point[k, 2], pixel[k]
    grain = noise(x * 45, z * 45) * (1 - smoothstep(0.006, 0.03, p)) + noise(x * 130 + 7, z * 130) * (
        1 - smoothstep(0.003, 0.012, p)
    )
    patch = noise.fbm(x * 0.7, z * 0.25, 3)
    tracks = np.exp(-((np.abs(np.abs(x) - 2.0) - 0.75) ** 2) / 0.09)  # polished by wheels
    tone = 1 + 0.13 * grain + 0.10 * patch + 0.10 * tracks
    crack = np.abs(noise.fbm(x * 0.45 + 3, z * 0.22, 4))
    tone *= 1 - 0.45 * (1 - smoothstep(0.004, 0.028, crack)) * (noise(x * 0.2, z * 0.1) > 0.2)
    repair = (np.abs(x - 3.4) < 0.9) & (np.abs(z - 17.6) < 2.2) | (np.abs(x + 1.6) < 1.3) & (np.abs(z - 7.2) < 0.9)
    tone *= np.where(repair, 0.70, 1.0)
    albedo = s.albedo[k] * tone[:, None]
    worn = np.clip(0.86 + 0.22 * noise.fbm(x * 6, z * 6, 2), 0.35, 1.0)
    lines = (np.abs(np.abs(x) - 0.11) < 0.055) & (z > stage.CROSSING_M[1] + 1.2)
    lines |= (np.abs(np.abs(x) - 0.11) < 0.055) & (z < stage.CROSSING_M[0] - 1.2)
    lines |= (np.abs(np.abs(x) - 3.05) < 0.06) & (np.mod(z, 3.0) < 1.6) & (np.abs(z - 13) > 2.6)
    zebra = (z > stage.CROSSING_M[0]) & (z < stage.CROSSING_M[1]) & (np.mod(x + 0.25, 1.0) < 0.5) & (np.abs(x) < 4.8)
    stop = ((np.abs(z - 15.6) < 0.18) & (x < -0.2) & (x > -3.0)) | ((np.abs(z - 10.4) < 0.18) & (x > 0.2) & (x < 3.0))
    white = (lines | zebra | stop) * worn
    s.albedo[k] = albedo * (1 - white[:, None]) + white[:, None] * np.float32((0.62, 0.61, 0.57))
    cover = ((x - 1.1) ** 2 + (z - 9.0) ** 2) < 0.105
    s.albedo[k[cover]] = 0.05
    # in the infrared paint and asphalt radiate alike; cracks and patches barely differ
    s.celsius[k] += 0.35 * patch + 0.8 * tracks * np.exp(-((z - 24) ** 2) / 300) - 0.5 * repair + 0.10 * grain
    s.celsius[k[cover]] += 2.5  # warm air of the sewer
    s.mirror[k] *= 1 + 0.5 * patch


def _paving(s: Surface, mask, pixel, noise: Noise) -> None:
    k = np.flatnonzero(mask)
    x, z, p = s.point[k, 0], s.point[k, 2], pixel[k]
    fade = 1 - smoothstep(0.012, 0.05, p)
    row = np.floor(x / 0.62)
    along = z / 0.9 + 0.5 * np.mod(row, 2)
    joint = np.minimum(np.abs(np.mod(x / 0.62, 1) - 0.5) * -0.62 + 0.31, np.abs(np.mod(along, 1) - 0.5) * -0.9 + 0.45)
    tile = noise(row * 7.0 + 0.5, np.floor(along) * 3.0 + 0.5)
    dirt = noise.fbm(x * 1.3, z * 0.8, 3)
    tone = 1 + 0.07 * tile * fade + 0.09 * dirt + 0.06 * noise(x * 60, z * 60) * fade
    s.albedo[k] *= (tone * (1 - 0.45 * fade * (joint < 0.016)))[:, None]
    s.celsius[k] += 0.25 * tile * fade + 0.3 * dirt - 0.5 * fade * (joint < 0.016)


def _rough(s: Surface, material, noise: Noise, u, v, pixel) -> None:
    """Small variations of everything that is neither ground, nor front, nor body paint."""
    k = np.flatnonzero(material == stage.GRASS)
    x, z = s.point[k, 0], s.point[k, 2]
    blades = noise(x * 22, z * 9) * (1 - smoothstep(0.02, 0.08, pixel[k]))
    s.albedo[k] *= (1 + 0.22 * blades + 0.22 * noise.fbm(x * 0.8, z * 0.5, 3))[:, None]
    s.celsius[k] += 0.4 * blades
    k = np.flatnonzero(np.isin(material, (stage.CLOTH, stage.BARK, stage.DRUM, stage.HAIR)))
    # cloth hangs in folds: it is warm where it touches the skin, cooler where it stands off
    x, y, z = s.point[k].T
    folds = noise((x + z) * 9, y * 5) + 0.6 * noise((x - z) * 21, y * 16)
    s.albedo[k] *= (1 + 0.13 * folds)[:, None]
    s.celsius[k] += np.where(material[k] == stage.CLOTH, 1.1, 0.4) * folds
    k = np.flatnonzero(material == stage.ROOF)
    tiles = (np.mod(v[k] / 0.34, 1) < 0.16) * (1 - smoothstep(0.03, 0.12, pixel[k]))
    s.albedo[k] *= (1 + 0.10 * noise(u[k] * 4, np.floor(v[k] / 0.34) * 3) - 0.4 * tiles)[:, None]
    k = np.flatnonzero(material == stage.HILL)
    bumps = noise.fbm(s.point[k, 0] * 0.35, s.point[k, 1] * 0.5, 4)
    s.albedo[k] *= (1 + 0.35 * bumps)[:, None]
    s.celsius[k] += 0.6 * bumps
    k = np.flatnonzero(material == stage.LEAF)
    s.celsius[k] += 0.7 * noise(s.point[k, 0] * 3 + s.point[k, 2], s.point[k, 1] * 3)
    k = np.flatnonzero(material == stage.STONE)
    s.albedo[k] *= (1 + 0.08 * noise.fbm(u[k] * 2, v[k] * 2, 3))[:, None]
    s.albedo[k] *= (1 - 0.3 * (np.mod(u[k], 1.0) < 0.015))[:, None]


def _facade(s: Surface, k, u, v, pixel, facade: stage.Facade, night: bool, noise: Noise) -> None:
    seed = facade.seed % 997
    if facade.brick:
        fade = 1 - smoothstep(0.02, 0.06, pixel)
        course = np.floor(v / 0.085)
        along = u / 0.25 + 0.5 * np.mod(course, 2)
        mortar = ((np.mod(v, 0.085) < 0.014) | (np.mod(along, 1) < 0.05)) * fade
        each = noise(np.floor(along) * 3 + 0.5 + seed, course * 5 + 0.5) * fade
        tone = (1 + 0.22 * each)[:, None] * s.albedo[k]
        wall = tone * (1 - mortar[:, None]) + mortar[:, None] * np.float32((0.36, 0.33, 0.29))
    else:
        wall = s.albedo[k] * (1 + 0.05 * noise(u * 20 + seed, v * 20))[:, None]
    stain = noise.fbm(u * 0.5 + seed, v * 0.35, 3)
    streak = noise(u * 4 + seed, v * 0.25)
    wall = wall * (1 + 0.08 * stain + 0.05 * streak)[:, None]
    wall *= (0.72 + 0.28 * smoothstep(0.0, 0.9, v))[:, None]  # splash zone and contact shade
    celsius = 0.5 * stain + 0.25 * streak + 0.9 * noise(np.full_like(u, seed * 0.37), np.full_like(u, 3.5))
    slab = np.mod(v + 0.15, facade.floor) < 0.30  # floors conduct heat out, a thermographer's daily bread
    celsius += (1.1 if night else 0.45) * slab * (facade.bay < 50)
    if facade.brick:
        celsius += 0.18 * each - 0.5 * mortar
    s.albedo[k] = wall
    s.celsius[k] += celsius
    if facade.bay > 50:
        return
    floor = np.floor(v / facade.floor)
    bays = max(int(facade.width / facade.bay), 1)
    bay = facade.width / bays
    column = np.clip(np.floor(u / bay), 0, bays - 1)
    fu, fv = u - (column + 0.5) * bay, v - (floor + 0.54) * facade.floor  # from the middle of the window
    half_w, half_h = np.full_like(u, 0.62), np.full_like(u, 0.86)
    shop = (floor == 0) & facade.shop
    half_w[shop], half_h[shop] = bay / 2 - 0.16, 1.12
    fv = np.where(shop, v - 1.62, fv)
    half_w[(floor == 0) & ~shop], half_h[(floor == 0) & ~shop] = 0.66, 0.78
    usable = (floor + 1) * facade.floor < facade.height + 0.3
    window = (np.abs(fu) < half_w) & (np.abs(fv) < half_h) & usable
    surround = (np.abs(fu) < half_w + 0.14) & (np.abs(fv) < half_h + 0.14) & usable & ~window & ~shop
    sill = (np.abs(fu) < half_w + 0.2) & (fv < -half_h) & (fv > -half_h - 0.16) & usable & ~shop
    s.albedo[k[surround]] = np.float32((0.50, 0.47, 0.42)) if facade.brick else wall[surround] * 1.25
    s.albedo[k[sill]] = (0.55, 0.52, 0.47)
    under = (np.abs(fu) < half_w + 0.2) & (fv < -half_h - 0.16) & (fv > -half_h - 0.30) & usable & ~shop
    s.albedo[k[under]] *= 0.6
    bars = (np.abs(fu) < 0.028) | (np.abs(np.abs(fu) - half_w) < 0.055) | (np.abs(np.abs(fv) - half_h) < 0.055)
    bars |= (np.abs(fv - 0.28) < 0.025) & ~shop
    frame, glass = window & bars, window & ~bars
    s.albedo[k[frame]] = (0.07, 0.08, 0.08) if facade.shop else (0.62, 0.62, 0.60)
    # a random number per window: curtains, and whether somebody is at home
    fate = noise(column * 11.0 + 0.5 + seed, floor * 13.0 + 0.5)
    tint = noise(column * 5.0 + 90.5 + seed, floor * 7.0 + 0.5)
    drape = (np.abs(fu) > half_w * (0.50 + 0.2 * tint)) & (np.abs(fate) < 0.9) & ~shop
    pleat = 0.8 + 0.2 * np.sin(fu * 45 + fate * 9)
    inside = np.where(drape, 0.30 * pleat, 0.035)
    # goods on the shelves of the shops: upright things of some colour, by day in the dark behind the glass
    shelf, thing = np.floor((v + 0.1) / 0.52), np.floor(u / 0.23)
    hue = np.stack([noise(thing * 3.0 + 0.5 + 40 * i + seed, shelf * 5.0 + 0.5) for i in range(3)], 1)
    tall = 0.26 + 0.12 * hue[:, 0]
    filled = (np.mod(v + 0.1, 0.52) < tall) & (np.abs(np.mod(u / 0.23, 1) - 0.5) < 0.40) & (v < 2.0)
    goods = np.where(filled[:, None], np.clip(0.20 + 0.16 * hue, 0.02, 0.7), 0.42)
    goods = np.where((np.mod(v + 0.1, 0.52) > 0.49)[:, None] & (v < 2.0)[:, None], 0.10, goods).astype(np.float32)
    recess = np.where((fv > half_h - 0.16) | (fu > half_w - 0.10), 0.45, 1.0)
    s.albedo[k[glass]] = (inside * recess)[glass, None] * np.float32((1.0, 0.96, 0.88))
    s.albedo[k[glass & shop]] = 0.22 * goods[glass & shop]
    s.mirror[k[glass]], s.gloss[k[glass]] = 0.09, 400
    s.material[k[glass]] = stage.GLASS
    # glass is opaque in the LWIR: it shows its own temperature and, mirrored, the cold sky
    s.emissivity[k[glass]] = 0.84
    warm_room = 2.4 if night else 0.8
    s.celsius[k[glass]] += warm_room + 0.5 * tint[glass] - 1.2
    s.celsius[k[frame]] += 1.8 if night else 0.6
    s.celsius[k[surround | sill]] += 0.9 if night else 1.2
    radiator = (np.abs(fu) < half_w) & (fv < -half_h - 0.16) & (fv > -half_h - 0.75) & usable & ~shop & (fate > -0.4)
    s.celsius[k[radiator]] += 1.3 if night else 0.5
    s.sun_gain[k[glass]] = 2.0
    if not night:
        return
    lit = (fate > 0.35) & ~shop
    room = np.where(lit, 1.0, 0.0) * (0.55 + 0.45 * smoothstep(-1.0, 0.7, fv)) * np.where(drape, 0.55 * pleat, 1.0)
    warm = np.stack([np.full_like(u, 1.0), 0.62 + 0.09 * tint, 0.27 + 0.13 * tint], 1).astype(np.float32)
    s.glow[k[glass]] = 0.62 * (room[:, None] * warm)[glass]
    bright = (0.45 + 0.55 * smoothstep(0.3, 2.5, v)) * shop
    mood = np.float32([(1.0, 0.66, 0.32), (1.0, 0.84, 0.56), (1.0, 0.56, 0.27)][facade.seed % 3])
    s.glow[k[glass]] += 0.80 * (bright[:, None] * (0.22 + 1.6 * goods) * mood)[glass]


def _signs(s: Surface, k, u, v, style) -> None:
    """Words on the sign boards: paint and light without any difference of temperature."""
    for number, word in enumerate(("CAFE", "BOOK", "WINE")):
        pick = k[style[k] == number]
        board = np.zeros((256, 72), np.uint8)
        for i, letter in enumerate(word):
            cv2.putText(board, letter, (16, 58 + 62 * i), cv2.FONT_HERSHEY_DUPLEX, 1.9, 255, 5, cv2.LINE_AA)
        board[:5], board[-5:], board[:, :4], board[:, -4:] = 255, 255, 255, 255
        iu = np.clip(u[pick] * 72, 0, 71).astype(np.int32)
        iv = np.clip((1 - v[pick]) * 256, 0, 255).astype(np.int32)
        ink = board[iv, iu][:, None] / np.float32(255)
        s.glow[pick] *= 0.02 + 0.98 * ink
        s.albedo[pick] = s.albedo[pick] * ink + np.float32((0.035, 0.04, 0.05)) * (1 - ink)
