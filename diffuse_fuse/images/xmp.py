"""XMP packets: what made a picture, for other programs to show, and a note of dfuse's own in one attribute.

XMP is RDF in XML. A packet is written from a template and the note is found in it by its name: no XML from a file is
ever parsed.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, unescape

LARGEST = 65_000  # bytes of a packet; a segment of a JPEG holds no more

_QUOTE = {'"': "&quot;"}
_TEMPLATE = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:dfuse="urn:x-dfuse:provenance:1"
 xmp:CreatorTool="{tool}"
 dfuse:provenance="{note}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
_NOTE = re.compile(rb'\sdfuse:provenance="([^"<>]{1,%d})"' % LARGEST)


def packet(tool: str, description: str, note: str) -> bytes:
    """A packet that names the program, says what the picture is, and holds ``note`` (ASCII).

    Raises ValueError when it would be larger than ``LARGEST``.
    """
    fields = {"tool": tool, "description": description, "note": note}
    made = _TEMPLATE.format_map({key: escape(value, _QUOTE) for key, value in fields.items()}).encode()
    if len(made) > LARGEST:
        raise ValueError(f"the note of where the picture comes from has {len(made)} bytes, more than {LARGEST}")
    return made


def note_in(found: bytes) -> str | None:
    """The note in a packet, or None when it has none of dfuse's."""
    match = _NOTE.search(found[:LARGEST])
    return unescape(match[1].decode("ascii"), {"&quot;": '"'}) if match else None
