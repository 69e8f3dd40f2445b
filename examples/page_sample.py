"""Renders the street as the sample of the page of ``dfuse serve``: four small JPEG files.

python examples/page_sample.py [-o diffuse_fuse/viewer/page/sample]
"""

import argparse
from pathlib import Path

from PIL import Image
from scene import KINDS, render

QUALITY = 90


def main() -> None:
    """Writes day_ir.jpg, day_vis.jpg, night_ir.jpg and night_vis.jpg."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("diffuse_fuse/viewer/page/sample"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        for side, picture in zip(("ir", "vis"), render(kind), strict=True):
            path = out / f"{kind}_{side}.jpg"
            Image.fromarray(picture).save(path, quality=QUALITY, optimize=True)
            print(f"{path} {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
