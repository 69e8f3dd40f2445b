"""One process that damages and reads files, case by case; it says of each what became of it, one line of JSON each.

    python -m tests.fuzz.worker SEEDS SEED FIRST STEP END

The cases are FIRST, FIRST + STEP, … below END. Libraries are imported once. More than a gigabyte of memory, or ten
seconds of the processor for a case, ends the process: ``fuzz`` sees what it was doing.
"""

from __future__ import annotations

import faulthandler
import json
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import cv2
import numpy as np

from diffuse_fuse.machine import peak_memory
from tests.fuzz.damage import damaged
from tests.fuzz.others import other_damage
from tests.fuzz.readers import read
from tests.fuzz.structure import restructured
from tests.fuzz.text import reworded
from tests.images import flir_file as make

MEMORY = 1 << 30  # bytes: resident at most, libraries included, and what may be asked for beyond them
SECONDS = 10  # of the processor, for a case
_AGED = 700 << 20  # bytes resident between cases with which a process makes room for another
_HANGS = 60  # seconds of the clock
_LARGE = 0.006  # of the cases: each takes hundreds of times as long as another
_WORDS = (".npy", ".pgm", ".ppm", ".pbm")


def case(number: int, seed: int, small: list[Path], large: list[Path]) -> tuple[str, bytes, random.Random]:
    """The name of the file that is damaged, its damaged content, and what is random in reading it."""
    rng = random.Random(seed * 1_000_003 + number)
    if rng.random() < _LARGE:
        path = rng.choice(large)
        data = path.read_bytes()
        return path.name, data if rng.random() < 0.4 else restructured(data, rng), rng
    path = small[number % len(small)]
    data, choice = path.read_bytes(), rng.random()
    if choice < 0.6:
        data = other_damage(path.name, data, rng) or restructured(data, rng)
    elif choice < 0.7:
        data = _reworded(data, rng)
    if choice > 0.5:
        data = damaged(data, rng)
    return path.name, data, rng


def _reworded(data: bytes, rng: random.Random) -> bytes:
    """The text in a file: of its header, or the packet or note inside it."""
    for mark, end in ((b"<?xpacket begin", b"<?xpacket end"), (b"\x93NUMPY", b"\n"), (b"P", b"\n")):
        start = data.find(mark)
        if start >= 0 and (len(mark) > 1 or start == 0):
            start += 10 if mark.startswith(b"\x93") else 2
            stop = data.find(end, start)
            return reworded(data, rng, start, stop if stop > start else start + 40)
    return reworded(data, rng, 0, min(len(data), 200))


def main(folder: Path, seed: int, first: int, step: int, end: int) -> None:
    """Go through the cases; what libraries print goes to stderr."""
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    small, large = (sorted((folder / kind).iterdir()) for kind in ("small", "large"))
    cv2.setNumThreads(1)
    warnings.simplefilter("error")
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, chain=True)
    _import_all()
    _limit(resource.RLIMIT_DATA, _data() + MEMORY)
    with tempfile.TemporaryDirectory() as work:
        partner = Path(work) / "partner.png"
        partner.write_bytes(make.encode(".png", np.full((36, 40, 3), 99, np.uint8)))
        for number in range(first, end, step):
            name, data, rng = case(number, seed, small, large)
            path = Path(work) / (name if name in ("metrics.csv", "cache.jsonl") else f"case{Path(name).suffix}")
            path.write_bytes(data)
            result = _watched(path, name, partner, rng)
            path.unlink(missing_ok=True)
            told.write(json.dumps([number, name, *result]) + "\n")
            told.flush()
            if result[2] > MEMORY or _resident() > _AGED:
                break  # the next process begins with little again
    told.close()


def _watched(path: Path, name: str, partner: Path, rng: random.Random) -> tuple[str, float, int, str]:
    """What became of the file, seconds of the processor, peak memory in bytes, and what is wrong with that."""
    faulthandler.dump_traceback_later(_HANGS, exit=True)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is this case's from here on, not that of those before
    began = time.process_time()
    _limit(resource.RLIMIT_CPU, math.ceil(began) + SECONDS)
    outcome, wrong = "failed", ""
    try:
        outcome = read(path, name, partner, rng)
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"[:300]
    faulthandler.cancel_dump_traceback_later()
    peak = peak_memory() or 0
    if peak > MEMORY:
        wrong = wrong or f"took {peak >> 20} MB"
    return outcome, time.process_time() - began, peak, wrong


def _import_all() -> None:
    """What the readers would import on the way, so that it counts for no case."""
    from diffuse_fuse import batch, metrics_file  # noqa: F401
    from diffuse_fuse.evaluation import cache  # noqa: F401
    from diffuse_fuse.fusion import fuser  # noqa: F401
    from diffuse_fuse.training import state  # noqa: F401
    from diffuse_fuse.video import pairs  # noqa: F401

    for name in ("onnx", "onnxruntime", "av"):
        try:
            __import__(name)
        except ImportError:
            continue


def _data() -> int:
    """Bytes of private memory that the process has asked for."""
    return _status("VmData:")


def _resident() -> int:
    """Bytes that the process has, of cases before this one too: what the allocator keeps, and pieces in between."""
    return _status("VmRSS:")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _limit(what: int, soft: int) -> None:
    resource.setrlimit(what, (soft, resource.getrlimit(what)[1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:6]))
