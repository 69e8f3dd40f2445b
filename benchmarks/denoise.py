"""Does taking the noise out before fusing pay? Pairs with added Gaussian noise, fused in several ways.

    python benchmarks/denoise.py --data DATA/roadscene/val [--sigma 10,25] [--ddim 1,5] [-n 20]

Prints a Markdown table of means over the pairs: PSNR of the fused picture to the fusion of the clean pair, VIF with
the clean sources, and the seconds that the denoising takes. "nlm" is OpenCV's fastNlMeansDenoising with h = sigma
(the noise's true deviation, in infrared and in colour); "ddim S" knows the noise too, "ddim S auto" estimates it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from skimage.metrics import peak_signal_noise_ratio

from diffuse_fuse import Fuser, metrics
from diffuse_fuse.diffusion.denoise import DenoisingFuser
from diffuse_fuse.diffusion.pictures import PairModel
from diffuse_fuse.images import find_pair_folders, find_pairs, load_pair
from diffuse_fuse.images.arrays import to_bytes, to_uint8_grey

Pair = tuple[np.ndarray, np.ndarray]


def main(
    data: Annotated[Path, typer.Option(help="A folder with ir/ and vis/.")],
    sigma: Annotated[str, typer.Option(help="Deviations of the noise, in 8-bit levels; 0 adds none.")] = "10,25",
    ddim: Annotated[str, typer.Option(help="Numbers of DDIM steps.")] = "1,5",
    count: Annotated[int | None, typer.Option("-n", help="Only the first so many pairs.")] = None,
    model: Annotated[str, typer.Option(help="Diffusion weights.")] = "diffusion",
    fusion_model: Annotated[str, typer.Option(help="Fusion weights.")] = "default",
) -> None:
    """Adds noise, denoises, fuses, measures, prints."""
    fuser, pair_model = Fuser(fusion_model, device="cpu"), PairModel(model)
    pairs = find_pairs(*find_pair_folders(data)).pairs[:count]
    levels = [float(level) for level in sigma.split(",")]
    rows: dict[tuple[float, str], list[tuple[float, float, float]]] = {}
    for number, pair in enumerate(pairs):
        loaded = load_pair(pair.ir, pair.vis)
        ir, vis = to_uint8_grey(loaded.ir), loaded.vis
        clean = fuser.fuse(ir, vis)
        for level in levels:
            rng = np.random.default_rng([number, int(level)])
            noisy = _with_noise(ir, level, rng), _with_noise(vis, level, rng)
            for name, denoise in _ways(fuser, pair_model, level, [int(s) for s in ddim.split(",")]).items():
                start = time.perf_counter()
                cleaned = denoise(*noisy)
                seconds = time.perf_counter() - start
                fused = fuser.fuse(*cleaned)
                psnr = peak_signal_noise_ratio(clean, fused, data_range=255)
                vif = metrics.compute(ir, vis, fused, ("VIF",))["VIF"]
                rows.setdefault((level, name), []).append((psnr, vif, seconds))
    print(f"| sigma | way, {len(pairs)} pairs | PSNR to the clean fusion | VIF of the clean sources | seconds |")
    print("|---:|---|---:|---:|---:|")
    for (level, name), values in rows.items():
        psnr, vif, seconds = np.mean(values, axis=0)
        print(f"| {level:g} | {name} | {psnr:.2f} | {vif:.3f} | {seconds:.2f} |")


def _with_noise(image: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    return to_bytes(image / 255 + rng.normal(0, level / 255, image.shape))


def _ways(
    fuser: Fuser, model: PairModel, level: float, steps: list[int]
) -> dict[str, Callable[[np.ndarray, np.ndarray], Pair]]:
    ways: dict[str, Callable[[np.ndarray, np.ndarray], Pair]] = {
        "as it is": lambda ir, vis: (ir, vis),
        "nlm": lambda ir, vis: (
            cv2.fastNlMeansDenoising(ir, None, max(level, 1)),
            cv2.fastNlMeansDenoisingColored(vis, None, max(level, 1), max(level, 1)),
        ),
    }
    for s in steps:
        ways[f"ddim {s}"] = DenoisingFuser(fuser, model, level, s).denoise
        ways[f"ddim {s} auto"] = DenoisingFuser(fuser, model, None, s).denoise
    return ways


if __name__ == "__main__":
    typer.run(main)
