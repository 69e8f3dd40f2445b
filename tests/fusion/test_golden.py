"""Golden pictures: what the shipped models make of six small pairs, so that no change of the code changes it unseen.

    python tests/fusion/test_golden.py        # writes them anew, after a change that is meant

How whole pictures, rows, tiles and graphs agree with each other is tested beside them.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffuse_fuse import Fuser

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
import scene as rendered

GOLDEN = Path(__file__).parent / "golden"
MODELS = ("base", "fast", "tiny")
WIDTH, HEIGHT = 96, 72


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    day, night = (rendered.render(kind, WIDTH, HEIGHT) for kind in ("day", "night"))
    grey = cv2.cvtColor(day[1], cv2.COLOR_RGB2GRAY)
    return {
        "day": day,
        "night": night,
        "grey": (day[0], np.dstack([grey] * 3)),
        "black-hot": (255 - day[0], day[1]),
        "counts": (7000 + 4 * night[0].astype(np.uint16), night[1]),
        "odd": (day[0][:61, :83], day[1][:61, :83]),
    }


def fused(model: str, pair: str) -> np.ndarray:
    """In float32, which all processors have."""
    fuser = Fuser(model, device="cpu")
    fuser.model.float()
    return fuser.fuse(*pairs()[pair])


@pytest.mark.parametrize("pair", list(pairs()))
@pytest.mark.parametrize("model", MODELS)
def test_the_picture_is_the_one_it_was(model, pair):
    """To one level, but for a pixel in a thousand: processors round differently."""
    golden = cv2.imread(str(GOLDEN / f"{model}-{pair}.png"))[..., ::-1]
    off = np.abs(fused(model, pair).astype(int) - golden)
    assert (off > 1).mean() < 0.001 and off.max() <= 3


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for model in MODELS:
        for pair in pairs():
            cv2.imwrite(str(GOLDEN / f"{model}-{pair}.png"), fused(model, pair)[..., ::-1])


if __name__ == "__main__":
    main()
