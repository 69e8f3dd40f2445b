"""Pieces of work on a cluster: the words of --ray, what dies again and again, and what is said without Ray."""

import os

import pytest

from diffuse_fuse import cluster
from diffuse_fuse.cli.options import parse_cluster
from diffuse_fuse.cli.words import _with_address
from diffuse_fuse.cluster import Cluster, Lost, spread
from diffuse_fuse.errors import UsageError


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ir", "vi", "--ray"], ["ir", "vi", "--ray", "auto"]),
        (["--ray", "ir", "vi"], ["--ray", "auto", "ir", "vi"]),
        (["--ray", "-o", "out"], ["--ray", "auto", "-o", "out"]),
        (["--ray", "local", "ir"], ["--ray", "local", "ir"]),
        (["--ray", "10.0.0.1:6379", "ir"], ["--ray", "10.0.0.1:6379", "ir"]),
        (["--ray", "ray://head:10001"], ["--ray", "ray://head:10001"]),
        (["ir", "--", "--ray"], ["ir", "--", "--ray"]),
    ],
)
def test_the_address_may_be_left_out(words, expected):
    assert _with_address(words) == expected


def test_what_a_worker_needs_follows_from_the_options():
    assert parse_cluster(None, None, 4) is None
    assert parse_cluster("auto", None, None) == Cluster("auto", 1, 0.0)
    assert parse_cluster("auto", 0.25, 4) == Cluster("auto", 4, 0.25)
    with pytest.raises(UsageError, match="add --ray"):
        parse_cluster(None, 1.0, None)


def test_without_ray_it_says_what_to_install(monkeypatch):
    def missing(package, extra):
        raise UsageError(f"This needs the package {package}: in dfuse's folder, pip install '.[{extra}]'.")

    monkeypatch.setattr(cluster, "need", missing)
    with pytest.raises(UsageError, match=r"pip install '.\[ray\]'"):
        list(spread(Cluster(), list, [1]))


class Square:
    """Work that ends its process for some numbers."""

    def __call__(self):
        return self.work

    def work(self, number):
        if number == 3:
            os._exit(1)
        return number * number


@pytest.mark.slow
def test_a_piece_that_kills_its_workers_is_given_up_and_the_rest_is_done():
    pytest.importorskip("ray")
    found = dict(spread(Cluster("local"), Square(), range(6)))
    assert isinstance(found.pop(3), Lost)
    assert found == {0: 0, 1: 1, 2: 4, 4: 16, 5: 25}
