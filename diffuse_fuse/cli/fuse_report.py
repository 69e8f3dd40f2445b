"""What ``dfuse fuse`` says: messages on stderr, metrics and JSON on stdout."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import diffuse_fuse
from diffuse_fuse.batch.job import Plan, Result, mean_metrics
from diffuse_fuse.batch.network import Listener
from diffuse_fuse.batch.preflight import Preflight
from diffuse_fuse.cli.report import folded, left_out, metrics_table, named, print_json, say, say_export
from diffuse_fuse.errors import counted
from diffuse_fuse.images.options import ThermalRange, is_camera
from diffuse_fuse.schema import headed

if TYPE_CHECKING:
    from diffuse_fuse.batch.session import Ran, Session
    from diffuse_fuse.batch.tuning import Split
    from diffuse_fuse.fusion.auto import Pick


@dataclass(frozen=True)
class Told(Listener):
    """Says on stderr what a session tells; ``quiet``: only what is wrong."""

    quiet: bool = False

    def picked(self, pick: Pick, size: tuple[int, int]) -> None:
        took = f"about {pick.milliseconds:.3g} ms for {size[0]}×{size[1]}"
        if not pick.in_time:
            say(f"Warning: no model meets the deadline on this machine; the fastest, {pick.name}, takes {took}.")
        elif not self.quiet:
            say(f"Model {pick.name}: {took}.")

    def exports(self, name: str, graph: Path) -> None:
        if not self.quiet:
            say_export(name, graph)

    def loaded(self, device: str, precision: str) -> None:
        if not self.quiet:
            say(f"The network runs on {device} in {precision}.")

    def ranged(self, found: ThermalRange | None, unit: str | None) -> None:
        if self.quiet:
            return
        if found is None:
            say("Warning: --thermal-window series has no effect: 8-bit pictures already share one scale.")
            return
        assert not is_camera(found)  # it is not given together with a window
        low, high = found
        say(f"Range of the series: --thermal-range {low:.6g} {high:.6g} ({unit}).")

    def split(self, split: Split, tried: int) -> None:
        if not self.quiet:
            pictures = "1 picture" if split.at_once == 1 else f"{split.at_once} pictures"
            say(
                f"The fastest of {tried} ways to share the cores: {pictures} at once, threads of the network for each: "
                f"{split.threads}, threads that read and write: {split.workers}."
            )

    def worker_died(self) -> None:
        if not self.quiet:
            say("Warning: a worker of the Ray cluster died; another one redoes its pairs.")


def say_dry_run(found: Preflight, session: Session, as_json: bool, quiet: bool) -> None:
    """What a run would do."""
    if as_json:
        whole = {**found.as_dict(), **_unused_as_dict(session.plan), "model": session.recipe.model}
        print_json(headed("fuse-plan", whole))
        return
    for text in [] if quiet else _unused(session.plan):
        say(f"Warning: {text}")
    say_preflight(found, session.out)
    pairs = [(job.ir, job.vis) for job in session.plan.jobs] + [(job.ir, job.vis) for job in session.plan.failed]
    for text in folded(found.errors, [path for pair in pairs for path in pair]):
        say(f"  {text}")


def say_preflight(found: Preflight, out: Path) -> None:
    """Before a run, or instead of it: one line, and a warning where the disk is too small."""
    parts = [f"{found.to_do} of {counted(found.pairs, 'pair')} to fuse"]
    notes = []
    if found.redone:
        notes.append(f"{found.redone} of them again because they are out of date")
    if found.kept:
        notes.append(f"{found.kept} {'are up to date or kept' if found.checked else 'exist already'}")
    if found.errors:
        notes.append(f"{len(found.errors)} cannot be fused")
    if notes:
        parts[0] += f" ({', '.join(notes)})"
    if found.sizes:
        parts.append(_sizes(found))
    if found.seconds is not None and found.bytes is not None:
        takes = f"about {_duration(found.seconds)} and {_size(found.bytes)}"
        parts.append(f"{takes}; {_size(found.free)} free in {out}")
    say(f"{': '.join(parts[:2])}{''.join('; ' + part for part in parts[2:])}.")
    if found.bytes is not None and found.bytes > found.free:
        say(f"Warning: the pictures need about {_size(found.bytes)}, but only {_size(found.free)} are free.")


def say_ran(ran: Ran, session: Session, quiet: bool) -> None:
    """How a run went."""
    if session.many:
        _say_about_folder(ran, session, quiet)
    else:
        _say_about_pair(ran.results[0], quiet, session.options.only_metrics)
    _show_tracebacks(ran.results)


def _say_about_folder(ran: Ran, session: Session, quiet: bool) -> None:
    """What was odd, how it went, and last, where it is seen, what failed."""
    if not quiet:
        for text in _unused(session.plan) + _warnings(ran.results):
            say(f"Warning: {text}")
        say(_summary(ran, session))
        aligned = [result.alignment["applied"] for result in ran.results if result.alignment]
        if aligned:
            were = "was" if len(aligned) == 1 else "were"
            say(f"{sum(aligned)} of {counted(len(aligned), 'pair')} {were} aligned.")
    for line in _failures(ran.results):
        say(line)


def _say_about_pair(result: Result, quiet: bool, only_metrics: bool) -> None:
    if not quiet:
        for text in result.warnings:
            say(f"Warning: {text}")
    if result.status == "failed":
        say(f"Error: {result.error}")
    elif not quiet:
        if result.alignment:
            say(_alignment_in_words(result, result.alignment))
        if not only_metrics:
            say(f"Wrote {result.out} ({result.seconds:.2f} s).")


def say_interrupted(ran: Ran, session: Session) -> None:
    """How far it came, and how it goes on."""
    done = sum(result.status == "ok" for result in ran.results)
    how = "the same command without --overwrite" if session.options.overwrite else "the same command"
    left = session.left(ran)
    rest = f"{left} of {counted(len(session.plan.jobs), 'pair')} {'is' if left == 1 else 'are'} left"
    say(f"Interrupted: {done} {_done(session)}, {rest}; {how} continues.")


def _done(session: Session) -> str:
    return "measured" if session.options.only_metrics else "fused"


def _summary(ran: Ran, session: Session) -> str:
    """One line: how many of each kind, how long a pair took, how busy the network was, where they are."""
    results = ran.results
    count = Counter(result.status for result in results)
    text = f"{count['ok']} {_done(session)}"
    again = Counter(result.redone for result in results if result.redone and result.status == "ok")
    if again:
        text += f" ({', '.join(f'{number} redone: {why}' for why, number in again.most_common())})"
    if count["skipped"]:
        text += f", {count['skipped']} skipped (up to date or kept; --overwrite fuses them again)"
        if lost := sum(result.status == "skipped" and bool(result.metrics) for result in results):
            text += f", metrics recomputed for {lost} of them"
    if count["failed"]:
        text += f", {count['failed']} failed"
    if count["ok"]:
        a_pair = ran.seconds / count["ok"]
        text += f"; {a_pair:.2f} s per pair" if a_pair >= 0.1 else f"; {1000 * a_pair:.0f} ms per pair"
    if ran.network_share:
        text += f", the network busy {ran.network_share:.0%} of the time"
    return f"{text}; in {session.out}"


def print_metrics(results: Sequence[Result]) -> None:
    """On stdout: the metrics of a pair, or their means over a folder."""
    measured = [result for result in results if result.metrics]
    if measured:
        heading = "value" if len(results) == 1 else f"mean of {len(measured)}"
        typer.echo(metrics_table(mean_metrics(measured), heading))


def print_ran(ran: Ran, session: Session) -> None:
    """One object on stdout; docs/batch.md says what it holds."""
    count = {status: sum(result.status == status for result in ran.results) for status in ("ok", "skipped", "failed")}
    whole = {
        "results": [result.as_dict() for result in ran.results],
        **count,
        **_unused_as_dict(session.plan),
        "seconds": round(ran.seconds, 4),
        "network_share": None if ran.network_share is None else round(ran.network_share, 4),
        "model": session.network.name if session.network else None,
        "version": diffuse_fuse.__version__,
    }
    print_json(headed("fuse", whole))


def _unused(plan: Plan) -> list[str]:
    """Sentences about the files that belong to no pair, and about how pairs were found."""
    return left_out(plan.ir_only, plan.vis_only, plan.passed_over, plan.notes)


def _unused_as_dict(plan: Plan) -> dict[str, Any]:
    """The same as JSON can hold it."""
    return {
        "unpaired": {"ir": [str(path) for path in plan.ir_only], "vis": [str(path) for path in plan.vis_only]},
        "passed_over": [str(path) for path in plan.passed_over],
        "notes": list(plan.notes),
    }


def _warnings(results: Sequence[Result]) -> list[str]:
    """The warnings of all pairs; one that many pairs share is said once."""
    where = defaultdict(list)
    for result in results:
        for text in result.warnings:
            where[text].append(result.vis)
    return [f"{text} ({named(paths)})" for text, paths in where.items()]


def _failures(results: Sequence[Result]) -> list[str]:
    """A headline and a line for each failed pair; nothing if there is none."""
    failed = [result for result in results if result.status == "failed"]
    if not failed:
        return []
    files = [path for result in failed for path in (result.ir, result.vis, result.out)]
    lines = [f"{len(failed)} of {counted(len(results), 'pair')} failed:"]
    return lines + [f"  {text}" for text in folded([str(result.error) for result in failed], files)]


def _alignment_in_words(result: Result, report: dict[str, Any]) -> str:
    """What was done to a pair."""
    numbers = f"confidence {report['confidence']:.2f}, residual {report['residual_px']:.1f} px"
    if report["kind"] == "field":
        return f"Field {'found' if report['applied'] else 'not found'} ({numbers})."
    if report["applied"]:
        return f"Aligned ({report['kind']}): moved by {report['displacement_px']:.1f} px on average ({numbers})."
    why = "" if report["reason"] in result.warnings else f" {report['reason']}"
    return f"Not aligned ({numbers}).{why}"


def _duration(seconds: float) -> str:
    """ "45 s", "12 min", "3.4 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(count: float) -> str:
    """Bytes in the unit that suits them: "12.3 MB"."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 100 or unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _sizes(found: Preflight) -> str:
    names = [name if len(found.sizes) == 1 else f"{name} ({count})" for name, count in found.sizes[:4]]
    more = f" and {len(found.sizes) - 4} other sizes" if len(found.sizes) > 4 else ""
    of = f" (of {found.looked_at} checked)" if found.looked_at < found.to_do else ""
    return f"{', '.join(names)}{more}{of}"


def _show_tracebacks(results: Sequence[Result]) -> None:
    """With --debug, the tracebacks of errors that nobody expected."""
    traces = [result.traceback for result in results if result.traceback]
    if traces and not os.environ.get("DFUSE_DEBUG"):
        say("Run again with --debug for the traceback.")
    for trace in traces if os.environ.get("DFUSE_DEBUG") else ():
        typer.echo(trace, err=True)
