"""Two hosts of two workers on one Redis: what one worker invalidates, whoever is killed."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from msgspec import Struct

from stanchion.board import Board
from stanchion.cache.tags import Tags
from stanchion.cache.tags.tags import Stamp
from tests.limits.redis_server import RedisServer, needs_redis

ROOT = Path(__file__).parents[3]
TAG = "airport:JFK"

pytestmark = needs_redis


class Worker:
    """A process that follows the fleet."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        assert self._from.readline().strip() == "ready"

    def invalidate(self, tag: str) -> dict[str, int]:
        self._to.write(f"{tag}\n")
        self._to.flush()
        counts: dict[str, int] = json.loads(self._from.readline())
        return counts


class Host(Struct, eq=False):
    board: Board
    tags: Tags
    workers: list[Worker]


@pytest.fixture
def hosts(redis_server: RedisServer) -> Iterator[list[Host]]:
    with ExitStack() as stack:
        yield [_host(stack, redis_server.url) for _ in range(2)]


def _host(stack: ExitStack, url: str) -> Host:
    board = stack.enter_context(closing(Board.create(seats=2, series=1)))
    command = [sys.executable, "-m", "tests.cache.tags.worker", str(board.descriptor), url]
    processes = []
    for _ in range(2):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[board.descriptor],
        )
        stack.enter_context(process)
        stack.callback(process.kill)
        processes.append(process)
    return Host(board, Tags(board), [Worker(process) for process in processes])


def until(true: Callable[[], bool], seconds: float = 10) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.001)
    return time.monotonic() - began


def gone(hosts: list[Host], stamp: Stamp) -> bool:
    return not any(host.tags.valid(stamp) for host in hosts)


def test_what_any_worker_invalidates_is_invalid_on_both_hosts(hosts: list[Host]) -> None:
    for here in hosts:
        for worker in here.workers:
            stamp = hosts[0].tags.stamp([TAG])
            assert all(host.tags.valid(stamp) for host in hosts)
            worker.invalidate(TAG)
            assert not here.tags.valid(stamp)
            until(partial(gone, hosts, stamp), 1)
            until(lambda: hosts[0].tags.stamp([TAG]) == hosts[1].tags.stamp([TAG]))


def test_a_worker_that_is_killed_before_redis_is_back_has_left_it_to_the_other(
    redis_server: RedisServer, hosts: list[Host]
) -> None:
    here, there = hosts
    stamp = here.tags.stamp([TAG])
    redis_server.kill()
    while here.workers[0].invalidate("another")["following"]:
        time.sleep(0.02)
    counts = here.workers[0].invalidate(TAG)
    assert counts["marked"] == 2
    here.workers[0].process.kill()
    here.workers[0].process.wait()
    assert there.tags.valid(stamp)
    redis_server.start()
    until(lambda: not there.tags.valid(stamp))
    until(lambda: here.board.generations.numbers() == there.board.generations.numbers())
