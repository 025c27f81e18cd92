"""Processes that want the same: one makes it, whoever is killed, on the board and in Redis."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from stanchion.board import Board
from tests.cache.leases.asked import ROOT, Asking, go, heard
from tests.limits.redis_server import RedisServer, needs_redis


@pytest.fixture(params=["board", pytest.param("redis", marks=needs_redis)])
def asking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asking]:
    if request.param == "board":
        with closing(Board.create(seats=1, series=1)) as board:
            yield Asking(str(board.descriptor), tmp_path)
        return
    server = RedisServer(tmp_path)
    yield Asking(server.url, tmp_path)
    server.kill()


def test_four_processes_of_250_callers_make_one_call(asking: Asking) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(asking.process(250, 0.3)) for _ in range(4)]
        for process in processes:
            go(process)
        told = [heard(process) for process in processes]
    assert [(each["answers"], each["count"]) for each in told] == [(["answer"], 250)] * 4
    assert len(asking.calls) == 1


def test_no_two_processes_hold_one_lease_at_a_time() -> None:
    with closing(Board.create(seats=1, series=1)) as board, ExitStack() as stack:
        command = [sys.executable, "-m", "tests.cache.leases.contending", str(board.descriptor), "4000"]
        processes = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, pass_fds=[board.descriptor])
            )
            for _ in range(4)
        ]
        taken = [int(process.communicate(timeout=60)[0]) for process in processes]
        assert all(process.returncode == 0 for process in processes)
    assert min(taken) > 0


def test_a_holder_that_is_killed_is_followed(asking: Asking) -> None:
    with asking.process(0, 0) as holder, asking.process(100, 0) as follower:
        time.sleep(0.3)  # it has been renewed once
        go(follower)
        time.sleep(0.3)
        assert asking.calls == []
        holder.kill()
        killed = time.monotonic()
        told = heard(follower)
        assert time.monotonic() - killed < 5
    assert told["answers"] == ["answer"]
    assert asking.calls == [str(follower.pid)]


def test_a_leader_that_is_killed_amid_its_call_is_followed_by_one_other(asking: Asking) -> None:
    with ExitStack() as stack:
        leader = stack.enter_context(asking.process(100, 30))
        go(leader)
        while not asking.calls:
            time.sleep(0.01)
        others = [stack.enter_context(asking.process(100, 0.1)) for _ in range(2)]
        for other in others:
            go(other)
        time.sleep(0.2)
        leader.kill()
        killed = time.monotonic()
        told = [heard(other) for other in others]
        assert time.monotonic() - killed < 5  # the call that was begun would have taken 30 s
    assert [each["answers"] for each in told] == [["answer"]] * 2
    assert len(asking.calls) == 2
    assert asking.calls[1] in {str(other.pid) for other in others}
