"""The service measured: how long a move of the dial takes, and what thousands of requests do to it.

    python benchmarks/serve.py dial [--model fast] [--size 640x480] [--moves 60] [--browser]
    python benchmarks/serve.py load [--model tiny] [--size 640x480] [--requests 3000] [--clients 100] [--broken 0.2]

Both start ``dfuse serve`` as a process of its own. ``dial`` times moves as the page makes them: hashes instead of
files, a JPEG back, no metrics; from the request to the last byte, or with ``--browser`` (needs Playwright and
Chromium) from the input event to the decoded picture. ``load`` sends pairs from so many clients at once, a part of
them cut off, too large, or no pictures, and prints answers a second and the memory of the process as it goes on.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

BOUNDARY = "dfuse-benchmark"
WARM = 3  # moves before those that are timed
STEPS = 6  # lines of the table of memory

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def dial(
    model: Annotated[str, typer.Option(help="Weights.")] = "fast",
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    moves: Annotated[int, typer.Option(min=5, help="Moves that are timed.")] = 60,
    browser: Annotated[bool, typer.Option("--browser", help="In a browser, to the decoded picture.")] = False,
) -> None:
    """Prints milliseconds, and over HTTP the CPU time of the service a move, which depends less on what else runs."""
    say_load()
    with service(model) as port:
        seconds = in_browser(port, model, size, moves) if browser else over_http(port, model, size, moves)
    ranked = sorted(1000 * each for each in seconds)
    print(
        f"{model}, {size}, {'browser' if browser else 'HTTP'}: {ranked[0]:.0f} ms at best, "
        f"median {statistics.median(ranked):.0f} ms, 95 % {ranked[int(0.95 * len(ranked))]:.0f} ms, {len(ranked)} moves"
    )


@app.command()
def load(
    model: Annotated[str, typer.Option(help="Weights.")] = "tiny",
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    requests: Annotated[int, typer.Option(min=STEPS, help="Requests in all.")] = 3000,
    clients: Annotated[int, typer.Option(min=1, help="Clients at once.")] = 100,
    broken: Annotated[float, typer.Option(min=0, max=1, help="Part of them that is wrong in some way.")] = 0.2,
) -> None:
    """Prints a line now and then: requests, answers by status, rate, memory."""
    say_load()
    bodies = [form(pair(kind, size), {"metrics": "false", "hold": hold, "model": model})
              for kind in ("day", "night") for hold in ("true", "false")]  # fmt: skip
    statuses: Counter[str] = Counter()
    waited: list[float] = []
    with service(model) as port:
        print(f"started: {memory(port)}")
        for step in range(STEPS):
            start = time.perf_counter()
            with_clients(port, bodies, requests // STEPS, clients, broken, statuses, waited)
            rate = requests // STEPS / (time.perf_counter() - start)
            counts = ", ".join(f"{status} {count}" for status, count in sorted(statuses.items()))
            print(f"{(step + 1) * (requests // STEPS)} requests: {rate:.0f} a second, {memory(port)} ({counts})")
    ranked = sorted(waited)
    print(f"a picture took {statistics.median(ranked):.2f} s (median), {ranked[int(0.95 * len(ranked))]:.2f} s (95 %)")


@contextlib.contextmanager
def service(model: str) -> Iterator[int]:
    """The port of a service that runs as a process of its own."""
    command = [sys.executable, "-m", "diffuse_fuse", "serve", "--port", "0", "--model", model]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        found = re.search(r":(\d+)/", line)
        if not found:
            raise SystemExit(line + process.stderr.read())
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield int(found[1])
    finally:
        process.terminate()
        process.wait(10)


def over_http(port: int, model: str, size: str, moves: int) -> list[float]:
    """Seconds of each move on a connection that stays open, as a browser's does."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    first = ask(connection, form(pair("day", size), {"hold": "true", "model": model}))
    named = {side: first[side] for side in ("ir_sha256", "vis_sha256")}
    seconds, fusing = [], []
    for move in range(moves + WARM):
        if move == WARM:
            cpu = number(port, "process_cpu_seconds_total")
        fields = {
            **named,
            "balance": f"{move / (moves + WARM):.3f}",
            "model": model,
            "metrics": "false",
            "format": "jpg",
        }
        start = time.perf_counter()
        fusing.append(float(ask(connection, form({}, fields))["seconds"]))
        seconds.append(time.perf_counter() - start)
    cpu = (number(port, "process_cpu_seconds_total") - cpu) / moves
    rest = statistics.median(all_of_it - fusion for all_of_it, fusion in zip(seconds, fusing, strict=True))
    print(
        f"of a move {1000 * statistics.median(fusing):.0f} ms are the fusion, {1000 * rest:.0f} ms the rest (median); "
        f"{1000 * cpu:.0f} ms of CPU time"
    )
    return seconds[WARM:]


def in_browser(port: int, model: str, size: str, moves: int) -> list[float]:
    """Seconds from each input event to the decoded picture."""
    from playwright.sync_api import sync_playwright

    files = [
        {"name": f"x_{side}.png", "mimeType": "image/png", "buffer": data} for side, data in pair("day", size).items()
    ]
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = opened.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector(f"#model option[value={model}]", state="attached")
        page.set_input_files("#files", files)
        page.wait_for_selector("#facts tr")
        page.select_option("#model", model)
        page.wait_for_timeout(1000)
        page.wait_for_selector("#metrics tr")
        seconds = page.evaluate(MOVES, moves + WARM)
        opened.close()
    return [each / 1000 for each in seconds[WARM:]]


MOVES = """async (moves) => {
  const [dial, image] = [document.querySelector("#balance"), document.querySelector("#right-image")];
  const times = [];
  for (let move = 0; move < moves; move += 1) {
    const shown = new Promise((done) => { image.addEventListener("load", done, { once: true }); });
    const start = performance.now();
    dial.value = String((move % 100) / 100);
    dial.dispatchEvent(new Event("input", { bubbles: true }));
    await shown;
    await image.decode();
    times.push(performance.now() - start);
    await new Promise((done) => { setTimeout(done, 60); });
  }
  return times;
}"""


def with_clients(
    port: int,
    bodies: list[bytes],
    requests: int,
    clients: int,
    broken: float,
    statuses: Counter[str],
    waited: list[float],
) -> None:
    """Sends so many requests from so many threads."""
    left = list(range(requests))
    lock = threading.Lock()

    def client(seed: int) -> None:
        chance = random.Random(seed)
        while True:
            with lock:
                if not left:
                    return
                left.pop()
            wrong = chance.random() < broken
            start = time.perf_counter()
            status = spoilt(port, chance.choice(bodies), chance) if wrong else answered(port, chance.choice(bodies))
            with lock:
                statuses[status] += 1
                if status == "200":
                    waited.append(time.perf_counter() - start)
            if status == "429":
                time.sleep(0.2)

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def answered(port: int, body: bytes) -> str:
    """The status of an ordinary request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/fuse", body, head())
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()


def spoilt(port: int, body: bytes, chance: random.Random) -> str:
    """What becomes of a request that is cut off, abandoned, damaged, or claims to be huge."""
    kind = chance.choice(("cut", "abandoned", "damaged", "huge"))
    if kind == "cut":
        return answered(port, body[: chance.randrange(len(body))])
    if kind == "damaged":
        at = chance.randrange(len(body) - 2000)
        return answered(port, body[:at] + chance.randbytes(1500) + body[at + 1500 :])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.putrequest("POST", "/fuse")
        for name, text in head().items():
            connection.putheader(name, text)
        connection.putheader("Content-Length", str(len(body) if kind == "abandoned" else 10**12))
        connection.endheaders()
        connection.send(body[: len(body) // 2])
        if kind == "abandoned":
            return "abandoned"
        return str(connection.getresponse().status)
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()


def ask(connection: http.client.HTTPConnection, body: bytes) -> dict[str, Any]:
    """What the header of an answer says."""
    connection.request("POST", "/fuse", body, head())
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise SystemExit(content.decode())
    return json.loads(answer.getheader("Dfuse-Result"))


def number(port: int, name: str) -> float:
    """One of the numbers that the service says of itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    found = re.search(rf"^{name} (\S+)$", connection.getresponse().read().decode(), re.MULTILINE)
    connection.close()
    return float(found[1]) if found else float("nan")


def memory(port: int) -> str:
    """Resident memory of the service."""
    return f"{number(port, 'process_resident_memory_bytes') / 1e6:.0f} MB"


def head() -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(files: dict[str, bytes], fields: dict[str, object]) -> bytes:
    """A multipart body."""
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{start}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    parts += [
        f'{start}"{name}"; filename="{name}.png"\r\n\r\n'.encode() + data + b"\r\n" for name, data in files.items()
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def pair(kind: str, size: str) -> dict[str, bytes]:
    """The rendered street as PNG files."""
    from scene import render

    def png(array: np.ndarray) -> bytes:
        return cv2.imencode(".png", array if array.ndim == 2 else array[..., ::-1])[1].tobytes()

    width, height = map(int, size.split("x"))
    return dict(zip(("ir", "vis"), map(png, render(kind, width, height)), strict=True))


def say_load() -> None:
    """How busy the machine is before: nothing else should run."""
    if hasattr(os, "getloadavg"):
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")


if __name__ == "__main__":
    app()
