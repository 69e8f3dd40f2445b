"""``dfuse metrics``: which metrics there are, and what each of them means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from diffuse_fuse.cli.report import print_json
from diffuse_fuse.errors import UsageError
from diffuse_fuse.schema import headed

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from diffuse_fuse.metrics import Metric

_ARROWS = {"up": "↑", "down": "↓", "none": "·"}
_BETTER = {"up": "higher is better", "down": "lower is better", "none": "neither higher nor lower is better"}


def metrics(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Explain only this metric.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """List the metrics, or explain one: its definition, its pitfalls, and what other programs print."""
    from diffuse_fuse.metrics import CONVENTIONS, DEFAULT, REGISTRY

    if name is not None:
        metric = _find(name)
        if as_json:
            print_json(headed("metric", metric.as_dict()))
        else:
            _print(_explanation(metric))
    elif as_json:
        listed = [{**metric.as_dict(), "default": metric.name in DEFAULT} for metric in REGISTRY.values()]
        print_json(headed("metrics", {"metrics": listed, "conventions": CONVENTIONS}))
    else:
        _print(_overview(), _conventions())


def _find(name: str) -> Metric:
    """The metric of this name; capitals and hyphens do not matter where that is clear."""
    from difflib import get_close_matches

    from diffuse_fuse.metrics import REGISTRY

    if name in REGISTRY:
        return REGISTRY[name]
    plain = {each.lower(): each for each in REGISTRY}
    wanted = name.lower().replace("-", "_")
    if wanted in plain:
        return REGISTRY[plain[wanted]]
    close = [plain[each] for each in get_close_matches(wanted, plain, n=3, cutoff=0.5)]
    meant = f" Did you mean {' or '.join(close)}?" if close else ""
    raise UsageError(f"There is no metric {name!r}.{meant} dfuse metrics lists them.")


def _print(*parts: RenderableType) -> None:
    from rich.console import Console

    # no highlighting: numbers in prose are no data
    console = Console(highlight=False, markup=False)
    for part in parts:
        console.print(part)


def _overview() -> Table:
    from rich import box
    from rich.table import Table

    from diffuse_fuse.metrics import DEFAULT, REGISTRY

    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        caption="↑ higher is better, ↓ lower is better · * default set · ms: CPU time of a 640×480 pair",
        caption_justify="left",
    )
    table.add_column("metric", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("range", no_wrap=True)
    table.add_column("what it measures", ratio=1)
    table.add_column("input", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    for metric in REGISTRY.values():
        table.add_row(
            metric.name + ("*" if metric.name in DEFAULT else ""),
            _ARROWS[metric.direction],
            metric.range,
            metric.summary,
            "colour" if metric.colour else "luma",
            f"{metric.cost:g}",
        )
    return table


def _conventions() -> Table:
    from diffuse_fuse.metrics import CONVENTIONS

    table = _two_columns()
    for name, meaning in CONVENTIONS.items():
        table.add_row(name, meaning)
    table.title = "Conventions"
    table.title_justify = "left"
    table.caption = "dfuse metrics NAME explains one metric, and what each convention prints for it."
    table.caption_justify = "left"
    return table


def _explanation(metric: Metric) -> Table:
    from diffuse_fuse.metrics import DEFAULT

    table = _two_columns()
    table.title = f"{metric.name}: {metric.summary}"
    table.title_justify = "left"
    conventions = ", ".join(metric.variants)
    rows = {
        "definition": metric.equation,
        "paper": metric.paper,
        "range": f"{metric.range}, {_BETTER[metric.direction]}",
        "input": "colour" if metric.colour else "luma",
        "convention": f"plain: {metric.convention}",
        "differs in": conventions or "no convention",
        "others print": metric.others,
        "pitfalls": metric.pitfalls,
        "degenerate": metric.degenerate,
        "cost": f"{metric.cost:g} ms of CPU time for a 640×480 pair",
        "default set": "yes" if metric.name in DEFAULT else "no",
    }
    for label, text in rows.items():
        table.add_row(label, text)
    return table


def _two_columns() -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    return table
