"""``--ir-field``: the option of all commands that says where the infrared picture lies in the visible one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from diffuse_fuse.images.field import GivenField

AUTO = "auto"

IrField = Annotated[
    str | None,
    typer.Option(
        "--ir-field",
        "--crop-vis",
        "--crop",
        metavar="auto|X,Y,W,H|N",
        help="The infrared picture shows this part of the visible one, in pixels or fractions, or its middle, which N "
        "such make up in width; auto: look for it. The visible picture is cut to it.",
        show_default=False,
    ),
]


def given_field(text: str | None) -> GivenField | None:
    """The field that the option says; None where it says none, or to look for it. Raises UsageError."""
    if text is None or is_auto(text):
        return None
    from diffuse_fuse.images.field import parse_field

    return parse_field(text)


def is_auto(text: str | None) -> bool:
    """Whether the field is to be looked for."""
    return text is not None and text.strip().lower() == AUTO
