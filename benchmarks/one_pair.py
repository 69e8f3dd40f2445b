"""The way of one pair through the package: which files a ``dfuse fuse`` enters, and how often it changes room.

    python benchmarks/one_pair.py [ir.png vis.png] [--model base] [--list]

Counts calls of functions of the package on all threads, but for what runs while a module is imported. A room is a
folder of the package, or a file at its top. Without a pair it renders the project's own scene.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
PACKAGE = str(Path(__file__).resolve().parents[1] / "diffuse_fuse") + "/"


class Trace:
    """What is entered between ``start`` and ``stop``."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.changes = self.deepest = 0
        self._here = threading.local()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(PACKAGE):
            return
        depth, above = 0, frame
        while above is not None:
            if above.f_code.co_filename.startswith(PACKAGE):
                if above.f_code.co_name == "<module>":
                    return
                depth += 1
            above = above.f_back
        name = code.co_filename.removeprefix(PACKAGE)
        self.files[name] += 1
        room = name.split("/")[0]
        if room != getattr(self._here, "room", room):
            self.changes += 1
        self._here.room = room
        self.deepest = max(self.deepest, depth)

    def run(self, call: list[str]) -> int:
        from diffuse_fuse.cli.commands import main

        threading.setprofile(self)
        sys.setprofile(self)
        try:
            return main(call)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pair", nargs="*", help="infrared and visible picture")
    parser.add_argument("--model", default="base")
    parser.add_argument("--list", action="store_true", help="print the files, and the calls of each")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pair = given.pair or _scene(Path(folder))
        trace = Trace()
        trace.run(["fuse", *pair, "-o", f"{folder}/out.png", "--model", given.model])
    rooms = Counter(name.split("/")[0] for name in trace.files)
    print(f"files {len(trace.files)}, calls {sum(trace.files.values())}, rooms {len(rooms)}, ", end="")
    print(f"changes of room {trace.changes}, deepest {trace.deepest} frames")
    print(", ".join(f"{room} {count}" for room, count in rooms.most_common()))
    if given.list:
        for name, calls in sorted(trace.files.items()):
            print(f"{calls:6d}  {name}")


def _scene(folder: Path) -> list[str]:
    import scene

    from diffuse_fuse.images.write import write_image

    files = [str(folder / "ir.png"), str(folder / "vis.png")]
    for file, picture in zip(files, scene.render("day", 320, 240), strict=True):
        write_image(file, picture)
    return files


if __name__ == "__main__":
    main()
