"""Every command that README.md and docs print exists, with every option that it is given.

Lines of ``sh`` blocks are parsed as the command line parses them, without being run: names, options, choices, numbers,
and how many arguments there are. Commands within sentences may be fragments: there names and options are looked up.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from diffuse_fuse.cli.commands import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "weights" / "README.md"]
Command = Any  # Typer brings its own Click, or needs one: neither is imported here by name
WrongCall = typer.BadParameter.__base__
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
# What a page defines once for its commands, and the dots that stand for more of the same.
STANDS_FOR = {"$PAIRS": "--data DIR --val DIR", "…": "", "...": ""}


def lines(page: Path) -> Iterator[str]:
    """The lines of a page's sh blocks: one for each command, continued lines joined."""
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                yield from re.split(r"&&|\|\|?|;", line)


def fragments(page: Path) -> list[str]:
    """What a page prints as code within its sentences."""
    return INLINE.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))


def words(line: str) -> list[str]:
    """The words of a command; without a comment, what stands for something replaced."""
    for short, long in STANDS_FOR.items():
        line = line.replace(short, long)
    try:
        found = shlex.split(line, comments=True)
    except ValueError:  # a lone apostrophe: a sentence
        return []
    if found and found[0].startswith(".venv/bin/"):
        found[0] = found[0].removeprefix(".venv/bin/")
    return found


@cache
def root() -> Command:
    return typer.main.get_command(app)


def command_of(args: list[str]) -> tuple[Command, list[str]]:
    """The command that the first words name, and the words that are left. Fails where there is none."""
    command = root()
    while hasattr(command, "commands") and args and not args[0].startswith("-"):
        assert args[0] in command.commands, f"there is no command {args[0]}"
        command, args = command.commands[args[0]], args[1:]
    return command, args


def options_of(command: Command) -> set[str]:
    context = command.make_context("dfuse", [], resilient_parsing=True)
    return {name for parameter in command.get_params(context) for name in (*parameter.opts, *parameter.secondary_opts)}


def given_options(args: list[str]) -> list[str]:
    return [word.partition("=")[0] for word in args if re.match(r"--?[a-zA-Z]", word)]


@cache
def source(script: str) -> str:
    path = ROOT / (script if script.endswith(".py") else script.replace(".", "/") + ".py")
    assert path.is_file(), f"there is no script {script}"
    return path.read_text(encoding="utf-8")


def has_option(script: str, option: str) -> bool:
    """Whether a script's source has an option: written out, or made by Typer of a parameter's name."""
    name = option.lstrip("-").replace("-", "_")
    return f'"{option}"' in source(script) or bool(re.search(rf"\b{name}: Annotated", source(script)))


def check_script(found: list[str]) -> None:
    """``python SCRIPT …`` or ``python -m MODULE …``: it is there and has these options."""
    script, args = (found[2], found[3:]) if found[1] == "-m" else (found[1], found[2:])
    if script in ("venv", "pytest", "pip", "http.server"):
        return
    missing = [option for option in given_options(args) if not has_option(script, option)]
    assert not missing, f"{script} has no {', '.join(missing)}"


def check_parsed(args: list[str]) -> None:
    """A whole line of ``dfuse``, parsed as the command line would; nothing is run."""
    command, rest = command_of(args)
    try:
        command.make_context("dfuse", list(rest))
    except typer.Exit:  # --help and --version
        pass
    except WrongCall as error:
        pytest.fail(f"dfuse {' '.join(args)}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_code_parse(page):
    for line in lines(page):
        found = words(line)
        if found[:1] == ["dfuse"]:
            check_parsed(found[1:])
        elif found and found[0] in ("python", "python3") and len(found) > 1:
            check_script(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_sentences_exist(page):
    for fragment in fragments(page):
        found = words(fragment)
        if found[:1] == ["dfuse"]:
            command, rest = command_of(found[1:])
            missing = set(given_options(rest)) - options_of(command)
            assert not missing, f"{fragment}: no {', '.join(missing)}"
        elif found[:1] == ["python"] and len(found) > 1:
            check_script(found)
        elif found[:1] == ["pytest"]:
            assert all((ROOT / word).exists() for word in found[1:] if "/" in word), fragment


def all_commands(command: Command) -> Iterator[Command]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from all_commands(inner)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_in_sentences_exist_somewhere(page):
    known = set().union(*map(options_of, all_commands(root()))) | {"--index-url", "--hypothesis-profile"}
    scripts = [str(path.relative_to(ROOT)) for folder in ("benchmarks", "examples", "scripts", "tests/fuzz")
               for path in sorted((ROOT / folder).glob("*.py"))]  # fmt: skip
    for fragment in fragments(page):
        for option in given_options(words(fragment)[:1]):
            assert option in known or any(has_option(script, option) for script in scripts), fragment


def test_the_pages_hold_what_is_looked_for():
    """So that a change of the pages' form does not leave nothing to be checked."""
    commands = [found for page in PAGES for line in lines(page) if (found := words(line))[:1] == ["dfuse"]]
    assert len(commands) > 60 and len({found[1] for found in commands}) > 8
    with pytest.raises(pytest.fail.Exception, match="No such option"):
        check_parsed(["fuse", "ir.png", "vis.png", "-o", "a.png", "--no-such"])
    with pytest.raises(AssertionError, match="no command fuze"):
        check_parsed(["fuze", "ir.png"])
