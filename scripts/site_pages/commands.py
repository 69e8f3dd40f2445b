"""Every command of ``dfuse``, from its help, as Typer writes it."""

from __future__ import annotations

import re
from functools import cache

import typer.main
from typer.cli import get_docs_for_click

from diffuse_fuse.cli.commands import app

_CALL = re.compile(r"^(?!`)(dfuse \w+ [^\n]*-[^\n]*)$", re.MULTILINE)  # a paragraph that is a command to copy

INDEX = """# Commands

Generated from `dfuse COMMAND --help`. All commands end with one of these exit codes: 0, all done; 1, some or all of it
failed; 2, the call is wrong, and nothing was done; 130, interrupted by Ctrl-C. `--debug` may stand anywhere in a call
and shows the traceback of an error.

| command | |
|---|---|
"""


@cache
def pages() -> dict[str, tuple[str, str]]:
    """Address → title and text, in the order of ``dfuse --help``."""
    root = typer.main.get_command(app)
    context = root.make_context("dfuse", [], resilient_parsing=True)
    made = {}
    index = INDEX
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        text = get_docs_for_click(obj=command, ctx=context, name=name, call_prefix="dfuse")
        for inner in getattr(command, "commands", {}).values():  # Typer cuts these sentences short
            text = text.replace(f"`: {inner.get_short_help_str()}\n", f"`: {_first_sentence(inner.help)}\n")
        made[f"commands/{name}.md"] = (f"dfuse {name}", _shown(text))
        index += f"| [`dfuse {name}`]({name}.md) | {_first_sentence(command.help)} |\n"
    return {"commands/index.md": ("Commands", index), **made}


def _shown(text: str) -> str:
    """Calls as code to copy: without the prompt."""
    return _CALL.sub(r"```sh\n\1\n```", text).replace("```console\n$ ", "```console\n")


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())
