"""XMP packets: what made a picture, for other programs to show, and a note of dfuse's own in one attribute.

XMP is RDF in XML. A packet is written from a template and the note is found in it by its name: no XML from a file is
ever parsed.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.sax.saxutils import escape, unescape

LARGEST = 65_000  # bytes of a packet; a segment of a JPEG holds no more

_QUOTE = {'"': "&quot;"}
_TEMPLATE = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:dfuse="urn:x-dfuse:provenance:1"{spaces}
 xmp:CreatorTool="{tool}"
 dfuse:provenance="{note}"{more}>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
_NOTE = re.compile(rb'\sdfuse:provenance="([^"<>]{1,%d})"' % LARGEST)


# How a drone and its gimbal stood, as attributes or elements, in the makers' own spaces; numbers only.
_POSE = r"(?:Gimbal|Flight|Cam|Camera)(?:Roll|Yaw|Pitch|[XYZ])(?:Degree|Speed)|RelativeAltitude|AbsoluteAltitude"
_SPACES = ("drone-dji", "drone-parrot", "drone-autel", "drone", "Camera")
_FOUND = re.compile(
    rb"[\s<]((?:" + "|".join(_SPACES).encode() + rb")):(" + _POSE.encode() + rb"|Roll|Yaw|Pitch)"
    rb"(?:\s*=\s*[\"']|\s*>)\s*([-+]?\d{1,9}(?:\.\d{1,9})?)\s*[\"'<]"
)
_MOST = 40  # attributes that are kept


class Attribute(NamedTuple):
    """One value of a maker's own space, whose short name is ``prefix`` and whose address ``space``."""

    prefix: str
    space: str
    name: str
    value: str


def pose_in(found: bytes, altitude: bool = True) -> tuple[Attribute, ...]:
    """How drone and gimbal stood, by a packet of a camera; ``altitude``: how high, too. Never raises."""
    kept: dict[tuple[str, str], Attribute] = {}
    for match in _FOUND.finditer(found[:LARGEST]):
        prefix, name, value = (part.decode("ascii") for part in match.groups())
        space = re.search(rb"xmlns:" + match[1] + rb"\s*=\s*[\"']([\w:/.#?=-]{1,200})[\"']", found[:LARGEST])
        if space and len(kept) < _MOST and (altitude or "Altitude" not in name):
            kept.setdefault((prefix, name), Attribute(prefix, space[1].decode("ascii", "ignore"), name, value))
    return tuple(kept.values())


def packet(tool: str, description: str, note: str, more: tuple[Attribute, ...] = ()) -> bytes:
    """A packet that names the program, says what the picture is, and holds ``note`` (ASCII) and ``more``.

    Where ``more`` does not fit it is left out. Raises ValueError when it would be larger than ``LARGEST``.
    """
    fields = {"tool": tool, "description": description, "note": note}
    spaces = dict.fromkeys(f' xmlns:{each.prefix}="{escape(each.space, _QUOTE)}"' for each in more)
    fields = {key: escape(value, _QUOTE) for key, value in fields.items()}
    fields["spaces"] = "".join(f"\n{space}" for space in spaces)
    fields["more"] = "".join(f'\n {each.prefix}:{each.name}="{each.value}"' for each in more)
    made = _TEMPLATE.format_map(fields).encode()
    if len(made) > LARGEST and more:
        return packet(tool, description, note)
    if len(made) > LARGEST:
        raise ValueError(f"the note of where the picture comes from has {len(made)} bytes, more than {LARGEST}")
    return made


def note_in(found: bytes) -> str | None:
    """The note in a packet, or None when it has none of dfuse's."""
    match = _NOTE.search(found[:LARGEST])
    return unescape(match[1].decode("ascii"), {"&quot;": '"'}) if match else None
