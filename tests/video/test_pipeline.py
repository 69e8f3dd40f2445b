"""Three stages at once, in order and bounded; and what happens when one of them fails."""

from __future__ import annotations

import threading
import time

import pytest

from diffuse_fuse.video.pipeline import AHEAD, overlapped


def test_all_items_in_order_by_three_threads():
    threads, done = {}, []

    def items():
        for number in range(50):
            threads["read"] = threading.get_ident()
            yield number

    def work(number):
        threads["work"] = threading.get_ident()
        return number * 2

    def finish(number):
        threads["finish"] = threading.get_ident()
        done.append(number)

    overlapped(items(), work, finish)
    assert done == [2 * number for number in range(50)]
    assert len(set(threads.values())) == 3 and threads["work"] == threading.get_ident()


def test_the_stages_overlap():
    """Together they take little more than the slowest: these wait as decoders and encoders do."""

    def items():
        for number in range(12):
            time.sleep(0.03)
            yield number

    start = time.perf_counter()
    overlapped(items(), lambda item: time.sleep(0.03), lambda item: time.sleep(0.03))
    assert time.perf_counter() - start < 0.75 * 12 * 0.09


def test_reading_runs_ahead_a_few_items_only():
    read, most = [], []

    def items():
        for number in range(40):
            read.append(number)
            yield number

    def work(number):
        time.sleep(0.005)
        most.append(len(read) - number)

    overlapped(items(), work, lambda item: None)
    assert max(most) <= AHEAD + 3


def broken(numbers, at):
    for number in numbers:
        if number == at:
            raise ValueError("read")
        yield number


def fails(text, at):
    def stage(number):
        if number == at:
            raise ValueError(text)
        return number

    return stage


def test_what_was_read_before_an_error_is_finished():
    done = []
    with pytest.raises(ValueError, match="read"):
        overlapped(broken(range(9), 4), lambda x: x, done.append)
    assert done == [0, 1, 2, 3]
    done.clear()
    with pytest.raises(ValueError, match="work"):
        overlapped(iter(range(9)), fails("work", 5), done.append)
    assert done == [0, 1, 2, 3, 4]


def test_an_error_in_the_last_stage_ends_an_endless_video():
    def endless():
        number = 0
        while True:
            yield number
            number += 1

    with pytest.raises(ValueError, match="disk full"):
        overlapped(endless(), lambda x: x, fails("disk full", 7))
    assert not [thread for thread in threading.enumerate() if thread.daemon and "overlapped" in repr(thread)]


def test_asked_to_stop_it_finishes_what_was_worked_on():
    done = []
    overlapped(iter(range(10_000)), lambda x: x, done.append, stop=lambda: len(done) >= 5)
    assert done == list(range(len(done))) and 5 <= len(done) < 100


def test_several_at_once_are_finished_in_order():
    busy, most, done = set(), [], []

    def work(number):
        busy.add(number)
        most.append(len(busy))
        time.sleep(0.02 if number % 2 else 0.005)
        busy.remove(number)
        return number

    overlapped(iter(range(20)), work, done.append, at_once=2)
    assert done == list(range(20))
    assert max(most) == 2


def test_an_error_of_one_of_several_ends_the_rest():
    done = []
    with pytest.raises(ValueError, match="work"):
        overlapped(iter(range(10_000)), fails("work", 5), done.append, at_once=3)
    assert done == [0, 1, 2, 3, 4]
    assert threading.active_count() < 10
