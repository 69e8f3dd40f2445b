"""Registration: how the infrared picture must be moved to lie on the visible one, with a confidence.

    estimate(ir, vis) -> Estimate              one pair; .transform is the identity where it cannot be trusted
    combine(estimates, CONFIDENT) -> Calibration    one rig, from many pairs
    warp_infrared(ir, vis, transform) -> ir    moved, and filled where its camera saw nothing
    find_field(ir, vis) -> FoundField          where the infrared picture lies in a larger visible one
    Aligner().align(ir, vis) -> Aligned        the step of dfuse fuse
    aligned_values(ir_path, picture_path)      temperatures where a picture shows them

descriptor.py  what both pictures have in common
search.py      first guesses: all shifts at some rotations and scales
refine.py      from a guess to fractions of a pixel
pyramid.py     coarse to fine
agreement.py   do the parts of the picture agree?
estimate.py    all of it for one pair
scan.py        first guesses of a field; field.py: refined, and believed or not
step.py        the step between reading a pair and fusing it; values.py: the same for temperatures
series.py      many pairs of one rig; rig.py: whose visible camera sees more
file.py        a rig's alignment as JSON
transform.py   plane transforms
warp.py        bringing the infrared picture onto the visible one
"""

from diffuse_fuse.alignment.estimate import CONFIDENT, Estimate, estimate
from diffuse_fuse.alignment.field import FoundField, find_field
from diffuse_fuse.alignment.file import load_calibration, save_calibration
from diffuse_fuse.alignment.rig import Sighting, combine_fields
from diffuse_fuse.alignment.series import Calibration, combine
from diffuse_fuse.alignment.step import Aligned, Aligner
from diffuse_fuse.alignment.transform import Kind, Transform
from diffuse_fuse.alignment.values import aligned_values
from diffuse_fuse.alignment.warp import warp_infrared

__all__ = [
    "CONFIDENT",
    "Aligned",
    "Aligner",
    "Calibration",
    "Estimate",
    "FoundField",
    "Kind",
    "Sighting",
    "Transform",
    "aligned_values",
    "combine",
    "combine_fields",
    "estimate",
    "find_field",
    "load_calibration",
    "save_calibration",
    "warp_infrared",
]
