"""Fidelity of a fused picture to its infrared and visible sources, in the numbers that the field prints.

    from diffuse_fuse import metrics
    metrics.compute(ir, vis, fused)                         # the default set, in its plain convention
    metrics.compute(ir, vis, fused, ["VIF"], "tang-sheets") # as another evaluator would print it
    metrics.vif(ir, vis, fused)                             # one by one

Pictures are uint8, H×W or H×W×3 (RGB), of equal size. A metric without an answer for them is NaN, never an
exception; ``REGISTRY[name].degenerate`` says when. Every metric agrees with the original code that
``tests/metrics/test_oracle.py`` names.
"""

from diffuse_fuse.metrics.context import Triple
from diffuse_fuse.metrics.guess import Guess, guess_convention
from diffuse_fuse.metrics.metric import Metric, public
from diffuse_fuse.metrics.registry import CONVENTIONS, DEFAULT, FUSE, REGISTRY, compute, register, select

en = public(REGISTRY["EN"].function)
sd = public(REGISTRY["SD"].function)
sf = public(REGISTRY["SF"].function)
ag = public(REGISTRY["AG"].function)
mi = public(REGISTRY["MI"].function)
nmi = public(REGISTRY["NMI"].function)
cc = public(REGISTRY["CC"].function)
scd = public(REGISTRY["SCD"].function)
mse = public(REGISTRY["MSE"].function)
psnr = public(REGISTRY["PSNR"].function)
vif = public(REGISTRY["VIF"].function)
vif_ir = public(REGISTRY["VIF_ir"].function)
vif_vis = public(REGISTRY["VIF_vis"].function)
viff = public(REGISTRY["VIFF"].function)
qabf = public(REGISTRY["Qabf"].function)
nabf = public(REGISTRY["Nabf"].function)
labf = public(REGISTRY["Labf"].function)
ssim = public(REGISTRY["SSIM"].function)
ms_ssim = public(REGISTRY["MS_SSIM"].function)
fmi_pixel = public(REGISTRY["FMI_pixel"].function)
fmi_dct = public(REGISTRY["FMI_dct"].function)
fmi_w = public(REGISTRY["FMI_w"].function)
fmi_raw = public(REGISTRY["FMI_raw"].function)
qp = public(REGISTRY["Qp"].function)
qcb = public(REGISTRY["Qcb"].function)
qcv = public(REGISTRY["Qcv"].function)
qw = public(REGISTRY["Qw"].function)
qe = public(REGISTRY["Qe"].function)
qs = public(REGISTRY["Qs"].function)
qsf = public(REGISTRY["Qsf"].function)
qy = public(REGISTRY["Qy"].function)
delta_e = public(REGISTRY["DeltaE"].function)
de_ab = public(REGISTRY["dE_ab"].function)
dc = public(REGISTRY["dC"].function)
dc_signed = public(REGISTRY["dC_signed"].function)
dhue = public(REGISTRY["dHue"].function)
dl = public(REGISTRY["dL"].function)
htv = public(REGISTRY["HTV"].function)
tone = public(REGISTRY["Tone"].function)
darkened = public(REGISTRY["Darkened"].function)
bleached = public(REGISTRY["Bleached"].function)

__all__ = [
    "CONVENTIONS",
    "DEFAULT",
    "FUSE",
    "REGISTRY",
    "Guess",
    "Metric",
    "Triple",
    "ag",
    "bleached",
    "cc",
    "compute",
    "darkened",
    "dc",
    "dc_signed",
    "de_ab",
    "delta_e",
    "dhue",
    "dl",
    "en",
    "fmi_dct",
    "fmi_pixel",
    "fmi_raw",
    "fmi_w",
    "guess_convention",
    "htv",
    "labf",
    "mi",
    "ms_ssim",
    "mse",
    "nabf",
    "nmi",
    "psnr",
    "qabf",
    "qcb",
    "qcv",
    "qe",
    "qp",
    "qs",
    "qw",
    "register",
    "scd",
    "sd",
    "select",
    "sf",
    "ssim",
    "tone",
    "vif",
    "vif_ir",
    "vif_vis",
    "viff",
]
