"""What a fused picture's file says besides its pixels: camera, time, place and colour profile of the visible source.

A picture's own notes are copied tag by tag from a list, not as a whole: what describes the old file (its size, its
thumbnail, the offsets in a maker's note) would be wrong in the new one, and nothing of a hostile file gets through.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from diffuse_fuse.images import header, ifd, xmp
from diffuse_fuse.images.container import read_blocks
from diffuse_fuse.images.place import Place, read_place
from diffuse_fuse.images.provenance import DESCRIPTION, Provenance, to_packet
from diffuse_fuse.images.quiet import quiet

_ORIENTATION, _DESCRIPTION, _SOFTWARE, _MODEL = 0x0112, 0x010E, 0x0131, 0x0110
_WIDTH, _HEIGHT = 0xA002, 0xA003
_MAIN_TAGS = (0x010F, _MODEL, 0x0132, 0x013B, 0x8298)  # maker, model, time, artist, copyright
_EXIF_TAGS = (
    0x9000,  # version of EXIF
    *(0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292),  # times and their zones
    *(0x829A, 0x829D, 0x8822, 0x8824, 0x8827, *range(0x8830, 0x8836)),  # exposure, sensitivity
    *range(0x9201, 0x920B),  # shutter, aperture, brightness, distance, metering, light, flash, focal length
    *range(0x9400, 0x9406),  # temperature, humidity, pressure, depth, acceleration, elevation
    0xA001,  # colour space
    *range(0xA402, 0xA40D),  # exposure mode, white balance, zoom, scene
    *range(0xA430, 0xA436),  # owner, serial numbers, lens
    0x9286,  # the user's comment
)
_GPS_TAGS = range(0x20)
_LARGEST_EXIF = 60_000  # bytes; a segment of a JPEG holds no more than 65 533
_LARGEST_ICC = 4_000_000  # bytes; profiles of cameras and screens have a few thousand, of printers up to millions


@dataclass(frozen=True)
class SourceMetadata:
    """exif: a TIFF structure with camera, time, place and exposure, without "Exif" in front. icc: a colour profile.

    place: where a map lies. pose: how a drone and its gimbal stood, of the file's XMP.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    place: Place | None = None
    pose: tuple[xmp.Attribute, ...] = ()


NO_METADATA = SourceMetadata()


@dataclass(frozen=True)
class OutputMetadata:
    """What is written into a fused picture's file, as far as its format can hold it."""

    source: SourceMetadata | None = None
    provenance: Provenance | None = None


def read_source(
    data: bytes,
    camera: str | None = None,
    gps: tuple[float, float] | None = None,
    pixels: bytes | None = None,
    keep_gps: bool = True,
) -> SourceMetadata:
    """The metadata of a visible picture's file that a fused one keeps; what is missing or damaged is left out.

    camera, gps (degrees, north and east positive): known from elsewhere, for a file whose EXIF does not say.
    pixels: the file that the pixels are from, where that is another one inside ``data``: it has the profile.
    keep_gps: without it nothing of the GPS directory is kept, nor ``gps``.
    """
    blocks = read_blocks(io.BytesIO(data))
    exif = data if header.format_of(data[: header.LONGEST_START]) == "TIFF" else blocks.exif
    icc = blocks.icc if pixels is None else read_blocks(io.BytesIO(pixels)).icc
    place = read_place(data) if exif is data and keep_gps else None
    pose = xmp.pose_in(blocks.xmp, keep_gps) if blocks.xmp else ()
    return SourceMetadata(_kept(exif, camera, gps, keep_gps), icc if icc and _is_profile(icc) else None, place, pose)


def exif_for(metadata: OutputMetadata, width: int, height: int) -> bytes | None:
    """The EXIF block of a picture of this size (a TIFF structure), or None when there is nothing to say."""
    main, exif, gps = directories_for(metadata, width, height)
    return ifd.tobytes(main, {ifd.EXIF: exif, ifd.GPS: gps}) if len(main) else None


def directories_for(
    metadata: OutputMetadata, width: int, height: int
) -> tuple[ifd.Directory, ifd.Directory, ifd.Directory]:
    """The main, EXIF and GPS directory: the source's, and upright, of this size, and made by whom."""
    main, exif, gps = ifd.new(), ifd.new(ifd.EXIF), ifd.new(ifd.GPS)
    if metadata.source and metadata.source.exif:
        for target, source in zip((main, exif, gps), ifd.read(metadata.source.exif), strict=True):
            for tag in list(source):
                if tag not in (ifd.EXIF, ifd.GPS):
                    ifd.copy(source, target, tag)
        ifd.put(main, _ORIENTATION, ifd.SHORT, 1)
        ifd.put(exif, _WIDTH, ifd.LONG, width)
        ifd.put(exif, _HEIGHT, ifd.LONG, height)
    if metadata.provenance:
        ifd.put(main, _DESCRIPTION, ifd.ASCII, DESCRIPTION)
        ifd.put(main, _SOFTWARE, ifd.ASCII, metadata.provenance.software)
    return main, exif, gps


def place_for(metadata: OutputMetadata, height: int, width: int) -> Place | None:
    """Where the picture lies on the earth, if its pixels are those that the place is for."""
    place = metadata.source.place if metadata.source else None
    return place if place and place.size == (height, width) else None


def packet_for(metadata: OutputMetadata) -> bytes | None:
    """The XMP packet: what the picture was made of, and how the camera stood."""
    if not metadata.provenance:
        return None
    return to_packet(metadata.provenance, metadata.source.pose if metadata.source else ())


def profile_for(metadata: OutputMetadata, channels: int) -> bytes | None:
    """The source's colour profile, if it is one for pictures of 3 channels (RGB) or 1 (grey); else None.

    A fused picture of a CMYK file is RGB, and of a grey one too: their profiles would not fit it.
    """
    icc = metadata.source.icc if metadata.source else None
    return icc if icc and icc[16:20] == (b"RGB " if channels == 3 else b"GRAY") else None


def profile_name(icc: bytes | None) -> str | None:
    """The name that a colour profile has for people, or None."""
    from PIL import ImageCms

    if icc is None:
        return None

    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    except Exception:  # a damaged profile, or a Pillow without LittleCMS
        return None
    return " ".join("".join(char if char.isprintable() else " " for char in name).split()) or None


def _kept(block: bytes | None, camera: str | None, gps: tuple[float, float] | None, keep_gps: bool) -> bytes | None:
    targets = ifd.new(), ifd.new(ifd.EXIF), ifd.new(ifd.GPS)
    wanted = _MAIN_TAGS, _EXIF_TAGS, _GPS_TAGS if keep_gps else ()
    if block:
        left = _LARGEST_EXIF
        with quiet():
            try:
                sources = ifd.read(block)
            except Exception:  # as above
                sources = (ifd.new(),) * 3
            for source, target, tags in zip(sources, targets, wanted, strict=True):
                for tag in tags:
                    left -= ifd.copy(source, target, tag, left) if tag in source else 0
    main, _, place = targets
    if camera and _MODEL not in main:
        ifd.put(main, _MODEL, ifd.ASCII, camera.encode("utf-8"))
    if gps and keep_gps and 2 not in place:
        _put_place(place, *gps)
    if not any(len(directory) for directory in targets):
        return None
    return ifd.tobytes(main, {ifd.EXIF: targets[1], ifd.GPS: place})


def _put_place(directory: ifd.Directory, latitude: float, longitude: float) -> None:
    """GPSLatitude and GPSLongitude as degrees, minutes and seconds, to a ten-thousandth of a second (3 mm)."""
    from PIL.TiffImagePlugin import IFDRational

    for tag, degrees, names in ((1, latitude, "NS"), (3, longitude, "EW")):
        minutes, rest = divmod(round(abs(degrees) * 36_000_000), 600_000)
        parts = (IFDRational(minutes // 60, 1), IFDRational(minutes % 60, 1), IFDRational(rest, 10_000))
        ifd.put(directory, tag, ifd.ASCII, names[degrees < 0])
        ifd.put(directory, tag + 1, ifd.RATIONAL, parts)
    ifd.put(directory, 0, ifd.BYTE, b"\2\3\0\0")


def _is_profile(icc: bytes) -> bool:
    """True for what begins as a profile does (ICC.1, 7.2), with the length that it claims."""
    return 128 <= len(icc) <= _LARGEST_ICC and icc[36:40] == b"acsp" and int.from_bytes(icc[:4], "big") == len(icc)
