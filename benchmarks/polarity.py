"""How often ``--polarity auto`` is wrong, and how often it finds a black-hot picture.

    python benchmarks/polarity.py DATA/roadscene/train DATA/tno … [--parts 2]

Takes folders with ``ir/`` below them whose pictures are all white-hot. Each is looked at as it is and with a black and
a white frame drawn around it, 1 to 10 % of the shorter side wide, and so is each turned round. Prints one line a
folder: of all looks how many call a white-hot picture black-hot (wrong), and how many call a black-hot one so (found).
With --parts N, N random parts of each of 96×80 to 320×240 pixels are looked at instead, without a frame: a camera that
sees less of the scene.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.names import is_picture_name
from diffuse_fuse.images.thermal import read_thermal
from diffuse_fuse.images.thermal.polarity import looks_black_hot

FRAMES = (0.01, 0.02, 0.05, 0.1)  # of the shorter side
PARTS = ((80, 96), (120, 160), (180, 240), (240, 320))  # height and width


def framed(values: np.ndarray, share: float, level: float) -> np.ndarray:
    """A picture H×W with a frame of one level, ``share`` of its shorter side wide, drawn over its outside."""
    width = round(share * min(values.shape))
    drawn = values.copy()
    if width:
        drawn[:width], drawn[-width:], drawn[:, :width], drawn[:, -width:] = level, level, level, level
    return drawn


def looks(values: np.ndarray, shares: tuple[float, ...] = FRAMES) -> Iterator[tuple[float, np.ndarray]]:
    """The picture without a frame, and with a black and a white one of each width."""
    low, high = (0, 255) if values.dtype == np.uint8 else (values.min(), values.max())
    yield 0.0, values
    for share in shares:
        for level in (low, high):
            yield share, framed(values, share, level)


def parts(values: np.ndarray, number: int, seed: int = 0) -> Iterator[tuple[float, np.ndarray]]:
    """So many random parts of each size; of a picture turned round, the same ones."""
    rng = np.random.default_rng(seed)
    for height, width in PARTS:
        if values.shape[0] >= height and values.shape[1] >= width:
            for _ in range(number):
                y, x = (int(rng.integers(0, left + 1)) for left in np.subtract(values.shape, (height, width)))
                yield 0.0, values[y : y + height, x : x + width]


def count(folder: Path, shares: tuple[float, ...] = FRAMES, every: int = 1, cut: int = 0) -> dict[str, int]:
    """cut: parts of each picture, instead of itself.

    looks: so many pictures were looked at, frames counted; wrong and found, of as many; plain: found unframed."""
    total = {"pictures": 0, "looks": 0, "wrong": 0, "found": 0, "plain": 0}
    names = sorted(path for path in (folder / "ir").iterdir() if is_picture_name(path.name))
    for path in names[::every]:
        values = read_thermal(read_bytes(path), path).values
        turned = values.max() - values if values.dtype != np.uint8 else 255 - values
        total["pictures"] += 1
        both = (parts(each, cut) if cut else looks(each, shares) for each in (values, turned))
        for (share, white), (_, black) in zip(*both, strict=True):
            found = looks_black_hot(black) is True
            total["looks"] += 1
            total["wrong"] += looks_black_hot(white) is True
            total["found"] += found
            total["plain"] += found and not share
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders with ir/ below them")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth picture")
    parser.add_argument("--parts", type=int, default=0, metavar="N", help="random parts of each size instead")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    found = {str(folder): count(folder, every=given.every, cut=given.parts) for folder in given.folders}
    if given.json:
        print(json.dumps(found, indent=2))
        return
    whole = {name: sum(each[name] for each in found.values()) for name in next(iter(found.values()))}
    for name, each in [*found.items(), ("all", whole)]:
        kind, share = "parts" if given.parts else "looks", each["found"] / max(1, each["looks"])
        plain = "" if given.parts else f" ({each['plain'] / each['pictures']:.0%} without a frame)"
        looked = f"{name}: {each['pictures']} pictures, {each['looks']} {kind}"
        print(f"{looked}: {each['wrong']} wrong, black-hot found in {share:.0%}{plain}")


if __name__ == "__main__":
    main()
