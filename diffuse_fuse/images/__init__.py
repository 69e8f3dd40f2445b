"""Pictures in and out: formats and bit depths, thermal scaling, folders → pairs.

Nothing here knows of networks or metrics. Arrays are in RGB order, H×W or H×W×3.

read.py     files → arrays as the fusion wants them
arrays.py   arrays of any accepted dtype → float32 in [0, 1] or uint8
intact.py   is a file cut off or damaged?
load.py     the two files of a pair → two arrays of one size, with warnings
pairs.py    folders → pairs
write.py    arrays → files, whole or not at all
"""

from diffuse_fuse.images.load import LoadedPair, load_pair
from diffuse_fuse.images.pairs import Pairing, find_pair_folders, find_pairs
from diffuse_fuse.images.read import read_infrared, read_visible
from diffuse_fuse.images.write import write_image

__all__ = [
    "LoadedPair",
    "Pairing",
    "find_pair_folders",
    "find_pairs",
    "load_pair",
    "read_infrared",
    "read_visible",
    "write_image",
]
