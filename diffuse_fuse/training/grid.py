"""Preview grids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def grid(rows: Sequence[Sequence[np.ndarray]], gap: int = 2) -> np.ndarray:
    """Rows of equally large float pictures (H, W, 3) in [0, 1] as one uint8 picture with white gaps."""
    h, w = rows[0][0].shape[:2]
    sheet = np.full((len(rows) * (h + gap) - gap, max(map(len, rows)) * (w + gap) - gap, 3), 255, dtype=np.uint8)
    for r, row in enumerate(rows):
        for c, image in enumerate(row):
            y, x = r * (h + gap), c * (w + gap)
            sheet[y : y + h, x : x + w] = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return sheet
