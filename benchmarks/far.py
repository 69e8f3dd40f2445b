"""How far does it go? What a pair costs a core and the driver of a cluster, and what many pairs cost on paper.

    python benchmarks/far.py [--model fast] [--size 640x480] [--pairs 24] [--many 100000000] [--price 0.04]
    python benchmarks/far.py --cluster [--pairs 500]        # one node against two, and a node that is killed

The first prints seconds of the processor a pair (one thread, PNG files in and out; a busy machine counts little), and
what the driver of a Ray cluster spends a pair. The second runs pairs of 64×48 with a small untrained model on a local
cluster, on one node of a core and on two, kills a node in the middle of a third run and compares all files.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from diffuse_fuse import models
from diffuse_fuse.batch import Recipe, plan_folders, run, run_folder
from diffuse_fuse.batch.job import Job, Result
from diffuse_fuse.batch.on_ray import OnRay
from diffuse_fuse.batch.run import Watch, Ways
from diffuse_fuse.bench import synthetic_pair
from diffuse_fuse.checkpoint import Weights, save_weights, sha256
from diffuse_fuse.cluster import Cluster, spread
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.fusion.fuser import Fuser
from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
from diffuse_fuse.images.write import write_image
from diffuse_fuse.networks.unet import UNetConfig

app = typer.Typer(add_completion=False)
MODELS = ("base", "fast", "tiny")


@app.command()
def main(
    model: Annotated[list[str] | None, typer.Option(help="Weights; base, fast and tiny unless given.")] = None,
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    pairs: Annotated[int | None, typer.Option(min=2, help="Pairs that are measured; 24, of a cluster 500.")] = None,
    many: Annotated[int, typer.Option(min=1, help="Pairs on paper.")] = 100_000_000,
    price: Annotated[float, typer.Option(min=0.0, help="Of a core for an hour.")] = 0.04,
    cluster: Annotated[bool, typer.Option("--cluster", help="One node, two nodes, and one that is killed.")] = False,
) -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        if cluster:
            on_nodes(Path(folder), pairs or 500)
            return
        width, height = map(int, size.split("x"))
        draw(Path(folder), pairs or 24, width, height)
        typer.echo(f"{width}×{height}, {torch.__version__}; {many:.0e} pairs on paper, {price:g} a core and hour\n")
        typer.echo("| model | metrics | processor, s a pair | pairs of a core and hour | core hours | price |")
        typer.echo("|---|---|---:|---:|---:|---:|")
        for name in model or MODELS:
            for measure in (True, False):
                seconds = of_a_core(Path(folder), name, measure)
                hours = many * seconds / 3600
                said = "yes" if measure else "no"
                typer.echo(
                    f"| {name} | {said} | {seconds:.3f} | {3600 / seconds:,.0f} | {hours:,.0f} | {hours * price:,.0f} |"
                )
        wall, busy = of_the_driver()
        typer.echo(f"\nThe driver: {1e6 * busy:.0f} µs of the processor a pair, {1e6 * wall:.0f} µs of the wall clock.")


def draw(folder: Path, count: int, width: int, height: int) -> None:
    """So many pairs in ir/ and vi/."""
    ir, vis = synthetic_pair(width, height)
    for number in range(count):
        write_image(folder / "ir" / f"{number:05}.png", np.roll(ir, number, axis=1))
        write_image(folder / "vi" / f"{number:05}.png", np.roll(vis, number, axis=1))


def of_a_core(folder: Path, model: str, measure: bool) -> float:
    """Seconds of the processor for a pair, files to file, one thread."""
    fuser = Fuser(model, "cpu", threads=1)
    jobs = plan_folders(folder / "ir", folder / "vi", folder / "out").jobs
    recipe = Recipe(measure=measure, model=model, weights=sha256(models.locate(model)))
    run(jobs[:1], fuser, existing="replace", recipe=recipe, workers=1)
    jobs = jobs if model != "base" else jobs[:6]
    start = time.process_time()
    run(jobs, fuser, existing="replace", recipe=recipe, workers=1)
    return (time.process_time() - start) / len(jobs)


class Nothing:
    """A worker that makes results of nothing."""

    def __call__(self) -> Any:
        return self.work

    def work(self, jobs: tuple[Job, ...]) -> list[Result]:
        return [Result(job.ir, job.vis, job.out, "ok", 0.1, dict.fromkeys("abcdefghi", 1.0)) for job in jobs]


def of_the_driver(pairs: int = 8000, piece: int = 16) -> tuple[float, float]:
    """Seconds of the wall clock and of the driver's processor a pair, in pieces as ``OnRay`` makes them."""
    jobs = tuple(Job(*(Path(f"/data/{side}/{number:05}.png") for side in "abc")) for number in range(piece))
    pieces = [jobs] * (pairs // piece)
    wall, busy, first = time.perf_counter(), time.process_time(), True
    for _ in spread(Cluster("local"), Nothing(), pieces):
        if first:  # without the start
            wall, busy, first = time.perf_counter(), time.process_time(), False
    return (time.perf_counter() - wall) / pairs, (time.process_time() - busy) / pairs


def on_nodes(folder: Path, pairs: int) -> None:
    """The same pairs on one node of a core, on two, and on two of which one is killed."""
    from ray.cluster_utils import Cluster as Nodes

    draw(folder, pairs, 64, 48)
    weights = small_model(folder)
    plan = {
        name: plan_folders(folder / "ir", folder / "vi", folder / name) for name in ("here", "one", "two", "killed")
    }
    recipe = Recipe(model="small", weights=sha256(weights))
    run_folder(plan["here"], Fuser(weights, "cpu", threads=1), folder / "here", recipe=recipe)
    expected = contents(folder / "here")
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    rates = {}
    try:
        first = nodes.add_node(num_cpus=1)
        rates["one"] = rate(plan["one"], folder / "one", recipe, nodes.address, weights)
        nodes.add_node(num_cpus=1)
        rates["two"] = rate(plan["two"], folder / "two", recipe, nodes.address, weights)
        killer = threading.Thread(target=kill, args=(nodes, first, folder / "killed", pairs // 2))
        killer.start()
        rates["killed"] = rate(plan["killed"], folder / "killed", recipe, nodes.address, weights)
        killer.join()
    finally:
        nodes.shutdown()
    for name, found in rates.items():
        same = "equal" if contents(folder / name) == expected else "DIFFERENT"
        typer.echo(f"{name}: {found:.1f} pairs/s after the first results; all files {same} to a local run's")
    typer.echo(f"two nodes against twice one: {rates['two'] / (2 * rates['one']):.2f}")


def small_model(folder: Path) -> Path:
    """Untrained weights that take about as long as reading two pictures."""
    torch.manual_seed(0)
    network = FusionModel(UNetConfig(channels=(8, 8), blocks=(1, 1)), Schedule("linear"), FeatureConfig())
    save_weights(folder / "small.safetensors", Weights("fusion", network.config(), {}, network.state_dict()))
    return folder / "small.safetensors"


class MakeFuser:
    """Makes the fuser in a worker."""

    def __init__(self, weights: Path) -> None:
        self._weights = weights

    def __call__(self) -> Fuser:
        return Fuser(self._weights, "cpu", threads=1)


def rate(plan: Any, out: Path, recipe: Recipe, address: str, weights: Path) -> float:
    """Pairs a second from the first results on: without what workers take to start."""
    times: list[float] = []

    ways = Ways(runner=OnRay(Cluster(address), MakeFuser(weights)))
    watch = Watch(lambda _: times.append(time.perf_counter()))
    run_folder(plan, None, out, recipe=recipe, watch=watch, ways=ways)
    started = sum(each < times[0] + 0.05 for each in times)
    return (len(times) - started) / (times[-1] - times[0])


def kill(nodes: Any, node: Any, out: Path, count: int) -> None:
    """Kills a node once there are so many pictures."""
    while len(list(out.glob("*.png"))) < count:
        time.sleep(0.02)
    nodes.remove_node(node, allow_graceful=False)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


if __name__ == "__main__":
    app()
