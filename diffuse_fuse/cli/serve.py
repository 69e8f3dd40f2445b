"""``dfuse serve``: a page to fuse pictures on, and the same over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from diffuse_fuse.cli.options import Device

_MEGABYTE = 1_000_000


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen at; 0.0.0.0 admits other machines.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="Port; 0 takes any free one.")] = 8000,
    model: Annotated[str, typer.Option(metavar="NAME|FILE", help="Weights for requests that name none.")] = "default",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads to use.")] = None,
    max_mb: Annotated[float, typer.Option(min=0.1, metavar="MB", help="Largest request body.")] = 64,
    max_pixels: Annotated[
        int, typer.Option(min=1, metavar="N", help="Largest picture; larger ones are refused.")
    ] = 50_000_000,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Time limit in seconds of an upload, and of the work on it.")
    ] = 60,
    queue: Annotated[
        int, typer.Option(min=0, metavar="N", help="Requests that may wait; further ones get status 429.")
    ] = 16,
    held_mb: Annotated[
        float, typer.Option(min=0, metavar="MB", help="Memory for pictures that the page's dial reuses for 15 minutes.")
    ] = 256,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN", help="Let pages of this origin call the service; may be repeated; * allows all."
        ),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
) -> None:
    """Serve a page that fuses pictures, and an HTTP API that does the same, until Ctrl-C.

    The command prints the address of the page; the API is documented at /docs. The service stores no pictures on disk,
    and admits only this machine unless --host says otherwise.
    """
    from diffuse_fuse.extras import need

    for package in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
        need(package, "serve")
    from diffuse_fuse.serve import Settings
    from diffuse_fuse.serve import serve as run

    settings = Settings(
        host=host,
        port=port,
        model=model,
        device=device.value,
        threads=threads,
        max_bytes=round(max_mb * _MEGABYTE),
        max_pixels=max_pixels,
        seconds=timeout,
        queue=queue,
        held_bytes=round(held_mb * _MEGABYTE),
        cors=tuple(cors or ()),
    )
    if not settings.is_local:
        typer.echo(
            f"Warning: --host {host}: anyone who can reach this machine can use the service, without a password and "
            "without encryption. Put it behind a proxy that adds both if you do not want that.",
            err=True,
        )

    def ready(address: str) -> None:
        if not quiet:
            typer.echo(f"dfuse runs at {address} (Ctrl-C stops it).", err=True)
        if open_page:
            import webbrowser

            webbrowser.open(address)

    run(settings, ready)
