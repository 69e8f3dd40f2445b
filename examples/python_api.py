"""Fuse one pair from Python: python examples/python_api.py [OUT.png]"""

import sys

import cv2
from scene import render

from diffuse_fuse import Fuser

ir, vis = render("night", 640, 480)  # uint8: infrared (H, W), visible RGB (H, W, 3)
fused = Fuser().fuse(ir, vis)  # uint8 RGB (H, W, 3)
target = sys.argv[1] if len(sys.argv) > 1 else "fused.png"
if not cv2.imwrite(target, fused[..., ::-1]):
    sys.exit(f"cannot write {target}")
print(target)
