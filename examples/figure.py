"""Draws the README's pictures of the rendered street: infrared, visible and fused; or what the dial does.

python examples/figure.py -o docs/street-night.jpg [--kind night] [--size 640x480]
python examples/figure.py -o docs/dial.jpg --dial [--size 400x300]
python examples/figure.py -o docs/overlay.jpg --overlay [--size 400x300]
"""

import argparse
from pathlib import Path

import numpy as np
from scene import render

from diffuse_fuse import Fuser
from diffuse_fuse.images import overlay, write_image

GAP = 8  # white pixels between the pictures
DIAL = (0, "auto", 1)


def row(kind: str, width: int, height: int, balances: tuple) -> np.ndarray:
    """Infrared, visible, and a fused picture for each balance, side by side: uint8 RGB."""
    ir, vis = render(kind, width, height)
    pictures = [np.dstack([ir] * 3), vis, *(Fuser(balance=balance).fuse(ir, vis) for balance in balances)]
    return np.hstack([np.pad(picture, ((0, 0), (0, GAP), (0, 0)), constant_values=255) for picture in pictures])[
        :, :-GAP
    ]


def overlays(width: int, height: int) -> np.ndarray:
    """The night street fused, with what is above 28 °C in iron, picture in picture, and the palette with edges.

    The rendered picture's levels stand for 10 to 35 °C.
    """
    ir, vis = render("night", width, height)
    fused, celsius, iron = Fuser().fuse(ir, vis), 10 + ir.astype(np.float32) / 255 * 25, overlay.colours_of("iron")
    hot = overlay.with_bar(overlay.painted(fused, celsius, (28, 35), (28, 35), iron), (28, 35), iron, celsius=True)
    others = [draw(vis, celsius, (10, 35), iron) for draw in (overlay.inset, overlay.with_edges)]
    parts = [hot, *others]
    return np.hstack([np.pad(part, ((0, 0), (0, GAP), (0, 0)), constant_values=255) for part in parts])[:, :-GAP]


def main() -> None:
    """Renders the pair or pairs, fuses them, and writes the pictures side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--kind", choices=["day", "night"], default="night")
    parser.add_argument("--dial", action="store_true", help="day and night, fused with a balance of 0, auto and 1")
    parser.add_argument("--overlay", action="store_true", help="temperatures in colours on the night street")
    parser.add_argument("--size", help="of each picture; 640x480, with --dial and --overlay 400x300")
    arguments = parser.parse_args()
    width, height = map(
        int, (arguments.size or ("400x300" if arguments.dial or arguments.overlay else "640x480")).split("x")
    )
    if arguments.overlay:
        write_image(arguments.out, overlays(width, height))
        print(f"wrote {arguments.out}: painted above 28 °C, picture in picture, palette with edges")
        return
    if arguments.dial:
        day, night = (row(kind, width, height, DIAL) for kind in ("day", "night"))
        sheet = np.vstack([day, np.full((GAP, day.shape[1], 3), 255, np.uint8), night])
    else:
        sheet = row(arguments.kind, width, height, ("auto",))
    write_image(arguments.out, sheet)
    print(f"wrote {arguments.out}: infrared, visible, fused{' with a balance of 0, auto, 1' if arguments.dial else ''}")


if __name__ == "__main__":
    main()
