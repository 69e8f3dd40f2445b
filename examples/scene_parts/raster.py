"""A small deferred rasteriser: which primitive does each pixel see, and how far away?

Everything else (normal, texture coordinate, colour, temperature) is a function of the primitive and the
point in the world, so both cameras and all shadow maps share one geometry and are registered by construction.
World axes: x right, y up, z along the street; metres.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

NEAR_M = 0.25
SUBPIXEL_BITS = 4  # cv2.fillConvexPoly takes fixed-point corners


class View:
    """A camera: perspective (``scale`` is the focal length in pixels) or, for the sun, parallel projection
    (``scale`` is pixels per metre). ``horizon`` is the height of the optical axis in the picture, from above.
    """

    def __init__(self, eye, forward, scale: float, width: int, height: int, parallel=False, horizon=0.5):
        self.eye = np.asarray(eye, np.float64)
        fwd = np.asarray(forward, np.float64) / np.linalg.norm(forward)
        helper = np.array([0.0, 1.0, 0.0]) if abs(fwd[1]) < 0.99 else np.array([0.0, 0.0, 1.0])
        right = np.cross(helper, fwd)
        right /= np.linalg.norm(right)
        self.axes = np.stack([right, np.cross(fwd, right), fwd])  # rows: right, up, forward
        self.scale, self.width, self.height, self.parallel = float(scale), width, height, parallel
        self.cx, self.cy = (width - 1) / 2, height * horizon - 0.5
        half_w, half_h = (width / 2 + 8) / scale, (height + 8) / scale
        if parallel:
            planes = [(1, 0, 0, half_w), (-1, 0, 0, half_w), (0, 1, 0, half_h), (0, -1, 0, half_h)]
        else:
            planes = [
                (0, 0, 1, -NEAR_M),
                (1, 0, half_w, 0),
                (-1, 0, half_w, 0),
                (0, 1, half_h, 0),
                (0, -1, half_h, 0),
            ]
        self.planes = np.array(planes, np.float64)  # a little outside the picture; inside is positive

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in camera axes (right, up, depth)."""
        return (points - self.eye) @ self.axes.T

    def to_pixels(self, cam: np.ndarray) -> np.ndarray:
        """Camera points (..., 3) to pixel coordinates (..., 2)."""
        ground = cam[..., :2] if self.parallel else cam[..., :2] / cam[..., 2:]
        return np.stack([self.cx + self.scale * ground[..., 0], self.cy - self.scale * ground[..., 1]], -1)

    def key(self, depth):
        """A number that is affine on the screen for a plane and grows towards the camera."""
        return -depth if self.parallel else 1.0 / depth

    def rays(self) -> np.ndarray:
        """Direction of each pixel's ray in the world with unit depth, float32 (H, W, 3); perspective only."""
        gx = ((np.arange(self.width) - self.cx) / self.scale).astype(np.float32)
        gy = ((self.cy - np.arange(self.height)) / self.scale).astype(np.float32)
        axes = self.axes.astype(np.float32)
        return gx[None, :, None] * axes[0] + gy[:, None, None] * axes[1] + axes[2]


@dataclass
class Look:
    """What a primitive is made of. ``heat`` is a temperature above (or below) that of its material, in K;
    ``glow`` is the light it emits at night, in the units of the visible camera."""

    material: int
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)  # linear RGB albedo
    obj: int = 0
    heat: float = 0.0
    glow: tuple[float, float, float] = (0.0, 0.0, 0.0)
    style: int = 0  # facade number, or any other choice the material needs
    moving: bool = False  # moving things leave no cold shadow on the sun-warmed road


@dataclass
class Primitives:
    """Convex polygons and ellipsoids, then leaves; a primitive's id is its row.

    The normal at a point p is ``normal + bend @ (p - anchor)``: constant for a flat polygon, interpolated for
    a smooth mesh, radial for an ellipsoid. Texture coordinates are ``(p - anchor) . (u_axis, v_axis)``.
    """

    shapes: list = field(default_factory=list)
    rows: list = field(default_factory=list)
    looks: list = field(default_factory=list)
    leaf_points: list = field(default_factory=list)  # arrays (N, 3, 3): centre and two half-axes
    leaf_rows: list = field(default_factory=list)

    def polygon(self, points, look: Look, uv=None, normals=None) -> None:
        """Add a convex, nearly planar polygon (N, 3); ``uv`` = (origin, u_axis, v_axis)."""
        points = np.asarray(points, np.float64)
        normal = _newell(points)
        length = np.linalg.norm(normal)
        if length < 1e-9:
            return
        normal /= length
        anchor, bend = points[0], np.zeros((3, 3))
        start = normal
        if normals is not None:
            edges = np.stack([points[1] - points[0], points[2] - points[0], normal], 1)
            if abs(np.linalg.det(edges)) > 1e-9:
                turn = np.stack([normals[1] - normals[0], normals[2] - normals[0], np.zeros(3)], 1)
                start, bend = normals[0], turn @ np.linalg.inv(edges)
        u_axis = v_axis = np.zeros(3)
        if uv is not None:
            anchor, u_axis, v_axis = (np.asarray(a, np.float64) for a in uv)
        self.shapes.append(points)
        self._row(start, bend, anchor, u_axis, v_axis, look)

    def ellipsoid(self, centre, axes, look: Look) -> None:
        """Add an ellipsoid with semi-axes in the columns of ``axes`` (3, 3), or three radii along x, y, z."""
        axes = np.asarray(axes, np.float64)
        axes = np.diag(axes) if axes.ndim == 1 else axes
        centre, inverse = np.asarray(centre, np.float64), np.linalg.inv(axes)
        self.shapes.append((centre, axes))
        self._row(np.zeros(3), inverse.T @ inverse, centre, np.zeros(3), np.zeros(3), look)

    def leaves(self, centres, half_a, half_b, normals, colours, look: Look) -> None:
        """Add N small diamonds at once; all arrays (N, 3)."""
        count = len(centres)
        self.leaf_points.append(np.stack([centres, half_a, half_b], 1))
        zero3, zero9 = np.zeros((count, 3)), np.zeros((count, 9))
        tail = np.tile([look.material, look.obj, look.heat, *look.glow, look.style, look.moving], (count, 1))
        self.leaf_rows.append(np.hstack([normals, zero9, centres, zero3, zero3, colours, tail]))

    def _row(self, normal, bend, anchor, u_axis, v_axis, look: Look) -> None:
        self.looks.append(look)
        kind = (look.material, look.obj, look.heat, *look.glow, look.style, look.moving)
        self.rows.append(np.concatenate([normal, bend.ravel(), anchor, u_axis, v_axis, look.colour, kind]))

    def moving(self) -> np.ndarray:
        """Which polygons and ellipsoids belong to something that moves, bool (N,)."""
        return np.array([look.moving for look in self.looks])

    def distance(self, place) -> np.ndarray:
        """Distance from ``place`` to each polygon's nearest corner or each ellipsoid's centre, (N,)."""
        starts = np.cumsum([0, *(1 if isinstance(s, tuple) else len(s) for s in self.shapes[:-1])])
        points = np.concatenate([s[0][None] if isinstance(s, tuple) else s for s in self.shapes])
        return np.minimum.reduceat(np.linalg.norm(points - place, axis=1), starts)

    def table(self) -> dict[str, np.ndarray]:
        """The rows as named float32 (integers: int32) columns, in the order of the ids."""
        rows = np.vstack([np.array(self.rows), *self.leaf_rows]).astype(np.float32)
        names = {"normal": 3, "bend": 9, "anchor": 3, "u_axis": 3, "v_axis": 3, "colour": 3}
        names |= {"material": 1, "obj": 1, "heat": 1, "glow": 3, "style": 1, "moving": 1}
        out, at = {}, 0
        for name, count in names.items():
            out[name] = rows[:, at : at + count].copy()
            at += count
        for name in ("material", "obj", "style"):
            out[name] = out[name][:, 0].astype(np.int32)
        out["heat"] = out["heat"][:, 0]
        out["bend"] = out["bend"].reshape(-1, 3, 3)
        return out


class Buffer:
    """Nearest key and primitive id per pixel of a view; id -1 is the sky."""

    def __init__(self, view: View):
        self.view = view
        self.key = np.full((view.height, view.width), -np.inf if view.parallel else 0.0, np.float32)
        self.ids = np.full((view.height, view.width), -1, np.int32)

    def depth(self) -> np.ndarray:
        """Depth per pixel in metres, infinite in the sky."""
        if self.view.parallel:
            return -self.key
        with np.errstate(divide="ignore"):
            return np.float32(1) / self.key

    def draw(self, prims: Primitives, leaves: bool = True, pick: np.ndarray | None = None) -> Buffer:
        """Rasterise the primitives whose number is in ``pick`` (all without it), then the leaves."""
        for number in range(len(prims.shapes)) if pick is None else pick.tolist():
            shape = prims.shapes[number]
            if isinstance(shape, tuple):
                self._ellipsoid(number, *shape)
            else:
                self._polygon(number, shape)
        if leaves and prims.leaf_points:
            self._leaves(len(prims.shapes), np.concatenate(prims.leaf_points))
        return self

    def _tile(self, low, high):
        x0, y0 = max(int(np.floor(low[0])), 0), max(int(np.floor(low[1])), 0)
        x1, y1 = (
            min(int(np.ceil(high[0])) + 1, self.view.width),
            min(int(np.ceil(high[1])) + 1, self.view.height),
        )
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def _polygon(self, number: int, points: np.ndarray) -> None:
        view = self.view
        cam = _clip(view.to_camera(points), view)
        if len(cam) < 3:
            return
        pixels = view.to_pixels(cam)
        tile = self._tile(pixels.min(0), pixels.max(0))
        normal = _newell(cam)
        offset = normal @ cam.mean(0)
        facing = normal[2] if view.parallel else offset
        if tile is None or abs(facing) < 1e-9:
            return
        x0, y0, x1, y1 = tile
        cover = np.zeros((y1 - y0, x1 - x0), np.uint8)
        corners = np.rint((pixels - (x0, y0)) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillConvexPoly(cover, corners, 1, shift=SUBPIXEL_BITS)
        # the key is affine in the pixel: solve the plane once, then two outer sums
        slope = normal[:2] / facing / view.scale
        const = -offset / facing if view.parallel else normal[2] / facing
        along_x = const + slope[0] * (np.arange(x0, x1) - view.cx)
        along_y = slope[1] * (view.cy - np.arange(y0, y1))
        key = (along_x[None] + along_y[:, None]).astype(np.float32)
        keys = view.key(cam[:, 2])
        np.clip(key, keys.min(), keys.max(), out=key)  # fat edges must not extrapolate a grazing plane
        self._keep(number, tile, key, cover > 0)

    def _ellipsoid(self, number: int, centre: np.ndarray, axes: np.ndarray) -> None:
        view = self.view
        mid, axes = view.to_camera(centre), view.axes @ axes
        reach = np.sqrt((axes**2).sum(1))  # half extent along each camera axis
        if not view.parallel and mid[2] - reach[2] < NEAR_M:
            return
        near = 1.0 if view.parallel else 1.0 / (mid[2] - reach[2])
        spread = view.scale * (reach[:2] + 0.3 * reach[2] * (not view.parallel)) * near + 1
        pixel = view.to_pixels(mid)
        tile = self._tile(pixel - spread, pixel + spread)
        if tile is None:
            return
        x0, y0, x1, y1 = tile
        inverse = np.linalg.inv(axes)
        gx = ((np.arange(x0, x1) - view.cx) / view.scale)[None, :, None]
        gy = ((view.cy - np.arange(y0, y1)) / view.scale)[:, None, None]
        across = gx * inverse[:, 0] + gy * inverse[:, 1]  # (h, w, 3), in the frame where it is a unit sphere
        start, step = (-inverse @ mid, across + inverse[:, 2])
        if view.parallel:
            start, step = across + start, np.broadcast_to(inverse[:, 2], across.shape)
        a, b = (step**2).sum(-1), (start * step).sum(-1)
        disc = b * b - a * ((start**2).sum(-1) - 1)
        depth = (-b - np.sqrt(np.maximum(disc, 0))) / a
        self._keep(number, tile, view.key(depth).astype(np.float32), disc > 0)

    def _keep(self, number, tile, key, cover) -> None:
        x0, y0, x1, y1 = tile
        held = self.key[y0:y1, x0:x1]
        nearer = cover & (key > held)
        held[nearer] = key[nearer]
        self.ids[y0:y1, x0:x1][nearer] = number

    def _leaves(self, first: int, leaves: np.ndarray) -> None:
        """Painter's algorithm among the leaves (thousands, tiny), depth test against all else."""
        view = self.view
        cam = view.to_camera(leaves[:, 0])
        halves = leaves[:, 1:] @ view.axes.T
        corners = np.stack([cam + halves[:, 0], cam + halves[:, 1], cam - halves[:, 0], cam - halves[:, 1]], 1)
        safe = np.ones(len(cam), bool) if view.parallel else corners[..., 2].min(1) > NEAR_M
        order = np.flatnonzero(safe)[np.argsort(-cam[safe, 2], kind="stable")]
        pixels = view.to_pixels(corners[order])
        inside = (pixels.max(1) > 0).all(1) & (pixels.min(1) < (view.width, view.height)).all(1)
        order, pixels = order[inside], np.rint(pixels[inside] * (1 << SUBPIXEL_BITS)).astype(np.int32)
        layer = np.full(self.ids.shape, -1, np.int32)
        for number, quad in zip(order.tolist(), pixels, strict=True):
            cv2.fillConvexPoly(layer, quad, number, shift=SUBPIXEL_BITS)
        seen = np.flatnonzero(layer.ravel() >= 0)
        which = layer.ravel()[seen]
        key = view.key(cam[:, 2]).astype(np.float32)[which]
        nearer = key > self.key.ravel()[seen]
        self.key.ravel()[seen[nearer]] = key[nearer]
        self.ids.ravel()[seen[nearer]] = which[nearer] + first


def _newell(points: np.ndarray) -> np.ndarray:
    """Twice the vector area of a polygon: its normal, robust also where the polygon is not quite flat."""
    following = np.concatenate([points[1:], points[:1]])
    return (points[:, [1, 2, 0]] * following[:, [2, 0, 1]] - points[:, [2, 0, 1]] * following[:, [1, 2, 0]]).sum(0)


def _clip(cam: np.ndarray, view: View) -> np.ndarray:
    """Clip a polygon to a little more than the view, so that fixed-point corners cannot overflow."""
    sides = cam @ view.planes[:, :3].T + view.planes[:, 3]
    if sides.min() >= 0:
        return cam
    if sides.max(0).min() < 0:
        return cam[:0]
    for plane in view.planes:
        side = cam @ plane[:3] + plane[3]
        if (side >= 0).all():
            continue
        if (side < 0).all():
            return cam[:0]
        kept = []
        for i in range(len(cam)):
            j = (i + 1) % len(cam)
            if side[i] >= 0:
                kept.append(cam[i])
            if (side[i] < 0) != (side[j] < 0):
                kept.append(cam[i] + (cam[j] - cam[i]) * (side[i] / (side[i] - side[j])))
        cam = np.array(kept)
    return cam
