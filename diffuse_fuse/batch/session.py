"""A call of ``dfuse fuse``: options in, pictures and results out. Nothing is printed here; a ``Listener`` is told.

In Python it is ``open_session(FuseOptions(ir, vis, out)).run()``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from diffuse_fuse.batch.job import Existing, Job, Plan, Recipe, Result
from diffuse_fuse.batch.network import SILENT, Chosen, Listener, choose, model_in_time
from diffuse_fuse.batch.pipeline import Done, default_workers, read_all
from diffuse_fuse.batch.plan import part_of, plan_paths, require_paths, with_own_gifs
from diffuse_fuse.batch.preflight import Preflight, look_ahead
from diffuse_fuse.batch.run import HERE, UNSEEN, Watch, Ways, run, run_folder
from diffuse_fuse.batch.tuning import Tuning
from diffuse_fuse.errors import DataError, ImageReadError, UsageError
from diffuse_fuse.files import require_no_input
from diffuse_fuse.images.load import load_range
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.pairing import NO_RULES, Rules
from diffuse_fuse.images.thermal import series_range
from diffuse_fuse.images.thermal.window import Range
from diffuse_fuse.machine import available_cores
from diffuse_fuse.remote.urls import names_urls, url_of
from diffuse_fuse.shard import Shard

if TYPE_CHECKING:
    from diffuse_fuse.cluster import Cluster
    from diffuse_fuse.fusion.spans import OnRows
    from diffuse_fuse.remote.stage import Stage


@dataclass(frozen=True)
class FuseOptions:
    """What a call asks for.

    ir, vis, out, manifest: paths, or addresses such as s3://bucket/ir; see ``batch.plan``, as for recursive, rules and
    picture_format. model, deadline_ms, device, threads, denoise, backend, balance, batch: see ``batch.network``.
    recipe: what is done besides the network; what it notes of the weights is filled in. series: one thermal range for
    all pictures. cluster: where the pairs are fused, if not in this process. workers: as for ``run``; "auto": see
    ``tuning``. overwrite: replace outputs that are there. only_metrics: measure the pictures in ``out`` and fuse
    nothing. also_read: files besides the pictures that the call reads, which none of its pictures may replace.
    """

    ir: Path | None
    vis: Path | None
    out: Path | None
    manifest: Path | None = None
    recursive: bool = False
    rules: Rules = NO_RULES
    picture_format: str | None = None
    model: str = "default"
    deadline_ms: float | None = None
    device: str = "auto"
    threads: int | None = None
    denoise: str | None = None
    backend: str = "torch"
    balance: float | str = "auto"
    batch: int | None = None
    recipe: Recipe = Recipe()  # noqa: RUF009 (it is frozen)
    series: bool = False
    shard: Shard | None = None
    cluster: Cluster | None = None
    workers: int | Literal["auto"] | None = None
    overwrite: bool = False
    only_metrics: bool = False
    also_read: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Ran:
    """How a run went. seconds: of the wall clock, from the first pair to the last, with loading the network."""

    results: list[Result]
    seconds: float

    @property
    def network_share(self) -> float | None:
        """The part of the time in which the network was busy; None where it was not asked."""
        busy = sum(result.network for result in self.results)
        return min(1.0, busy / self.seconds) if busy and self.seconds else None


def open_session(options: FuseOptions, listener: Listener = SILENT) -> Session:
    """Looks at what the options name, pairs it and chooses the network; nothing is fused yet.

    Raises UsageError for options that do not go together or name what is not there, DataError for a folder or an
    address that cannot be read, ImageReadError for such a table, WeightsError for a model that does not exist.
    """
    options, stage = _staged(options)
    out = require_paths(options.ir, options.vis, options.out, options.manifest)
    many = options.ir is None or options.ir.is_dir()
    if not many and options.shard:
        raise UsageError("--shard divides folders and tables of pairs, but two files are one pair: leave it out.")
    if not many and options.cluster:
        raise UsageError("--ray spreads folders and tables of pairs, but two files are one pair: leave it out.")
    recipe, network = options.recipe, None
    sources = (options.ir, options.vis, out, options.manifest)
    plan = plan_paths(*sources, options.recursive, options.picture_format, recipe.depth, options.rules)
    require_no_input([job.out for job in plan.jobs], options.also_read)
    plan = with_own_gifs(plan) if recipe.gif else plan
    if not options.only_metrics:
        network = _network(options, plan, listener)
        recipe = replace(recipe, model=network.name, weights=network.weights, more=network.more)
    if options.series:
        load, unit = with_series_range(plan.jobs, recipe.load, _number(options.workers))
        listener.ranged(load.thermal_range, unit)
        recipe = replace(recipe, load=load)
    if options.shard:  # after what is said of all pairs: their GIFs, and their range
        plan = part_of(plan, options.shard, out)
    return Session(options, plan, out, many, recipe, network, stage, listener)


def _staged(options: FuseOptions) -> tuple[FuseOptions, Stage | None]:
    """The options with places in a stage for addresses; and the stage, None where all is on this machine.

    Raises UsageError, DataError where an address cannot be looked at, ImageReadError for a table that cannot be read.
    """
    ir, vis, out, manifest = options.ir, options.vis, options.out, options.manifest
    if not any(map(url_of, (ir, vis, out, manifest))) and (manifest is None or not names_urls(manifest)):
        return options, None
    if options.series:
        raise UsageError(
            "--thermal-window series reads all files first, but some are remote: use --thermal-range instead."
        )
    from diffuse_fuse.remote.stage import Stage

    stage = Stage()
    ir_url = url_of(ir)
    is_folder = stage.store(ir_url).kind(ir_url) == "folder" if ir_url else ir is not None and ir.is_dir()
    if manifest is not None and out is None and url_of(manifest) is None:
        out = manifest.parent
    placed = replace(
        options,
        ir=stage.source(ir, options.recursive),
        vis=stage.source(vis, options.recursive),
        out=stage.output(out, manifest is not None or is_folder),
        manifest=stage.manifest(manifest),
    )
    return placed, stage


def _network(options: FuseOptions, plan: Plan, listener: Listener) -> Chosen:
    device, threads, jobs = options.device, options.threads, plan.jobs
    model = model_in_time(options.model, options.deadline_ms, jobs, device, threads, listener)
    cores = options.cluster.cpus if options.cluster else threads
    chosen = choose(model, device, cores, options.denoise, options.backend, listener, jobs, options.balance)
    chosen.fuser.batch = options.batch
    return chosen


@dataclass(frozen=True)
class Session:
    """A call whose files have been found and whose network has been chosen.

    many: it names a folder or a table of pairs, not two files. network: None for ``only_metrics``. stage: where files
    that are elsewhere have their places.
    """

    options: FuseOptions
    plan: Plan
    out: Path
    many: bool
    recipe: Recipe
    network: Chosen | None
    stage: Stage | None
    listener: Listener

    @property
    def to_do(self) -> int:
        """Pairs to fuse or measure, as far as names tell: what is skipped takes no time."""
        everything = self._existing in ("replace", "measure")
        return sum(everything or not job.out.exists() for job in self.plan.jobs)

    def left(self, ran: Ran) -> int:
        """Pairs that a run that was stopped did not come to."""
        return len(self.plan.jobs) + len(self.plan.failed) - len(ran.results)

    def look_ahead(self, check: bool) -> Preflight:
        """What a run will do and take; ``check``: all files are opened for it. Raises UsageError."""
        if check and self.stage is not None:
            raise UsageError("--dry-run opens all files, but some of these are remote: leave it out.")
        return look_ahead(
            self.plan,
            self.network.fuser if self.network and not self.options.cluster else None,  # others take another time
            self.out if self.many else self.out.parent,
            existing=self._existing,
            recipe=self.recipe,
            workers=_number(self.options.workers),
            check=check,
        )

    def run(self, watch: Watch = UNSEEN, on_rows: OnRows | None = None) -> Ran:
        """Fuses or measures every pair; a folder keeps its metrics.csv.

        on_rows: told how far the network is with a picture, where it has one at a time.
        """
        fuser = self.network.fuser if self.network else None
        if fuser and not self.options.cluster:
            fuser.on_rows = on_rows
        how: dict[str, Any] = {
            "existing": self._existing,
            "recipe": self.recipe,
            "workers": self._workers,
            "watch": watch,
        }
        ways = self._elsewhere() if self.stage or self.options.cluster else HERE
        start = time.perf_counter()
        if self.many:
            results = run_folder(self.plan, fuser, self.out, ways=ways, **how)
        else:
            results = run(self.plan.jobs, fuser, make_steps=ways.make_steps, **how)
        return Ran(results, time.perf_counter() - start)

    def _elsewhere(self) -> Ways:
        """What does the work for files that are elsewhere, and on a cluster."""
        ways, cluster = HERE, self.options.cluster
        if self.stage is not None:
            from diffuse_fuse.batch.afar import FarScores, FarSteps

            ways = replace(ways, make_steps=partial(FarSteps, stage=self.stage))
            if self.stage.url(self.out) is not None:
                ways = replace(ways, make_scores=partial(FarScores, stage=self.stage))
        if cluster is not None:
            from diffuse_fuse.batch.on_ray import OnRay

            make = self.network.fuser.anew if self.network else _no_fuser
            ways = replace(ways, runner=OnRay(cluster, make, self.stage, self.listener.worker_died))
        return ways

    @property
    def _workers(self) -> int | Tuning | None:
        workers, threads = self.options.workers, self.options.threads
        if workers == "auto" and self.network and self.many and not self.options.cluster:
            return Tuning(threads or available_cores(), self.listener.split)
        return _number(workers)

    @property
    def _existing(self) -> Existing:
        if self.options.only_metrics:
            return "measure"
        if self.options.overwrite:
            return "replace"
        return "resume" if self.many else "refuse"


def _number(workers: int | Literal["auto"] | None) -> int | None:
    """What is not found while the pairs are fused: None is what is usual."""
    return None if workers == "auto" else workers


def _no_fuser() -> None:
    """For ``only_metrics``."""


def with_series_range(
    jobs: Iterable[Job], load: LoadOptions, workers: int | None = None
) -> tuple[LoadOptions, str | None]:
    """``load`` with one thermal range that holds that of every infrared file; and its unit.

    8-bit pictures share a scale already: with none but those, ``load`` comes back as it is, and None. Files that
    cannot be read are passed over here. Raises DataError when the files have no unit in common.
    """
    ranges, units = [], set()

    def collect(found: tuple[Range, str] | ImageReadError | None) -> None:
        if isinstance(found, ImageReadError):
            return  # fusing it fails with its own message
        units.add(found[1] if found else "8-bit levels")
        if found:
            ranges.append(found[0])

    def look(job: Job) -> Done[tuple[Range, str] | ImageReadError | None]:
        try:
            return Done(load_range(job.ir, load, alone=job.ir == job.vis))
        except ImageReadError as error:
            return Done(error)

    read_all(jobs, look, collect, workers or default_workers())
    if len(units) > 1:
        kinds = " and ".join(sorted(units))
        raise DataError(f"The infrared pictures have {kinds}: no one range fits them all, so fuse them by kind.")
    common = series_range(ranges)
    if common is None or common[1] <= common[0]:
        return load, None
    return replace(load, thermal_range=common), units.pop()
