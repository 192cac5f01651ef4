"""TIDs: unique, ascending, and valid by the specification."""

import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elonara.atproto.tid import TidClock, decode, encode, is_tid, new_tid


@given(st.integers(0, (1 << 53) - 1), st.integers(0, 1023))
def test_a_tid_can_be_decoded(microseconds, clock_id):
    tid = encode(microseconds, clock_id)
    assert is_tid(tid)
    assert decode(tid) == (microseconds, clock_id)


@given(st.integers(0, (1 << 53) - 1), st.integers(0, (1 << 53) - 1))
def test_tids_sort_like_their_times(one, other):
    assert (encode(one, 0) < encode(other, 0)) == (one < other)


@pytest.mark.parametrize("text", ["3jzfcijpj2z2a", "7777777777777", "3zzzzzzzzzzzz", "2222222222222"])
def test_the_examples_of_the_specification_are_tids(text):
    assert is_tid(text)
    assert encode(*decode(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3jzfcijpj2z21",
        "0000000000000",
        "3jzfcijpj2z2aa",
        "3jzfcijpj2z2",
        "3jzf-cij-pj2z-2a",
        "zzzzzzzzzzzzz",
        "kjzfcijpj2z2a",
        "3JZFCIJPJ2Z2A",
        "3jzfcijpj2z2a\n",
    ],
)
def test_the_counterexamples_are_not(text):
    assert not is_tid(text)
    with pytest.raises(ValueError, match="not a TID"):
        decode(text)


def test_a_new_tid_has_the_current_time():
    assert abs(decode(new_tid())[0] / 1e6 - time.time()) < 5


def test_many_threads_never_get_the_same_tid_and_each_sees_them_ascend():
    found = []

    def take():
        mine = [new_tid() for _ in range(2000)]
        assert mine == sorted(mine)
        found.extend(mine)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 16_000


@given(st.lists(st.integers(0, 10**18), min_size=2, max_size=30))
def test_tids_ascend_whatever_the_clock_does(times):
    moments = iter(times)
    clock = TidClock(now_ns=lambda: next(moments))
    tids = [clock.next() for _ in times]
    assert tids == sorted(set(tids))


def test_with_the_clock_set_back_an_hour_tids_go_on_from_the_last():
    moments = iter([10**18, 10**18 - 3600 * 10**9, 10**18 + 10**9])
    clock = TidClock(now_ns=lambda: next(moments))
    first, second, third = (decode(clock.next())[0] for _ in range(3))
    assert (second - first, third - first) == (1, 1_000_000)


def test_clock_ids_are_drawn_at_random():
    assert len({decode(TidClock().next())[1] for _ in range(100)}) > 50


def test_forked_processes_draw_clock_ids_of_their_own():
    # In a process of its own, because forking this one, which has threads, is not safe.
    code = """
import os
from elonara.atproto.tid import new_tid
for _ in range(5):
    if (pid := os.fork()) == 0:
        os.write(1, new_tid().encode() + b"\\n")
        os._exit(0)
    os.waitpid(pid, 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len({decode(tid)[1] for tid in done.stdout.split()}) > 1
