"""A data set that dfuse does not know, described by its layout: python examples/own_layout.py"""

import tempfile
from pathlib import Path

import cv2
from scene import render

from diffuse_fuse import evaluate
from diffuse_fuse.evaluation import Dataset, Layout, find_dataset, register_layout

register_layout(
    Layout(
        "Night walks",  # what the tables call it
        ir="walk_*/lepton/frames",  # one folder a sequence: what * stands for pairs the two folders
        vis="walk_*/phone/photos",
        how="T_* P_*",  # T_0007.png belongs to P_0007.png; left out where the names are equal
        note="rendered, and not walked",  # a line that every reader of the scores sees
    )
)


def draw(root: Path) -> None:
    """Two sequences of two pairs, as their cameras would leave them."""
    for number, kind in enumerate(("day", "night")):
        for frame in range(2):
            ir, vis = render(kind, 96, 72, seed=frame)
            for folder, name, picture in (("lepton/frames", "T", ir), ("phone/photos", "P", vis[..., ::-1])):
                path = root / f"walk_{number}" / folder / f"{name}_{frame:04}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), picture)


def main(root: Path) -> Dataset:
    found = find_dataset(root)
    print(f"{found.name}: {len(found.pairs)} pairs in {found.layout}; {'; '.join(found.notes)}")
    result = evaluate(found, {"visible": lambda ir, vis: vis}, metrics="EN")
    print(f"EN {result.means.mean[0, 0]:.3f}")
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
        main(Path(folder))
