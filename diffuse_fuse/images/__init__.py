"""Pictures in and out: formats and bit depths, thermal scaling, folders → pairs.

Nothing here knows of networks or metrics. Arrays are in RGB order, H×W or H×W×3.

load.py      the two files of a pair, or one that holds both → two arrays of one size, with warnings
visible.py   the visible picture's file → the picture, and what is odd about it
given.py     what a caller gives as a pair, paths or arrays → two arrays of one size
read.py      one file → an array as the fusion wants it
describe.py  what a file is, in facts: ``dfuse inspect``
pairs.py     folders → pairs

thermal/     what thermal cameras write: radiometric JPEGs, ranges, polarity, false colours
seam.py      the visible picture where the infrared camera measured nothing
raw.py       cameras' raw files, and which picture of a TIFF is its picture
place.py     where a map lies on the earth; frames.py: the pages of a stack
embedded.py  the visible picture inside a thermal file, laid under it
bands.py     one file that holds both pictures: channels, bands, pages
decode.py    bytes → an array, upright, nothing scaled; tiff.py: pages, lab.py: CIELAB
header.py    what a file claims to be, before it is decoded; jpeg.py: segments
intact.py    is a file cut off or damaged?
fff.py       FLIR's records, in files and sequences; jpegls.py: one kind of their counts
irg.py       InfiRay's files; temperatures.py: tables as text; headerless.py: numbers alone
exif.py      orientation, camera, time, place
arrays.py    arrays of any accepted dtype → float32 in [0, 1] or uint8
options.py   how a pair is read
names.py     which names are pictures, and how a name is shown

write.py     arrays → files, whole or not at all; encode.py: arrays → bytes
container.py what stands beside the pixels in a file
metadata.py  what of the visible source's EXIF and colour profile a fused picture keeps; ifd.py: TIFF directories
provenance.py  which sources, weights and options a fused picture is made of; xmp.py: the note of it in the file
show.py      side by side, and blinking; overlay.py: temperatures in colours
quiet.py     libraries that print and warn, told not to
"""

from diffuse_fuse.images.load import LoadedPair, load_pair
from diffuse_fuse.images.metadata import OutputMetadata, SourceMetadata
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.pairs import Pairing, find_pair_folders, find_pairs
from diffuse_fuse.images.provenance import Provenance, Source, read_provenance
from diffuse_fuse.images.read import read_infrared, read_visible
from diffuse_fuse.images.write import write_image

__all__ = [
    "LoadOptions",
    "LoadedPair",
    "OutputMetadata",
    "Pairing",
    "Provenance",
    "Source",
    "SourceMetadata",
    "find_pair_folders",
    "find_pairs",
    "load_pair",
    "read_infrared",
    "read_provenance",
    "read_visible",
    "write_image",
]
