"""The parts of the service that need no server."""

from __future__ import annotations

import pytest

from diffuse_fuse.errors import UsageError
from diffuse_fuse.serve import Settings
from diffuse_fuse.serve.admission import Admission, BusyError
from diffuse_fuse.serve.held import Held
from diffuse_fuse.serve.listed import in_fields
from diffuse_fuse.serve.run import address, listen
from diffuse_fuse.serve.upload import plain_name
from diffuse_fuse.serve.work import Patience, StoppedError


def test_held_is_bounded_by_bytes_the_least_used_goes_first() -> None:
    held: Held[str] = Held(100, 60)
    held.put("a", "A", 40)
    held.put("b", "B", 40)
    assert held.get("a") == "A"
    held.put("c", "C", 40)
    assert (held.get("a"), held.get("b"), held.get("c"), held.nbytes) == ("A", None, "C", 80)
    held.put("d", "D", 101)
    assert (held.get("d"), held.nbytes) == (None, 80)
    held.put("a", "again", 60)
    assert (held.get("a"), held.nbytes) == ("again", 100)


def test_held_is_bounded_by_time() -> None:
    now = [0.0]
    held: Held[str] = Held(100, 10, lambda: now[0])
    held.put("a", "A", 40)
    held.put("b", "B", 40)
    now[0] = 8
    assert held.get("a") == "A"
    now[0] = 12
    held.expire()
    assert (held.get("b"), held.nbytes, held.get("a")) == (None, 40, "A")


def test_nobody_waits_for_ever() -> None:
    patience = Patience(60)
    patience.check(1, 2)  # as a fuser tells of its rows
    patience.given_up = True
    with pytest.raises(StoppedError):
        patience.check()
    with pytest.raises(StoppedError):
        Patience(-1).check()


def test_admission_counts_and_tells_how_long() -> None:
    admission = Admission(1, 1, 100)
    admission.took(100.0)
    with admission.place(), admission.place():
        with pytest.raises(BusyError) as busy, admission.place():
            pass
        assert busy.value.seconds == 41  # a fifth of a hundred seconds each, two inside
    assert admission.inside == 0


def test_admission_bounds_the_bytes_of_all_bodies_together() -> None:
    admission = Admission(1, 5, 100)
    with admission.place() as take:
        take(60)
        with pytest.raises(BusyError), admission.place() as other:
            other(30)
            other(30)
        assert admission.nbytes == 60
        take(40)
    assert (admission.inside, admission.nbytes) == (0, 0)


@pytest.mark.parametrize(("given", "name"), [
    ("../../etc/passwd", "passwd"), ("C:\\x\\IR_1.jpg", "IR_1.jpg"), ("..", "ir"), (None, "ir"),
    ("a\x00\nb.png", "ab.png"), ("x" * 200 + ".tiff", "x" * 115 + ".tiff"), ("бег.png", "бег.png"),
])  # fmt: skip
def test_plain_names(given, name) -> None:
    assert plain_name(given, "ir") == name


def test_options_of_the_command_become_fields() -> None:
    assert in_fields("--thermal-range 1 2 shows it; --nodata VALUE leaves it out.") == (
        "thermal_range 1 2 shows it; nodata VALUE leaves it out."
    )


@pytest.mark.parametrize("wrong", [{"port": -1}, {"queue": -1}, {"seconds": 0}, {"cors": ("evil",)}, {"max_bytes": 0}])
def test_wrong_settings(wrong) -> None:
    with pytest.raises(UsageError):
        Settings(**wrong)


def test_a_port_that_is_taken_is_said() -> None:
    first = listen(Settings(port=0))
    try:
        first.listen()
        with pytest.raises(UsageError, match="another --port"):
            listen(Settings(port=first.getsockname()[1]))
    finally:
        first.close()
    with pytest.raises(UsageError, match="--host"):
        listen(Settings(host="no.such.host.invalid"))


def test_addresses() -> None:
    assert address("0.0.0.0", "0.0.0.0", 80) == "http://127.0.0.1:80/"
    assert address("::1", "::1", 80) == "http://[::1]:80/"
