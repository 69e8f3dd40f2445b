"""``dfuse models``: which weights there are, and what their cards say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli.report import print_json
from diffuse_fuse.schema import headed

if TYPE_CHECKING:
    from diffuse_fuse.models import ModelCard


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array on stdout.")] = False,
) -> None:
    """List the weights that come with dfuse, with their cards."""
    from diffuse_fuse.models import DATA_TERMS, available

    cards = available()
    if as_json:
        print_json([headed("model", as_dict(card)) for card in cards])
    elif cards:
        typer.echo("\n\n".join(describe(card) for card in cards))
        typer.echo(f"\nTerms of the training data: {DATA_TERMS}")
    else:
        typer.echo("No weights are installed; dfuse train makes them.", err=True)


def as_dict(card: ModelCard) -> dict[str, Any]:
    """A card as JSON prints it."""
    from diffuse_fuse.models import DATA_TERMS

    return {
        "name": card.name,
        "default": card.is_default,
        "kind": card.kind,
        "parameters": card.parameters,
        "bytes": card.bytes,
        "sha256": card.sha256,
        "path": str(card.path),
        "data_terms": DATA_TERMS,
        "card": card.card,
    }


def describe(card: ModelCard) -> str:
    """A card as lines of text: the facts first, then what the card holds."""
    default = ", the default" if card.is_default else ""
    lines = [
        f"{card.name} ({card.kind}{default})",
        f"  parameters: {card.parameters / 1e6:.2f} M",
        f"  size: {card.bytes / 1e6:.1f} MB",
        f"  file: {card.path}",
    ]
    return "\n".join(lines + _lines(card.card, "  "))


def _lines(entries: dict[str, Any], indent: str) -> list[str]:
    """Nested dictionaries as indented lines; a dictionary of plain values stays on one."""
    lines = []
    for key, value in entries.items():
        if not isinstance(value, dict):
            lines.append(f"{indent}{key}: {_plain(value)}")
        elif any(isinstance(inner, dict) for inner in value.values()):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: " + ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items()))
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return str(value)
