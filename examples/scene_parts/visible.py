"""The colour camera: sunlight or lamps, shadows, haze, smoke, glow, sensor noise, sRGB."""

from __future__ import annotations

import cv2
import numpy as np

from . import stage
from .raster import Buffer, View
from .surfaces import Noise, Surface, smoothstep

TO_SUN = np.array((0.60, 0.56, -0.50)) / np.linalg.norm((0.60, 0.56, -0.50))
SUN = np.float32((3.05, 2.75, 2.30))
SKY_FILL = np.float32((0.50, 0.64, 0.88))
SUN_MAP_PIXELS, SUN_MAP_METRES = 1536, 62.0


def sun_visibility(street: stage.Street, s: Surface) -> tuple[np.ndarray, np.ndarray]:
    """How much of the sun each surface sees, 0 to 1: now, and on average (without what moves)."""
    centre = np.array((2.0, 2.0, 24.0)) + 100 * TO_SUN  # far enough for everything to lie in front of it
    view = View(centre, -TO_SUN, SUN_MAP_PIXELS / SUN_MAP_METRES, SUN_MAP_PIXELS, SUN_MAP_PIXELS, parallel=True)
    buffer = Buffer(view).draw(street.prims, pick=np.flatnonzero(~street.prims.moving()))
    lasting = _lit(buffer, s, samples=_WANDER)
    buffer.draw(street.prims, leaves=False, pick=np.flatnonzero(street.prims.moving()))
    return _lit(buffer, s), lasting


_SAMPLES = ((-0.35, -0.6), (0.6, -0.35), (0.35, 0.6), (-0.6, 0.35))  # in pixels of the shadow map
# over an hour the sun's shadows wander sideways, and heat spreads: warm edges are soft
_WANDER = tuple((3.2 * t + 1.6 * np.sin(9 * t), 0.8 * t + 1.8 * np.cos(7 * t)) for t in np.linspace(-3, 3, 10))


def _lit(buffer: Buffer, s: Surface, pick=slice(None), samples=_SAMPLES) -> np.ndarray:
    """Share of the shadow-map samples that the light reaches, for the surfaces ``pick``."""
    view = buffer.view
    point = s.point[pick] + s.normal[pick] * np.float32(0.03)
    cam = (point - view.eye.astype(np.float32)) @ view.axes.T.astype(np.float32)
    behind = cam[:, 2] < 0.05
    cam[behind, 2] = 1.0
    pixels = view.to_pixels(cam)
    key, total = view.key(cam[:, 2]), np.zeros(len(cam), np.float32)
    slack = np.where(s.material[pick] == stage.LEAF, 0.22, 0.07)
    if not view.parallel:
        slack = slack / cam[:, 2] ** 2
    for dx, dy in samples:
        ix = np.rint(pixels[:, 0] + dx).astype(np.int32)
        iy = np.rint(pixels[:, 1] + dy).astype(np.int32)
        outside = (ix < 0) | (iy < 0) | (ix >= view.width) | (iy >= view.height)
        held = buffer.key[np.clip(iy, 0, view.height - 1), np.clip(ix, 0, view.width - 1)]
        total += outside | behind | (key >= held - slack)
    return total / len(samples)


def _contact(street: stage.Street, s: Surface) -> np.ndarray:
    """Darkening of the ground where things stand on it."""
    shade = np.ones(len(s.depth), np.float32)
    low = np.flatnonzero(s.point[:, 1] < 0.2)
    x, z, dark = s.point[low, 0], s.point[low, 2], shade[low]
    for cx, cz, rx, rz in street.contacts:
        near = np.flatnonzero((np.abs(x - cx) < 2 * rx) & (np.abs(z - cz) < 2 * rz))
        reach = ((x[near] - cx) / rx) ** 2 + ((z[near] - cz) / rz) ** 2
        dark[near] *= 1 - 0.72 * np.exp(-(reach**1.5))
    dark *= 1 - 0.4 * np.exp(-np.abs(x + 8.6) / 0.35)  # the foot of the left-hand houses
    for edge in (-stage.ROAD_HALF_M, stage.ROAD_HALF_M):
        dark *= 1 - 0.35 * np.exp(-np.maximum(np.sign(edge) * (edge - x), 0) / 0.10) * (s.point[low, 1] < 0.05)
    shade[low] = dark
    return shade


def sky(direction: np.ndarray, night: bool, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Radiance (N, 3) and cloud cover (N,) of the sky in unit directions (N, 3)."""
    up = np.maximum(direction[:, 1], 0.0)
    far = 1.0 / (up + 0.06)
    u, v = direction[:, 0] * far * 1.1, direction[:, 2] * far * 1.1
    bulk = noise.fbm(u * 0.55 + 4.7, v * 0.8 + 2.2, 5)
    cloud = smoothstep(0.10, 0.95, bulk) * smoothstep(0.02, 0.16, up)
    rise = (up**0.55)[:, None]
    if night:
        base = np.float32((0.030, 0.024, 0.030)) * (1 - rise) + np.float32((0.0014, 0.0040, 0.0130)) * rise
        base = base + cloud[:, None] * np.float32((0.010, 0.009, 0.012)) * (1 - 0.6 * rise)
        return base.astype(np.float32), cloud
    base = np.float32((0.80, 0.88, 0.95)) * (1 - rise) + np.float32((0.07, 0.24, 0.74)) * rise
    shade = 1.05 - 0.22 * smoothstep(0.5, 1.6, bulk)
    white = shade[:, None] * np.float32((1.08, 1.05, 1.02))
    return (base * (1 - 0.85 * cloud[:, None]) + 0.85 * cloud[:, None] * white).astype(np.float32), cloud


def _mirrored(s: Surface) -> np.ndarray:
    cosine = np.einsum("ij,ij->i", s.normal, s.ray)
    return s.ray - 2 * cosine[:, None] * s.normal


def _fresnel(s: Surface) -> np.ndarray:
    cosine = np.clip(-np.einsum("ij,ij->i", s.normal, s.ray), 0, 1)
    return s.mirror + (1 - s.mirror) * (1 - cosine) ** 5 * (s.gloss > 50)


def shade_day(street: stage.Street, s: Surface, sun: np.ndarray, noise: Noise) -> np.ndarray:
    """Radiance (N, 3) of the surfaces in daylight; ``sun`` is their visibility of it."""
    contact = _contact(street, s)
    leaf = s.material == stage.LEAF
    facing = s.normal @ TO_SUN.astype(np.float32)
    # leaves let some light through, and a crown scatters: never quite black
    direct = np.where(leaf, 0.62 * np.maximum(facing, 0) + 0.28 * np.abs(facing) + 0.05, np.maximum(facing, 0)) * sun
    up = 0.5 + 0.5 * s.normal[:, 1]
    fill = SKY_FILL * (0.25 + 0.75 * up)[:, None] + np.float32((0.30, 0.26, 0.21)) * (1 - up)[:, None]
    light = s.albedo * (direct[:, None] * SUN + fill * contact[:, None])
    shiny = np.flatnonzero(s.gloss > 50)
    mirror = _mirrored(s)
    # reflections: the sky above, the street below, and the row of houses just over the horizon
    world, _ = sky(mirror[shiny], False, noise)
    low = smoothstep(-0.06, 0.10, mirror[shiny, 1] - 0.22 * np.abs(mirror[shiny, 0]))[:, None]
    world = world * low + np.float32((0.17, 0.15, 0.13)) * (1 - low)
    fresnel = _fresnel(s)
    light[shiny] = light[shiny] * (1 - fresnel[shiny, None]) + world * fresnel[shiny, None]
    glint = np.maximum(mirror @ TO_SUN.astype(np.float32), 0) ** s.gloss * np.minimum(s.gloss, 120) * 0.09
    return light + (glint * fresnel * sun)[:, None] * SUN


def shade_night(street: stage.Street, s: Surface, noise: Noise) -> np.ndarray:
    """Radiance (N, 3) of the surfaces under lamps, with shadows for the nearest ones."""
    contact = _contact(street, s)
    up = 0.5 + 0.5 * s.normal[:, 1]
    light = s.albedo * (contact * (0.35 + 0.65 * up))[:, None] * np.float32((0.013, 0.018, 0.034))
    ground = np.isin(s.material, (stage.ROAD, stage.PAVEMENT))
    normal = s.normal.copy()  # a rough road spreads reflections of lamps into streaks
    normal[ground, 0] += 0.045 * noise(s.point[ground, 0] * 9, s.point[ground, 2] * 9)
    cosine = np.einsum("ij,ij->i", normal, s.ray)
    mirror = s.ray - 2 * cosine[:, None] * normal
    fresnel = s.mirror + (1 - s.mirror) * (1 - np.clip(-cosine, 0, 1)) ** 5 * np.where(ground, 0.35, s.gloss > 50)
    x, y, z = np.ascontiguousarray(s.point.T)
    for lamp in street.lights:
        lx, ly, lz = lamp.position.astype(np.float32)
        dist2 = (x - lx) ** 2 + (y - ly) ** 2 + (z - lz) ** 2
        reach2 = min(float(lamp.colour.max()) / 0.03, 24.0**2)  # beyond it the lamp adds less than the sky does
        near = np.flatnonzero(dist2 < reach2)
        towards, dist2 = lamp.position.astype(np.float32) - s.point[near], dist2[near]
        towards /= np.sqrt(dist2)[:, None]
        strength = _cone(lamp, towards) / (dist2 + 0.15) * smoothstep(reach2, 0.3 * reach2, dist2)
        keep = np.flatnonzero(strength > 0)
        near, towards, strength = near[keep], towards[keep], strength[keep]
        facing = np.einsum("ij,ij->i", s.normal[near], towards)
        leaf = s.material[near] == stage.LEAF
        facing = np.where(leaf, 0.4 * np.abs(facing) + 0.4 * np.maximum(facing, 0), np.maximum(facing, 0))
        if lamp.shadows:
            distance = street.prims.distance(lamp.position)
            wide = 70 if lamp.cos_edge < 0.5 else 32
            size = 512
            view = View(lamp.position, lamp.aim, size / 2 / np.tan(np.radians(wide)), size, size)
            mapped = Buffer(view).draw(street.prims, leaves=False, pick=np.flatnonzero(distance < 13.0))
            strength = strength * _lit(mapped, s, near)
        colour = lamp.colour.astype(np.float32)
        light[near] += s.albedo[near] * (facing * strength)[:, None] * colour
        aligned = np.einsum("ij,ij->i", mirror[near], towards)
        keep = np.flatnonzero((aligned > 0.85) & (strength > 1e-4))  # a highlight is small, and powers are slow
        near, aligned = near[keep], aligned[keep]
        exponent = np.where(ground[near], 90.0, np.minimum(s.gloss[near], 300))
        glint = np.minimum(aligned**exponent * (exponent + 2) / 6.28, 12.0)
        light[near] += (glint * fresnel[near] * strength[keep] * 0.30)[:, None] * colour
    shiny = np.flatnonzero(s.gloss > 50)
    world, _ = sky(mirror[shiny], True, noise)
    light[shiny] += fresnel[shiny, None] * world
    return light + s.glow


def _cone(lamp: stage.Light, towards: np.ndarray) -> np.ndarray:
    if lamp.cos_edge <= -1:
        return np.ones(len(towards), np.float32)
    aim = (lamp.aim / np.linalg.norm(lamp.aim)).astype(np.float32)
    inner = lamp.cos_edge + 0.45 * (1 - lamp.cos_edge)
    return smoothstep(lamp.cos_edge, inner, -(towards @ aim))


def lamp_haze(street: stage.Street, view: View, depth: np.ndarray) -> np.ndarray:
    """Light that the night air scatters out of the lamps' cones, float32 (H, W, 3); computed coarsely."""
    step = max(round(min(view.height / 120, view.width / 160)), 1)
    small = cv2.resize(np.minimum(depth, 60.0), None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    rays = cv2.resize(view.rays(), small.shape[::-1], interpolation=cv2.INTER_AREA).reshape(-1, 3)
    out = np.zeros_like(rays)
    edges = np.linspace(1.0, 7.5, 22) ** 2 - 0.5  # finer near the camera
    lamps = [lamp for lamp in street.lights if lamp.colour.max() > 6]
    for near, far in zip(edges, edges[1:], strict=False):
        mid = np.float32((near + far) / 2)
        length = np.clip(small.ravel() - near, 0, far - near)
        point = view.eye.astype(np.float32) + rays * mid
        for lamp in lamps:
            towards = lamp.position.astype(np.float32) - point
            dist2 = np.einsum("ij,ij->i", towards, towards)
            towards /= np.sqrt(dist2)[:, None]
            beam = _cone(lamp, towards) / (dist2 + 0.6) * length
            out += beam[:, None] * lamp.colour.astype(np.float32)
    out = cv2.resize(out.reshape(*small.shape, 3), (view.width, view.height), interpolation=cv2.INTER_LINEAR)
    return out * np.float32(0.0006)


def smoke_light(street: stage.Street, view: View, tau: np.ndarray, night: bool, depth_m: float) -> np.ndarray:
    """Radiance of the smoke itself, float32 (H, W, 3)."""
    shift = view.scale * 0.35 / depth_m
    blurred = cv2.GaussianBlur(tau, (0, 0), max(0.2 * shift, 0.3))
    move = np.float32([[1, 0, -shift], [0, 1, shift]])  # how much smoke lies towards the light, up and to the right
    above = cv2.warpAffine(blurred, move, (view.width, view.height))
    if not night:
        open_air = np.exp(-0.42 * above)[..., None]
        return 0.25 * SUN * open_air + 0.60 * SKY_FILL + np.float32(0.06)
    step = max(round(min(view.height / 120, view.width / 160)), 1)
    rays = cv2.resize(view.rays(), None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    point = view.eye.astype(np.float32) + rays.reshape(-1, 3) * np.float32(depth_m)
    out = np.full_like(point, 0.012)
    for lamp in street.lights:
        towards = lamp.position.astype(np.float32) - point
        dist2 = np.einsum("ij,ij->i", towards, towards)
        towards /= np.sqrt(dist2)[:, None]
        spread = 0.30 + 0.70 * _cone(lamp, towards) if lamp.cos_edge < 0.5 else 0.5 * _cone(lamp, towards)
        out += (spread / (dist2 + 5.0))[:, None] * lamp.colour.astype(np.float32) * np.float32(0.13)
    out = cv2.resize(out.reshape(rays.shape), (view.width, view.height), interpolation=cv2.INTER_LINEAR)
    return out * (0.35 + 0.65 * np.exp(-0.5 * above))[..., None]


def expose(light: np.ndarray, shape: tuple[int, int], night: bool, rng: np.random.Generator) -> np.ndarray:
    """Lens glow, area downsample to ``shape``, vignette, noise, tone curve and sRGB; uint8 (H, W, 3)."""
    height, width = shape
    out = cv2.resize(np.minimum(light, 6.0), (width, height), interpolation=cv2.INTER_AREA)
    if night:
        bright = cv2.resize(np.clip(light - 0.55, 0, 30), (width, height), interpolation=cv2.INTER_AREA)
        unit = min(height / 480, width / 640)
        for sigma, share in ((2.2, 0.10), (7.0, 0.055), (26.0, 0.035)):
            out += share * cv2.GaussianBlur(bright, (0, 0), max(sigma * unit, 0.3))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j] if min(shape) > 1 else np.zeros((2, *shape))
    out *= (1 - 0.17 * (x * x + y * y) / 2)[..., None].astype(np.float32)
    out *= np.float32(1.5 if night else 0.64)
    read, shot = (0.0034, 0.0105) if night else (0.0010, 0.0045)
    grain = rng.normal(size=(height, width, 3)).astype(np.float32)
    if night:  # demosaicing at high gain leaves blotchy colour noise
        coarse = cv2.GaussianBlur(rng.normal(size=(height, width, 3)).astype(np.float32), (0, 0), 1.1) * 2.2
        grain = 0.75 * grain + 0.55 * coarse
    out += grain * np.sqrt(read**2 + shot**2 * np.maximum(out, 0))
    out = np.maximum(out, 0)
    out = out * (2.51 * out + 0.03) / (out * (2.43 * out + 0.59) + 0.14)  # filmic shoulder
    out = np.clip(out, 0, 1)
    srgb = np.where(out <= 0.0031308, 12.92 * out, 1.055 * np.power(out, 1 / 2.4) - 0.055)
    return np.rint(255 * np.clip(srgb, 0, 1)).astype(np.uint8)
