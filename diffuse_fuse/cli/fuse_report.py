"""What ``dfuse fuse`` says: messages on stderr, metrics and JSON on stdout."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from diffuse_fuse.cli import report
from diffuse_fuse.cli.align import alignment_in_words, alignments_in_words
from diffuse_fuse.cli.pairing import left_out
from diffuse_fuse.errors import counted

if TYPE_CHECKING:
    from diffuse_fuse.batch import Plan, Preflight, Result


@dataclass(frozen=True)
class Ran:
    """How a run went. seconds: of the wall clock, from the first pair to the last, without loading the network."""

    results: list[Result]
    seconds: float
    done: str = "fused"

    @property
    def network_share(self) -> float | None:
        """The part of the time in which the network was busy; None where it was not asked."""
        busy = sum(result.network for result in self.results)
        return min(1.0, busy / self.seconds) if busy and self.seconds else None


def say_preflight(found: Preflight, out: Path) -> None:
    """Before a run, or instead of it: one line, and a warning where the disk is too small."""
    parts = [f"{found.to_do} of {counted(found.pairs, 'pair')} to fuse"]
    notes = []
    if found.redone:
        notes.append(f"{found.redone} of them again, as they are not up to date")
    if found.kept:
        notes.append(f"{found.kept} {'are up to date or kept' if found.checked else 'are there already'}")
    if found.errors:
        notes.append(f"{len(found.errors)} cannot be fused")
    if notes:
        parts[0] += f" ({', '.join(notes)})"
    if found.sizes:
        parts.append(_sizes(found))
    if found.seconds is not None and found.bytes is not None:
        parts.append(f"about {duration(found.seconds)} and {size(found.bytes)}; {size(found.free)} are free in {out}")
    say(f"{': '.join(parts[:2])}{''.join('; ' + part for part in parts[2:])}.")
    if found.bytes is not None and found.bytes > found.free:
        say(f"Warning: the pictures need about {size(found.bytes)}, and {size(found.free)} are free.")


def unused(plan: Plan) -> list[str]:
    """Sentences about the files that belong to no pair, and about how pairs were found."""
    return left_out(plan.ir_only, plan.vis_only, plan.passed_over, plan.notes)


def unused_as_dict(plan: Plan) -> dict[str, Any]:
    """The same as JSON can hold it."""
    return {
        "unpaired": {"ir": [str(path) for path in plan.ir_only], "vis": [str(path) for path in plan.vis_only]},
        "passed_over": [str(path) for path in plan.passed_over],
        "notes": list(plan.notes),
    }


def say_about_folder(ran: Ran, plan: Plan, out: Path, quiet: bool) -> None:
    """What was odd, how it went, and last, where it is seen, what failed."""
    if not quiet:
        for text in unused(plan) + report.warnings(ran.results):
            say(f"Warning: {text}")
        say(summary(ran, out))
        if told := alignments_in_words(ran.results):
            say(told)
    for line in report.failures(ran.results):
        say(line)
    _show_tracebacks(ran.results)


def say_about_pair(result: Result, quiet: bool, only_metrics: bool) -> None:
    """How one pair went."""
    if not quiet:
        for text in result.warnings:
            say(f"Warning: {text}")
    if result.status == "failed":
        say(f"Error: {result.error}")
    elif not quiet:
        if told := alignment_in_words(result):
            say(told)
        if not only_metrics:
            say(f"Wrote {result.out} ({result.seconds:.2f} s).")
    _show_tracebacks([result])


def say_interrupted(ran: Ran, plan: Plan, overwrite: bool) -> None:
    """How far it came, and how it goes on."""
    done = sum(result.status == "ok" for result in ran.results)
    left = len(plan.jobs) + len(plan.failed) - len(ran.results)
    how = "the same command without --overwrite" if overwrite else "the same command again"
    rest = f"{left} of {counted(len(plan.jobs), 'pair')} {'is' if left == 1 else 'are'} left"
    say(f"Interrupted: {done} {ran.done}, {rest}; {how} does the rest.")


def summary(ran: Ran, out: Path) -> str:
    """One line: how many of each kind, how long a pair took, how busy the network was, where they are."""
    results = ran.results
    count = Counter(result.status for result in results)
    text = f"{count['ok']} {ran.done}"
    again = Counter(result.redone for result in results if result.redone and result.status == "ok")
    if again:
        text += f" ({', '.join(f'{number} redone: {why}' for why, number in again.most_common())})"
    if count["skipped"]:
        text += f", {count['skipped']} skipped (already there; --overwrite fuses them again)"
        if lost := sum(result.status == "skipped" and bool(result.metrics) for result in results):
            text += f", the metrics of {lost} of them measured again"
    if count["failed"]:
        text += f", {count['failed']} failed"
    if count["ok"]:
        a_pair = ran.seconds / count["ok"]
        text += f"; {a_pair:.2f} s a pair" if a_pair >= 0.1 else f"; {1000 * a_pair:.0f} ms a pair"
    if ran.network_share:
        text += f", the network busy {ran.network_share:.0%} of the time"
    return f"{text}; in {out}"


def print_metrics(results: Sequence[Result]) -> None:
    """On stdout: the metrics of a pair, or their means over a folder."""
    from diffuse_fuse import batch

    measured = [result for result in results if result.metrics]
    if measured:
        heading = "value" if len(results) == 1 else f"mean of {len(measured)}"
        typer.echo(report.metrics_table(batch.mean_metrics(measured), heading))


def print_json(ran: Ran, plan: Plan, model: str | None) -> None:
    """One object on stdout; docs/batch.md says what it holds."""
    import diffuse_fuse
    from diffuse_fuse.remote.urls import told

    count = {status: sum(result.status == status for result in ran.results) for status in ("ok", "skipped", "failed")}
    whole = {
        "results": [result.as_dict() for result in ran.results],
        **count,
        **unused_as_dict(plan),
        "seconds": round(ran.seconds, 4),
        "network_share": None if ran.network_share is None else round(ran.network_share, 4),
        "model": model,
        "version": diffuse_fuse.__version__,
    }
    typer.echo(told(json.dumps(whole, indent=2, allow_nan=False)))


def say(text: str) -> None:
    """One line on stderr, also where a file's name holds line breaks or bytes that are no text."""
    from diffuse_fuse.images.names import shown
    from diffuse_fuse.remote.urls import told

    typer.echo(shown(told(text)), err=True)


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3.4 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes in the unit that suits them: "12.3 MB"."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 100 or unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _sizes(found: Preflight) -> str:
    names = [name if len(found.sizes) == 1 else f"{name} ({count})" for name, count in found.sizes[:4]]
    more = f" and {len(found.sizes) - 4} other sizes" if len(found.sizes) > 4 else ""
    of = f" (of {found.looked_at} looked at)" if found.looked_at < found.to_do else ""
    return f"{', '.join(names)}{more}{of}"


def _show_tracebacks(results: Sequence[Result]) -> None:
    """With --debug, the tracebacks of errors that nobody expected."""
    traces = [result.traceback for result in results if result.traceback]
    if traces and not os.environ.get("DFUSE_DEBUG"):
        say("Run again with --debug for the traceback.")
    for trace in traces if os.environ.get("DFUSE_DEBUG") else ():
        typer.echo(trace, err=True)
