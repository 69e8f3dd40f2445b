"""Draws the README's picture: infrared, visible and fused, of the rendered street.

python examples/figure.py -o docs/street-night.jpg [--kind night] [--size 640x480]
"""

import argparse
from pathlib import Path

import numpy as np
from scene import render

from diffuse_fuse import Fuser
from diffuse_fuse.images import write_image

GAP = 8  # white pixels between the pictures


def main() -> None:
    """Renders the pair, fuses it, and writes the three pictures side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--kind", choices=["day", "night"], default="night")
    parser.add_argument("--size", default="640x480", help="of each of the three")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    ir, vis = render(arguments.kind, width, height)
    gap = np.full((height, GAP, 3), 255, np.uint8)
    sheet = np.hstack([np.dstack([ir] * 3), gap, vis, gap, Fuser().fuse(ir, vis)])
    write_image(arguments.out, sheet)
    print(f"wrote {arguments.out}: infrared, visible, fused")


if __name__ == "__main__":
    main()
