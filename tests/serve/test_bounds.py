"""What a client may not do to the service: too much, too slowly, half, from elsewhere."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
import zlib

import numpy as np
import pytest

from tests.serve.client import BOUNDARY, form
from tests.serve.conftest import png, running

KIND = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"


def raw(port: int, sent: bytes, wait: float = 20) -> bytes:
    """What comes back for bytes as they are; b"" where the service just closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        connection.sendall(sent)
        found = b""
        try:
            while part := connection.recv(65536):
                found += part
        except ConnectionError:
            pass
        return found


def head(port: int, length: int) -> bytes:
    lines = ("POST /fuse HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {length}", "Connection: close", KIND)
    return "\r\n".join(lines).encode() + b"\r\n"


def test_a_huge_declared_size_is_refused_before_it_comes(service) -> None:
    answer = raw(service.port, head(service.port, 10**15))
    assert b" 413 " in answer.split(b"\r\n")[0] and b"64 MB" in answer


def test_a_body_without_a_size_is_counted() -> None:
    with running(max_bytes=100_000) as client:
        chunks = b"".join(b"%x\r\n%s\r\n" % (50_000, bytes(50_000)) for _ in range(4)) + b"0\r\n\r\n"
        start = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="ir"; filename="a"\r\n\r\n'.encode()
        request = head(client.port, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        answer = raw(client.port, request + b"%x\r\n%s\r\n" % (len(start), start) + chunks)
        assert b" 413 " in answer.split(b"\r\n")[0]


def test_a_truncated_form_is_said_to_be(service, pair) -> None:
    whole = form(pair)
    for cut in (len(whole) - 6, len(whole) // 2, 90, 20):
        answer = raw(service.port, head(service.port, cut) + whole[:cut])
        assert b" 400 " in answer.split(b"\r\n")[0], answer[:200]


def test_a_client_that_goes_away_costs_nothing(service, pair) -> None:
    whole = form(pair)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(head(service.port, len(whole)) + whole[: len(whole) // 2])
    assert until(lambda: service.get("/health").json["inside"] == 0)


def until(holds, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def test_a_slow_upload_ends() -> None:
    with running(seconds=1.0) as client:
        start = time.monotonic()
        answer = raw(client.port, head(client.port, 5000) + b"--")
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert time.monotonic() - start < 20


def test_work_that_takes_too_long_ends(street) -> None:
    ir, vis = street("day", 640, 480)
    files = {"ir": ("i.png", png(ir)), "vis": ("v.png", png(vis))}
    with running(seconds=0.001) as client:
        answer = client.post("/fuse", files)
        assert answer.status in (408, 503)  # the upload may take longer than that already
        assert until(lambda: client.get("/health").json["inside"] == 0)


def test_a_full_queue_says_when_to_come_again(pair) -> None:
    with running(queue=0, threads=1, seconds=20) as client:
        whole = form(pair)
        waiting = socket.create_connection(("127.0.0.1", client.port))
        waiting.sendall(head(client.port, len(whole)) + whole[:100])
        assert until(lambda: client.get("/health").json["inside"] == 1)
        answer = client.post("/fuse", pair)
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) >= 1
        waiting.close()
        assert until(lambda: client.get("/health").json["inside"] == 0)
        assert client.post("/fuse", pair).status == 200


def test_a_hundred_clients_at_once(service, pair) -> None:
    answers = []

    def ask() -> None:
        answers.append(service.post("/fuse", pair, {"metrics": "false"}))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 100
    assert {answer.status for answer in answers} <= {200, 429}
    good = [answer.body for answer in answers if answer.status == 200]
    assert len(good) >= 16 and len(set(good)) == 1  # side by side, and the same bytes


def png_bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(1 << 22), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_header(service, pair) -> None:
    for path, files in (("/fuse", {**pair, "ir": ("b.png", png_bomb(60000, 60000))}),
                        ("/inspect", {"file": ("b.png", png_bomb(60000, 60000))})):  # fmt: skip
        start = time.monotonic()
        answer = service.post(path, files)
        assert (answer.status, "claims 60000×60000 pixels" in answer.json["detail"]) == (413, True)
        assert time.monotonic() - start < 20  # a busy machine's; decoding would take minutes and gigabytes


def test_max_pixels(pair) -> None:
    with running(max_pixels=1000) as client:
        assert client.post("/fuse", pair).status == 413


@pytest.mark.parametrize("path", [
    "/page/../../../../etc/passwd", "/page/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/page/..%5c..%5cboot.ini", "/page/",
    "/etc/passwd", "//etc/passwd", "/page/page.html", "/weights/tiny.safetensors", "/page/sample/day_ir.jpg",
])  # fmt: skip
def test_no_path_of_the_server_is_reachable(service, path) -> None:
    answer = service.get(path)
    assert answer.status == 404
    assert b"root:" not in answer.body


def test_a_page_of_another_site_is_not_served(service, pair) -> None:
    other = service.post("/fuse", pair, Origin="https://evil.example")
    assert (other.status, "another site" in other.json["detail"]) == (403, True)
    own = service.post("/fuse", pair, {"metrics": "false"}, Origin=f"http://127.0.0.1:{service.port}")
    assert own.status == 200
    assert "access-control-allow-origin" not in own.headers
    assert service.get("/health", Host="evil.example").status == 421  # DNS rebinding


def test_cors_is_as_asked(pair) -> None:
    with running(cors=("https://lab.example",)) as client:
        answer = client.post("/fuse", pair, {"metrics": "false"}, Origin="https://lab.example")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://lab.example")
        assert "dfuse-result" in answer.headers["access-control-expose-headers"].lower()
        assert client.post("/fuse", pair, Origin="https://evil.example").status == 403


def test_two_of_one_part_and_unknown_files_are_refused(service, pair) -> None:
    twice = form(pair)[: -len(f"--{BOUNDARY}--\r\n")] + form({"ir": pair["ir"]})
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert service.ask("POST", "/fuse", twice, kind).status in (400, 422)
    assert service.post("/fuse", {"other": pair["ir"]}).status == 422
    assert service.ask("POST", "/fuse", b"{}", {"Content-Type": "application/json"}).status == 415
    assert service.ask("POST", "/fuse", b"x", {"Content-Type": "multipart/form-data"}).status == 400


def test_no_upload_touches_the_disk(pair, monkeypatch, street) -> None:
    import tempfile

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file")

    large = np.random.default_rng(0).integers(256, size=(900, 1200, 3), dtype=np.uint8)  # three megabytes as a PNG
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with running() as client:
        answer = client.post("/inspect", {"file": ("large.png", png(large))})
        assert (answer.status, answer.json["width"]) == (200, 1200)


def test_a_keep_alive_connection_serves_many(service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
    connection.close()


@pytest.mark.parametrize(("error", "status", "text"), [
    (RuntimeError("/secret/path"), 500, "a bug in dfuse: RuntimeError"), (MemoryError(), 503, "not enough memory"),
])  # fmt: skip
def test_what_nobody_expected_tells_no_path(pair, monkeypatch, caplog, error, status, text) -> None:
    from diffuse_fuse.serve.work import Work

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Work, "answer", fail)
    with running() as client:
        answer = client.post("/fuse", pair)
        assert (answer.status, text in answer.json["detail"]) == (status, True)
        assert b"secret" not in answer.body and answer.headers["x-content-type-options"] == "nosniff"
        assert ("/secret/path" in caplog.text) == (status == 500)
        assert client.get("/health").json["inside"] == 0
