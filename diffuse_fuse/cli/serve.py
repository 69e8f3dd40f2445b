"""``dfuse serve``: a page to fuse pictures on, and the same over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from diffuse_fuse.cli.options import Device

_MEGABYTE = 1_000_000


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="Port; 0 takes any that is free.")] = 8000,
    model: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Weights that requests get which name none.")
    ] = "default",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads to use.")] = None,
    max_mb: Annotated[float, typer.Option(min=0.1, metavar="MB", help="Largest body of a request.")] = 64,
    max_pixels: Annotated[
        int, typer.Option(min=1, metavar="N", help="Largest picture; larger ones are refused.")
    ] = 50_000_000,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Seconds that an upload may take, and the work on it.")
    ] = 60,
    queue: Annotated[
        int, typer.Option(min=0, metavar="N", help="Requests that may wait; more are told to come again (429).")
    ] = 16,
    held_mb: Annotated[
        float, typer.Option(min=0, metavar="MB", help="Pictures held in memory for the page's dial, for 15 minutes.")
    ] = 256,
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let pages of this origin call the service; may be repeated; * is all."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
) -> None:
    """Serve a page to fuse pictures on, and the same for programs over HTTP, until Ctrl-C.

    The page is at the address that is printed; what programs can ask is at /docs. Nothing is stored, and only this
    machine gets in unless --host says otherwise.
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
            f"Warning: --host {host}: whoever reaches this machine can use the service, without a password and "
            "unencrypted. Put it behind a proxy that asks for one where that is not wanted.",
            err=True,
        )

    def ready(address: str) -> None:
        if not quiet:
            typer.echo(f"dfuse is at {address} (Ctrl-C ends it).", err=True)
        if open_page:
            import webbrowser

            webbrowser.open(address)

    run(settings, ready)
