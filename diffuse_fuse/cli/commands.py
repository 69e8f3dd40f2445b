"""The command ``dfuse``: its subcommands, and what becomes of their errors.

Exit codes, of all commands: 0 all done; 1 some or all of it failed; 2 the call is wrong (options, a name that there
is not, paths that do not go together), and nothing was done; 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from importlib import import_module
from typing import Annotated

import typer

import diffuse_fuse
from diffuse_fuse import shortage, threads
from diffuse_fuse.cli.align import align
from diffuse_fuse.cli.bench import bench
from diffuse_fuse.cli.eval import eval_
from diffuse_fuse.cli.export import export
from diffuse_fuse.cli.fuse import fuse
from diffuse_fuse.cli.info import info
from diffuse_fuse.cli.inspect import inspect
from diffuse_fuse.cli.interpolate import interpolate
from diffuse_fuse.cli.metrics import metrics
from diffuse_fuse.cli.models import models
from diffuse_fuse.cli.overlay import overlay
from diffuse_fuse.cli.page import page
from diffuse_fuse.cli.sample import sample
from diffuse_fuse.cli.serve import serve
from diffuse_fuse.cli.streams import take_all
from diffuse_fuse.cli.train_recipe import app as train_app
from diffuse_fuse.cli.translate import translate
from diffuse_fuse.cli.video import video
from diffuse_fuse.cli.words import RangeCommand, RayCommand, TwoPaths
from diffuse_fuse.errors import DfuseError
from diffuse_fuse.remote.urls import told

# Plain help instead of rich's boxes: a tenth of a second faster, and readable in pipes and narrow terminals.
app = typer.Typer(
    name="dfuse",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dfuse {diffuse_fuse.__version__}")
        raise typer.Exit()


@app.callback()
def dfuse(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")] = False,
) -> None:
    """Fuse an infrared and a visible picture of one scene into one colour picture.

    dfuse fuse IR VIS -o OUT fuses two files, two folders of pairs, or one folder that holds both kinds.
    """


app.command(cls=RangeCommand)(fuse)
app.command(cls=RangeCommand)(video)
app.command()(overlay)
app.command()(inspect)
app.command(cls=TwoPaths)(align)
app.command("eval", cls=RayCommand)(eval_)
app.command()(metrics)
app.add_typer(train_app, name="train")
app.command()(sample)
app.command()(interpolate)
app.command()(translate)
app.command()(models)
app.command()(serve)
app.command()(page)
app.command()(export)
app.command()(bench)
app.command()(info)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; errors become one sentence on stderr."""
    take_all()
    threads.bound()  # before any command imports NumPy
    import_module("hashlib")  # while there is memory: where it finds too little, it prints a traceback per algorithm
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    arguments, debug = _without_debug(arguments)
    os.environ["DFUSE_DEBUG"] = "1" if debug else ""
    try:
        app(args=arguments, prog_name="dfuse")
        return 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except KeyboardInterrupt:
        code = 130
    except DfuseError as error:
        code = _report(f"Error: {error}", error.exit_code, debug)
    except Exception as error:
        code = _report(*_unexpected(error, debug), debug)
    return _flush(code)


def _unexpected(error: Exception, debug: bool) -> tuple[str, int]:
    """The sentence and the exit code for an error that is no DfuseError."""
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:  # from whichever path is looked at first
        return f"Error: the name {error.filename!r} is too long for the file system: shorten it.", 2
    if lacking := shortage.sentence(error):
        return f"Error: {lacking}", 1
    text = f"Error: this is a bug in dfuse: {type(error).__name__}: {error}"
    return text if debug else f"{text} (run with --debug for the traceback)", 1


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Take --debug out wherever it stands: after an error one appends it to the line that was typed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [argument for argument in arguments[:end] if argument != "--debug"]
    return kept + arguments[end:], len(kept) < end


def _report(text: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    typer.echo(told(text), err=True)
    return code


def _flush(code: int) -> int:
    """Flush stdout here: at the interpreter's end a closed pipe (``dfuse models | head -1``) would print an error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
