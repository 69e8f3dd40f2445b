"""Order, bounds, overlap and errors of the three stages, with functions that only count."""

import signal
import threading
import time

import pytest

from diffuse_fuse.batch.pipeline import Done, overlapped, read_all


class Big:
    def __init__(self, value, nbytes=1):
        self.value, self.nbytes = value, nbytes


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_come_in_order_whichever_thread_was_faster(workers, at_once):
    found = []

    def read(number):
        time.sleep(0.003 if number % 3 == 0 else 0)
        return Done(-number) if number % 5 == 0 else Big(number)

    def finish(big):
        time.sleep(0.004 if big.value % 4 == 0 else 0)
        return big.value

    def work(big):
        time.sleep(0.003 if big.value % 3 == 1 else 0)
        return Done(100) if big.value == 13 else big

    overlapped(range(40), read, work, finish, found.append, workers, at_once=at_once)
    assert found == [-n if n % 5 == 0 else 100 if n == 13 else n for n in range(40)]


@pytest.mark.parametrize("nbytes, most", [(1, 7), (1 << 28, 6), (1 << 30, 1)])
def test_what_is_held_at_once_is_limited(nbytes, most):
    lock, held, peak = threading.Lock(), 0, 0

    def count(change):
        nonlocal held, peak
        with lock:
            held += change
            peak = max(peak, held)

    def read(number):
        count(1)
        return Big(number, nbytes)

    def finish(big):
        time.sleep(0.002)
        count(-1)
        return big.value

    found = []
    overlapped(iter(range(60)), read, lambda big: big, finish, found.append, 2)
    assert found == list(range(60)) and min(2, most) <= peak <= most


def test_reading_and_finishing_go_on_while_the_work_is_done():
    """Ten items with 40 ms in each stage: one after the other that is 1.2 s, overlapped a little over 0.4 s."""

    def slow(value):
        time.sleep(0.04)
        return value

    start = time.perf_counter()
    overlapped(range(10), lambda n: slow(Big(n)), slow, slow, lambda _: None, 3)
    assert 0.4 < time.perf_counter() - start < 0.9


@pytest.mark.parametrize("nbytes, most", [(1 << 20, 3), (1 << 27, 1)])
def test_several_small_items_are_worked_on_at_once_and_large_ones_alone(nbytes, most):
    lock, busy, peak, where = threading.Lock(), 0, 0, set()

    def work(big):
        nonlocal busy, peak
        with lock:
            busy += 1
            peak = max(peak, busy)
            where.add(threading.current_thread())
        time.sleep(0.02)
        with lock:
            busy -= 1
        return big

    overlapped(range(20), lambda n: Big(n, nbytes), work, lambda b: b, lambda _: None, 2, at_once=3)
    assert peak == most and threading.current_thread() not in where


def test_after_stop_what_was_worked_on_is_emitted():
    worked, found = [], []
    overlapped(
        range(99), Big, lambda b: worked.append(b) or b, lambda b: b.value, found.append, 2, lambda: len(worked) == 4
    )
    assert found == [0, 1, 2, 3]


def test_an_error_in_one_of_several_at_once_goes_on_after_what_was_done_before_it():
    found = []

    def work(big):
        time.sleep(0.01 * big.value)
        if big.value >= 4:
            raise ValueError(big.value)
        return big

    with pytest.raises(ValueError):
        overlapped(range(40), Big, work, lambda b: b.value, found.append, 2, at_once=3)
    assert found == [0, 1, 2, 3]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_in_the_work_goes_on_after_what_was_done_before_it(error):
    found = []

    def work(big):
        if big.value == 3:
            raise error
        return big

    def finish(big):
        time.sleep(0.02)
        return big.value

    with pytest.raises(error):
        overlapped(range(99), Big, work, finish, found.append, 2)
    assert found == [0, 1, 2]


def test_an_error_in_a_thread_is_raised_here():
    def read(number):
        if number == 2:
            raise KeyError(number)
        return Big(number)

    found = []
    with pytest.raises(KeyError):
        overlapped(range(9), read, lambda big: big, lambda big: big.value, found.append, 2)
    assert found == [0, 1]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Ctrl-C cannot be sent to one thread there")
def test_a_second_interrupt_does_not_wait():
    """The thread that finishes hangs, as on a network drive that does not answer."""
    hangs, main = threading.Event(), threading.main_thread().ident

    def work(big):
        if big.value == 1:
            threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
            raise KeyboardInterrupt
        return big

    # a test run in the background of a script inherits that Ctrl-C is ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            overlapped(range(9), Big, work, lambda _: hangs.wait(20), lambda _: None, 2)
        assert time.perf_counter() - start < 5
    finally:
        signal.signal(signal.SIGINT, before)
        hangs.set()


def test_the_first_stage_alone():
    found = []
    read_all(range(5), lambda number: Done(number * 2), found.append, 2)
    assert found == [0, 2, 4, 6, 8]
    read_all([], lambda number: Done(number), found.append, 2)
    assert len(found) == 5
