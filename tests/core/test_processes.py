"""Processes by name."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys

from lstm_bench.core.processes import ProcessName


def test_a_name_is_read_as_it_is_written() -> None:
    name = ProcessName("a-host:of.ours", 12, 1700000000.25)
    assert ProcessName.parse(str(name)) == name
    assert ProcessName.parse("somebody") is None
    assert ProcessName.parse("host:12") is None


def test_this_process_runs_and_one_that_has_ended_does_not() -> None:
    current = ProcessName.current()
    assert (current.host, current.pid) == (platform.node(), os.getpid())
    assert current.is_here
    assert current.may_run
    assert ProcessName(current.host, current.pid).may_run
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not ProcessName(current.host, ended.pid).may_run


def test_a_later_process_of_the_same_number_is_another_one() -> None:
    current = ProcessName.current()
    assert current.started is not None
    assert not dataclasses.replace(current, started=current.started - 60).may_run
    assert dataclasses.replace(current, started=current.started + 1).may_run


def test_a_process_that_nobody_has_waited_for_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and stays a zombie
        assert not ProcessName(platform.node(), child.pid).may_run


def test_a_process_of_another_machine_may_run() -> None:
    other = ProcessName("elsewhere", 1)
    assert not other.is_here
    assert other.may_run
    assert ProcessName("", os.getpid()).is_here
