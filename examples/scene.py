"""Render a synthetic street as a registered pair: what a thermal and a colour camera see of one scene.

    python examples/scene.py [-o examples/scene] [--kind day|night|both] [--size 640x480] [--seed 0]

writes OUT/ir/day.png, OUT/vis/day.png, OUT/ir/night.png and OUT/vis/night.png. Needs numpy and opencv-python.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))  # examples are not an installed package

from scene_parts import stage, thermal, visible
from scene_parts.raster import Buffer, View
from scene_parts.street import build
from scene_parts.surfaces import Noise, smoothstep, surfaces

KINDS = ("day", "night")
SMALLEST, LARGEST, MOST_PIXELS = 16, 4096, 2048 * 2048  # a pixel takes about 1.2 KB while it is rendered
SUPERSAMPLE = 2
EYE = (0.6, 2.0, 0.5)
SMOKE_DEPTH_M = 14.3 - EYE[2]
SMOKE_THROUGH_IR = 0.05  # optical depth at 10 um per optical depth in visible light, for fine smoke


def render(kind: str = "day", width: int = 640, height: int = 480, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Render the street: infrared uint8 (H, W) and visible uint8 RGB (H, W, 3), registered.

    ``kind`` is "day" or "night"; width and height lie in [16, 4096] and make at most 2048 * 2048 pixels;
    ``seed`` (>= 0) changes colours, foliage, windows and noise, never where people and smoke are. The same
    arguments give the same bytes. Raises ValueError for anything else.
    """
    ir, vis, _ = render_with_masks(kind, width, height, seed)
    return ir, vis


def render_with_masks(kind: str, width: int, height: int, seed: int):
    """As `render`, with boolean (H, W) masks by name: people, hidden_person, cars, foliage, buildings,
    ground, sky, smoke (people and hidden_person as the infrared sees them; smoke overlaps the others).
    """
    _check(kind, width, height, seed)
    night, air = kind == "night", thermal.AIR_C[kind]
    place, noise_rng, sensor = (np.random.Generator(np.random.PCG64([seed, i])) for i in range(3))
    street, noise = build(night, place), Noise(noise_rng)
    rows, cols = height * SUPERSAMPLE, width * SUPERSAMPLE
    # the 4:3 view always fits; other shapes see more street or more sky
    view = View(EYE, (0, 0, 1), 0.82 * min(cols, rows * 4 / 3), cols, rows, horizon=0.55)
    buffer = Buffer(view).draw(street.prims)
    s = surfaces(street, buffer, night, air, noise)

    rays = view.rays().reshape(-1, 3)
    empty = np.flatnonzero(buffer.ids.ravel() < 0)
    above = rays[empty] / np.linalg.norm(rays[empty], axis=1, keepdims=True)
    light, cloud = np.zeros((rows * cols, 3), np.float32), np.zeros(len(empty), np.float32)
    light[empty], cloud = visible.sky(above, night, noise)
    heat = np.zeros(rows * cols, np.float32)
    heat[empty] = thermal.radiance(thermal.sky_celsius(above[:, 1], cloud, air))
    if night:
        lasting = None
        light[s.where] = visible.shade_night(street, s, noise)
        far = np.float32((0.024, 0.020, 0.021))
    else:
        sun, lasting = visible.sun_visibility(street, s)
        light[s.where] = visible.shade_day(street, s, sun, noise)
        far = np.float32((0.74, 0.82, 0.90))
    heat[s.where] = thermal.surface_radiance(s, lasting, night, air)
    clear = np.exp(-s.depth / (260 if night else 750))[:, None]
    light[s.where] = light[s.where] * clear + far * (1 - clear)
    light, heat = light.reshape(rows, cols, 3), heat.reshape(rows, cols)
    depth = buffer.depth()
    if night:
        light += visible.lamp_haze(street, view, depth)

    tau = _smoke_depth(street, view, noise)
    behind = tau * smoothstep(SMOKE_DEPTH_M - 0.7, SMOKE_DEPTH_M + 0.3, np.minimum(depth, 99)).astype(np.float32)
    through = np.exp(-behind)[..., None]
    light = light * through + visible.smoke_light(street, view, tau, night, SMOKE_DEPTH_M) * (1 - through)
    through = np.exp(-SMOKE_THROUGH_IR * behind)
    heat = heat * through + thermal.radiance(air + 9.0) * (1 - through)

    ir = thermal.detect(heat, (height, width), sensor)
    vis = visible.expose(light, (height, width), night, sensor)
    return ir, vis, _masks(s, buffer, tau, height, width)


def _smoke_depth(street: stage.Street, view: View, noise: Noise) -> np.ndarray:
    """Optical depth of the smoke along each pixel's ray in visible light, float32 (H, W)."""
    tau = np.zeros((view.height, view.width), np.float32)
    metre = view.scale / SMOKE_DEPTH_M
    x = (np.arange(view.width) - view.cx).astype(np.float32) / metre + EYE[0]
    y = (view.cy - np.arange(view.height)).astype(np.float32) / metre + EYE[1]
    for px, py, _, radius, density in street.puffs:
        left, right = np.searchsorted(x, (px - 2.6 * radius, px + 2.6 * radius))
        bottom, top = np.searchsorted(-y, (-py - 2.6 * radius, -py + 2.6 * radius))
        bump = np.exp(-((x[None, left:right] - px) ** 2 + (y[bottom:top, None] - py) ** 2) / radius**2)
        tau[bottom:top, left:right] += np.float32(1.77 * radius * density) * bump
    seen = np.flatnonzero(tau.ravel() > 0.003)
    u, v = x[seen % view.width], y[seen // view.width]
    warp = noise(u * 1.6, v * 1.6)
    billow = noise.fbm(u * 2.1 + 0.5 * warp, v * 1.7 - 0.4 * warp + 9, 5)
    rough = 0.32 + 0.38 * smoothstep(1.6, 4.0, v)  # turbulence grows as it rises
    tau.ravel()[seen] *= np.exp(rough * billow - rough**2 / 2)
    return tau


def _masks(s, buffer: Buffer, tau, height: int, width: int) -> dict[str, np.ndarray]:
    def shrink(mask):
        return cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5

    obj = np.zeros(buffer.ids.shape, np.int32)
    obj.ravel()[s.where] = s.obj
    groups = {
        "people": stage.PERSON,
        "hidden_person": stage.HIDDEN_PERSON,
        "cars": stage.CAR,
        "foliage": stage.FOLIAGE,
        "buildings": stage.BUILDING,
        "ground": stage.GROUND,
        "sky": 0,
    }
    masks = {name: shrink(obj == number) for name, number in groups.items()}
    masks["smoke"] = shrink(tau > 1.0)
    return masks


def _check(kind, width, height, seed) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind must be 'day' or 'night', not {kind!r}")
    for name, value in (("width", width), ("height", height), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise ValueError(f"{name} must be a whole number, not {value!r}")
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise ValueError(
            f"each side must lie between {SMALLEST} and {LARGEST} pixels, but the size is {width}x{height}"
        )
    if int(width) * int(height) > MOST_PIXELS:
        raise ValueError(f"{width}x{height} has more than the {MOST_PIXELS} pixels that can be rendered at once")
    if seed < 0:
        raise ValueError(f"seed must not be negative, but is {seed}")


def _size(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 7 for p in parts):
        raise ValueError(f"--size must look like 640x480, not {text!r}")
    return int(parts[0]), int(parts[1])


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"scene.py: {message}\n")


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = _Parser(description="Render a synthetic street as infrared and visible pictures.", allow_abbrev=False)
    parser.add_argument("-o", "--output", default=Path(__file__).resolve().parent / "scene", type=Path)
    parser.add_argument("--kind", default="both", choices=(*KINDS, "both"))
    parser.add_argument("--size", default="640x480", metavar="WxH")
    parser.add_argument("--seed", default=0, type=int)
    args = parser.parse_args(argv)
    try:
        width, height = _size(args.size)
        kinds = KINDS if args.kind == "both" else (args.kind,)
        _check(kinds[0], width, height, args.seed)
        for folder in ("ir", "vis"):
            (args.output / folder).mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            ir, vis = render(kind, width, height, args.seed)
            _write(args.output / "ir" / f"{kind}.png", ir)
            _write(args.output / "vis" / f"{kind}.png", vis[..., ::-1])
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"cannot write to {args.output}: {error.strerror or error}")
    return 0


def _write(path: Path, image: np.ndarray) -> None:
    """Write beside the target first, then rename, so that no half picture ever stands there."""
    data = cv2.imencode(".png", image)[1]
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data.tobytes())
    part.replace(path)
    print(f"{path} {image.shape[1]}x{image.shape[0]}")


if __name__ == "__main__":
    sys.exit(main())
