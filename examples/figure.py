"""Draws the README's pictures of the rendered street: infrared, visible and fused; or what the dial does.

python examples/figure.py -o docs/street-night.jpg [--kind night] [--size 640x480]
python examples/figure.py -o docs/dial.jpg --dial [--size 400x300]
"""

import argparse
from pathlib import Path

import numpy as np
from scene import render

from diffuse_fuse import Fuser
from diffuse_fuse.images import write_image

GAP = 8  # white pixels between the pictures
DIAL = (0, "auto", 1)


def row(kind: str, width: int, height: int, balances: tuple) -> np.ndarray:
    """Infrared, visible, and a fused picture for each balance, side by side: uint8 RGB."""
    ir, vis = render(kind, width, height)
    pictures = [np.dstack([ir] * 3), vis, *(Fuser(balance=balance).fuse(ir, vis) for balance in balances)]
    return np.hstack([np.pad(picture, ((0, 0), (0, GAP), (0, 0)), constant_values=255) for picture in pictures])[
        :, :-GAP
    ]


def main() -> None:
    """Renders the pair or pairs, fuses them, and writes the pictures side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--kind", choices=["day", "night"], default="night")
    parser.add_argument("--dial", action="store_true", help="day and night, fused with a balance of 0, auto and 1")
    parser.add_argument("--size", help="of each picture; 640x480, with --dial 400x300")
    arguments = parser.parse_args()
    width, height = map(int, (arguments.size or ("400x300" if arguments.dial else "640x480")).split("x"))
    if arguments.dial:
        day, night = (row(kind, width, height, DIAL) for kind in ("day", "night"))
        sheet = np.vstack([day, np.full((GAP, day.shape[1], 3), 255, np.uint8), night])
    else:
        sheet = row(arguments.kind, width, height, ("auto",))
    write_image(arguments.out, sheet)
    print(f"wrote {arguments.out}: infrared, visible, fused{' with a balance of 0, auto, 1' if arguments.dial else ''}")


if __name__ == "__main__":
    main()
