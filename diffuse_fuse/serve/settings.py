"""What the service allows: addresses, and bounds on size, time and number."""

from __future__ import annotations

from dataclasses import dataclass

from diffuse_fuse.arguments import whole
from diffuse_fuse.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """How the service is run.

    host, port: where it listens; port 0 is any that is free. model: shipped weights by name, or a file, that requests
    get which name none. device, threads: as ``Fuser`` takes them. max_bytes: of a request's body. max_pixels: of one
    picture. seconds: that an upload may take, and the work on it. queue: requests that may wait besides those that
    are worked on. held_bytes, held_seconds: of what clients ask to be kept in memory. cors: origins of other pages
    that may call the service, "*" for all.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    model: str = "default"
    device: str = "auto"
    threads: int | None = None
    max_bytes: int = 64_000_000
    max_pixels: int = 50_000_000
    seconds: float = 60.0
    queue: int = 16
    held_bytes: int = 256_000_000
    held_seconds: float = 900.0
    cors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises UsageError for values that cannot be."""
        whole(self.port, "The port", least=0, most=65535)
        for value, name, least in (
            (self.max_bytes, "The largest body", 1),
            (self.max_pixels, "The largest number of pixels", 1),
            (self.queue, "The queue", 0),
            (self.held_bytes, "What is held in memory", 0),
        ):
            whole(value, name, least=least)
        if not self.seconds > 0:
            raise UsageError(f"The time of a request must be more than 0 seconds, not {self.seconds:g}.")
        for origin in self.cors:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise UsageError(
                    f"An origin begins with http:// or https://, such as https://example.org; not {origin}."
                )

    @property
    def is_local(self) -> bool:
        """True where only this machine can reach the service."""
        return self.host in LOOPBACK
