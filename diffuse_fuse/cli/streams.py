"""Standard output and error that take every character: what their encoding lacks is written plainly.

A Windows console or a log under cp1252 has no arrow and no box; a table must not be lost for that.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata

NAME = "dfuse-plain"

_PLAIN = {
    **{"×": "x", "−": "-", "–": "-", "—": "-", "…": "...", "·": ".", "•": "*", "°": " deg ", "±": "+-"},
    **{"≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "√": "sqrt", "Σ": "sum", "σ": "sigma", "Δ": "Delta", "μ": "u"},
    **{"↑": "^", "↓": "v", "→": "->", "←": "<-", "‘": "'", "’": "'", "“": '"', "”": '"'},
    **dict.fromkeys("─━═╌┄╴╶╸╺", "-"),
    **dict.fromkeys("│┃║╎┆", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╇╈┡┩╞╡╪╭╮╰╯", "+"),
    **dict.fromkeys("█▉▊▋▌▍▎▏", "#"),
}


def plain(text: str) -> str:
    """``text`` in ASCII: signs by their usual stand-ins, letters without their marks, the rest as "?"."""
    found = []
    for sign in text:
        bare = _PLAIN.get(sign) or unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
        found.append(bare or "?")
    return "".join(found)


def take_all() -> None:
    """From here on nothing that is printed fails for its characters."""
    codecs.register_error(NAME, _replace)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # what stands in for a stream may have none
        # file names that are no text keep the handler that gives their bytes back
        if reconfigure and (stream.errors or "strict") == "strict":
            reconfigure(errors=NAME)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end
