"""``dfuse bench``: how fast is this machine, and where does the time go?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from diffuse_fuse.cli import report
from diffuse_fuse.cli.options import BALANCE_HELP, Device, check_balance
from diffuse_fuse.errors import UsageError
from diffuse_fuse.schema import headed

if TYPE_CHECKING:
    from diffuse_fuse.bench import Bench


def bench(
    model: Annotated[str, typer.Option(metavar="NAME|FILE", help="Weights; dfuse models lists them.")] = "default",
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height of the pictures.")] = "640x480",
    runs: Annotated[int, typer.Option(min=1, metavar="N", help="Timed runs, after one warm-up run.")] = 5,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads to use.")] = None,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    balance: Annotated[str, typer.Option(metavar="auto|0..1", help=BALANCE_HELP)] = "auto",
    files: Annotated[
        bool, typer.Option("--files", help="Also time reading, metrics and writing of PNG files.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Time the fusion of one pair, from arrays to array, and measure the peak memory of the process.

    Run nothing else meanwhile. The command also prints the speed of a plain convolution, so that you can compare the
    times with those of another machine.
    """
    shape = _parse_size(size)
    weight = check_balance(balance)
    from diffuse_fuse import bench as benchmark
    from diffuse_fuse.cli.progress import progress_bar

    with progress_bar("timing", runs + 2, "run", hidden=quiet) as advance:
        result = benchmark.run(model, shape, runs, threads, device.value, files, advance, weight)
    if as_json:
        report.print_json(headed("bench", result.as_dict()))
    else:
        typer.echo(describe(result))


def describe(result: Bench) -> str:
    """The result as lines of text."""
    median, megapixels = result.median, result.width * result.height / 1e6
    network = f"{result.passes} × UNet and head" if "UNet" in result.stages else "student"
    threads = "1 thread" if result.threads == 1 else f"{result.threads} threads"
    rows = [
        ("loading the weights", f"{result.loading:.2f} s"),
        (
            "one pair",
            f"{median:.3f} s ({min(result.seconds):.3f} to {max(result.seconds):.3f}, {len(result.seconds)} runs)",
        ),
        ("", f"{1 / median:.1f} pairs/s, {median / megapixels:.2f} s a megapixel"),
        *((f"  {name}", f"{seconds:.3f} s") for name, seconds in result.stages.items()),
        *((name, f"{seconds:.3f} s") for name, seconds in result.files.items()),
        (
            "peak memory",
            "unknown on this system" if result.peak_memory is None else f"{result.peak_memory / 1e6:.0f} MB",
        ),
        ("network", f"{network}, {result.kmac_per_pixel:.1f} kMAC a pixel, {result.precision}"),
        ("3×3 convolutions here", f"{result.convolution_gflops:.0f} GFLOP/s"),
    ]
    return f"{result.model}, {result.width}×{result.height}, {threads}, {result.device}\n{report.table(rows)}"


def _parse_size(text: str) -> tuple[int, int]:
    """640x480 → (640, 480). Raises UsageError for anything else."""
    match = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text)
    if not match:
        raise UsageError(f"--size {text}: give width and height in pixels, such as --size 640x480.")
    return int(match[1]), int(match[2])
