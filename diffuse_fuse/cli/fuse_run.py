"""A run of ``dfuse fuse`` whose options have been checked: one pair, a folder, or only a look at what it would do."""

from __future__ import annotations

import json
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from diffuse_fuse.cli import fuse_report as report
from diffuse_fuse.cli.report import folded
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse.batch import Existing, Plan, Preflight, Recipe, Result
    from diffuse_fuse.cli.fuse_model import Chosen, Lazy
    from diffuse_fuse.cluster import Cluster
    from diffuse_fuse.fusion.spans import OnRows
    from diffuse_fuse.remote.stage import Stage


@dataclass(frozen=True)
class Run:
    """One call of the command, with its options checked. chosen: None for --only-metrics. stage: where files that are
    elsewhere have their places; None where all are on this machine. cluster: where it runs, if not in this process."""

    plan: Plan
    chosen: Chosen | None
    out: Path
    recipe: Recipe
    workers: int | None
    overwrite: bool
    quiet: bool
    whole_folder: bool
    stage: Stage | None = None
    cluster: Cluster | None = None

    @property
    def _ways(self) -> dict[str, Any]:
        """What ``batch.run`` takes for files that are elsewhere."""
        if self.stage is None:
            return {}
        from diffuse_fuse.batch.afar import FarSteps

        return {"make_steps": partial(FarSteps, stage=self.stage)}

    @property
    def _scores(self) -> dict[str, Any]:
        """What ``batch.run_folder`` takes for an output folder that is elsewhere."""
        if self.stage is None or self.stage.url(self.out) is None:
            return {}
        from diffuse_fuse.batch.afar import FarScores

        return {"make_scores": partial(FarScores, stage=self.stage)}

    @property
    def _existing(self) -> Existing:
        if self.overwrite:
            return "replace"
        return "resume" if self.whole_folder else "refuse"

    @property
    def _runner(self) -> dict[str, Any]:
        """What ``batch.run_folder`` takes for a run on a cluster."""
        if self.cluster is None:
            return {}
        from diffuse_fuse.batch.on_ray import run_on_ray

        make = self.chosen.fuser.anew if self.chosen else _no_fuser
        ways: dict[str, Any] = {"cluster": self.cluster, "make_fuser": make, "stage": self.stage}
        return {"runner": partial(run_on_ray, on_death=self._say_death, **ways)}

    def _say_death(self) -> None:
        if not self.quiet:
            report.say("Warning: a worker of the Ray cluster died; what it had in hand is done again.")

    @property
    def _fuser(self) -> Lazy | None:
        return self.chosen.fuser if self.chosen else None

    def _ahead(self, check: bool) -> Preflight:
        from diffuse_fuse import batch

        return batch.look_ahead(
            self.plan,
            self.chosen.fuser if self.chosen and not self.cluster else None,  # other machines take another time
            self.out if self.whole_folder else self.out.parent,
            existing=self._existing,
            recipe=self.recipe,
            workers=self.workers,
            check=check,
        )

    def dry(self, as_json: bool) -> None:
        """Say what would be done; raises typer.Exit when some of it would fail."""
        if self.stage is not None:
            raise UsageError("--dry-run opens all files, and some of these are elsewhere: leave it out.")
        found = self._ahead(check=True)
        if as_json:
            told = {**found.as_dict(), **report.unused_as_dict(self.plan), "model": self.recipe.model}
            typer.echo(json.dumps(told, indent=2))
        else:
            for text in [] if self.quiet else report.unused(self.plan):
                report.say(f"Warning: {text}")
            report.say_preflight(found, self.out)
            files = [path for job in self.plan.jobs for path in (job.ir, job.vis)]
            files += [path for bad in self.plan.failed for path in (bad.ir, bad.vis)]
            for text in folded(found.errors, files):
                report.say(f"  {text}")
        if found.errors:
            raise typer.Exit(1)

    def pair(self) -> report.Ran:
        """One pair of files."""
        from diffuse_fuse import batch

        start = time.perf_counter()
        with self._rows() as rows:
            if self.chosen:
                self.chosen.fuser.on_rows = rows
            results = batch.run(
                self.plan.jobs,
                self._fuser,
                existing=self._existing,
                recipe=self.recipe,
                workers=self.workers,
                only_metrics=self.chosen is None,
                **self._ways,
            )
        report.say_about_pair(results[0], self.quiet, self.chosen is None)
        return report.Ran(results, time.perf_counter() - start)

    def _rows(self) -> AbstractContextManager[OnRows | None]:
        """The bar of a large picture; on a terminal only, since rich takes a while to import."""
        if self.quiet or not sys.stderr.isatty():
            return nullcontext()
        from diffuse_fuse.cli.progress import rows_bar

        return rows_bar()

    def folder(self) -> tuple[report.Ran, bool]:
        """A folder or a manifest; and whether Ctrl-C ended it before all was done."""
        from diffuse_fuse import batch
        from diffuse_fuse.cli.interrupt import gentle_interrupt
        from diffuse_fuse.cli.progress import progress_bar

        only_metrics = self.chosen is None
        fusing = self._existing == "replace" or only_metrics
        # what is skipped takes no time: counted, it would spoil the rate and the time left
        work = sum(fusing or not job.out.exists() for job in self.plan.jobs)
        if not self.quiet and not only_metrics and work and self.stage is None:
            report.say_preflight(self._ahead(check=False), self.out)
        doing = "measuring" if only_metrics else "fusing"
        with (
            gentle_interrupt(self.quiet, at_once=True) as stop,
            progress_bar(doing, work, "pair", self.quiet) as advance,
        ):
            if self.chosen and not self.cluster:
                self.chosen.fuser.on_rows = advance.rows

            def count(result: Result) -> None:
                if result.redone:
                    advance.more()
                if result.status != "skipped":
                    advance()

            start = time.perf_counter()
            results = batch.run_folder(
                self.plan,
                self._fuser,
                self.out,
                existing=self._existing,
                recipe=self.recipe,
                workers=self.workers,
                only_metrics=only_metrics,
                on_result=count,
                stop=stop,
                **self._ways,
                **self._scores,
                **self._runner,
            )
            seconds = time.perf_counter() - start
        ran = report.Ran(results, seconds, "measured" if only_metrics else "fused")
        report.say_about_folder(ran, self.plan, self.out, self.quiet)
        return ran, len(results) < len(self.plan.jobs) + len(self.plan.failed)


def _no_fuser() -> None:
    """For --only-metrics."""
