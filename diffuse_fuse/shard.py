"""Part I of N of a run, for machines that know nothing of each other: an array of Slurm, a job of Kubernetes.

Which part a pair belongs to follows from its name alone, so it is the same on every machine, each time, and stays the
same when other pairs come or go.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from diffuse_fuse.errors import UsageError

_WRITTEN = re.compile(r"(\d{1,9})/(\d{1,9})")


@dataclass(frozen=True)
class Shard:
    """Part ``index`` of ``count``, counted from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """ "3/8" → part 3 of 8. Raises UsageError."""
        match = _WRITTEN.fullmatch(text.strip())
        index, count = map(int, match.groups()) if match else (0, 0)
        if not 1 <= index <= count:
            raise UsageError(f"--shard takes part I of N as I/N, from 1/N to N/N, such as 3/8, not '{text}'.")
        return cls(index, count)

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def holds(self, name: str) -> bool:
        """Whether what is called ``name`` belongs to this part; of all parts of one ``count``, it does to one."""
        digest = hashlib.sha256(os.fsencode(name)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1
