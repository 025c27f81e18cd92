"""`python -m tests.board.killing KILLS SEED`: forks writers, kills them at random instants, prints what it found.

The process has one thread and keeps no lock, so that a fork is a writer at once. Two write at a time. After the first
is killed the second must get on; after both are dead the board is looked at in every respect. What a writer has done is
known from cells of its own, raised before and after each step: the board may show what was done, or one step more.
"""

import gc
import json
import os
import random
import re
import sys
import time
from collections.abc import Callable
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from itertools import pairwise
from mmap import mmap
from signal import SIGKILL

from stanchion.board import Board, Counter
from stanchion.board.layout import BLOCK, HISTOGRAM, OUTCOMES, SET, WAYS
from stanchion.telemetry.meter import Meter

BEGUN, DONE, NAMES = range(3)
TOLD = 8
CELL, GENERATION = 77, 99
CLIENT = 2**63 + 5
FOR_EVER = 2**63
LONG = "x" * 150


State = tuple[int, int, int]


def one_more(state: State, now: int, cost: int, patience: int) -> tuple[State, None]:
    """A known client's step: both numbers are raised, one after the other."""
    return (FOR_EVER, state[1] + 1, state[1] + 1), None


def unknown(number: int, now: int) -> Callable[[State, int, int, int], tuple[State, None]]:
    """The step of a client that was never seen: its state repeats its key."""
    return lambda *_: ((now, number, number), None)


def write_for_ever(board: Board, names: Board, seat: int, number: int, told: memoryview) -> None:
    """What a worker does to a board, without a pause."""
    meter = Meter(board, seat)
    bases = [meter.series("GET", f"/{index}") for index in range(4)]
    turn = 0
    while True:
        meter.begin()
        meter.finish()
        meter.end(bases[turn % 4], 200, turn)
        told[BEGUN] += 1
        with board.exact.locked(CELL) as cells:
            cells[CELL] += 1
        board.generations.bump(GENERATION)
        board.clients.take(CLIENT, 1, one_more, 1, 0)
        told[DONE] += 1
        stranger = random.getrandbits(60) + 1
        names.clients.take(stranger, turn, unknown(stranger, turn), 1, 0)
        if turn % 32 == 0:
            told[NAMES] += 1
            names.series.intern("GET", f"/{number}/{turn // 32}/{LONG}")
        turn += 1


class Killing:
    """The boards, the writers, and what was found wrong."""

    def __init__(self, seed: int) -> None:
        self.board = Board.create(seats=2, series=8)
        self.names = Board.create(seats=1, series=65_536, clients=64)
        self.told = memoryview(mmap(-1, 4096)).cast("Q")  # shared with forks, as Python maps by default
        self.random = random.Random(seed)
        self.kills = 0
        self.raised = 0, 0, 0
        self.seen = len(self.names.series)
        self.named = 0
        self.totals = self.flat()
        self.wrong: list[str] = []

    def flat(self) -> list[int]:
        totals = self.board.totals()
        return [*totals.counters, *(cell for block in totals.series for cell in block)]

    def cells_of(self, seat: int) -> memoryview:
        return self.told[seat * TOLD : (seat + 1) * TOLD]

    def fork(self, seat: int) -> int:
        self.told[seat * TOLD : (seat + 1) * TOLD] = memoryview(bytes(TOLD * 8)).cast("Q")
        pid = os.fork()
        if pid == 0:
            try:
                write_for_ever(self.board, self.names, seat, self.kills + seat, self.cells_of(seat))
            finally:
                os._exit(1)
        return pid

    def kill(self, pid: int) -> None:
        os.kill(pid, SIGKILL)
        _, status = os.waitpid(pid, 0)
        self.expect(os.WTERMSIG(status) == SIGKILL, f"a writer ended by itself: {status}")

    def expect(self, true: bool, otherwise: str) -> None:
        if not true:
            self.wrong.append(f"after {self.kills} kills: {otherwise}")

    def round(self) -> None:
        first, second = self.fork(0), self.fork(1)
        time.sleep(self.random.uniform(0, 0.002))
        self.kill(first)
        self.expect(self.gets_on(self.cells_of(1)), "the other writer is stuck")
        time.sleep(self.random.uniform(0, 0.001))
        self.kill(second)
        self.locks()
        self.counters()
        self.exact()
        self.strangers()
        self.registry()
        self.kills += 2

    def gets_on(self, told: memoryview) -> bool:
        done, deadline = told[DONE], time.monotonic() + 5
        while told[DONE] < done + 2 and time.monotonic() < deadline:
            time.sleep(0)
        return told[DONE] >= done + 2

    def locks(self) -> None:
        for board in (self.board, self.names):
            try:
                lockf(board.descriptor, LOCK_EX | LOCK_NB)  # of every byte there may be
                lockf(board.descriptor, LOCK_UN)
            except OSError as error:
                self.expect(False, f"a lock is left held: {error}")

    def counters(self) -> None:
        for seat in range(2):
            row = self.board.row(seat).cells
            blocks = [row[self.board.series_base(i) :][:BLOCK].tolist() for i in range(len(self.board.series))]
            outcomes = sum(sum(block[:OUTCOMES]) for block in blocks)
            durations = sum(sum(block[HISTOGRAM:]) for block in blocks)
            steps = [row[Counter.TASKS_BEGUN], row[Counter.TASKS_ENDED], outcomes, durations]
            steps += [self.cells_of(seat)[BEGUN], self.cells_of(seat)[DONE]]
            in_order = all(more >= less for more, less in pairwise(steps))
            self.expect(in_order and steps[0] - steps[-1] <= 1, f"counted apart: {steps}")
        before = self.flat()
        self.board.retire(0)
        self.board.retire(1)
        after = self.flat()
        self.expect(all(new >= old for new, old in zip(before, self.totals, strict=False)), "totals went back")
        self.expect(after == before, "retiring changed the totals")
        self.expect(not any(self.board.row(0).cells) and not any(self.board.row(1).cells), "a row is left")
        self.totals = after

    def exact(self) -> None:
        done = sum(self.cells_of(seat)[DONE] for seat in range(2))
        begun = sum(self.cells_of(seat)[BEGUN] for seat in range(2))
        with self.board.exact.locked(CELL) as cells:
            now = cells[CELL], self.board.generations.get(GENERATION), self.known()
        for new, old in zip(now, self.raised, strict=True):
            self.expect(done <= new - old <= begun, f"raised by {new - old}, not by {done} to {begun}")
        self.raised = now

    def known(self) -> int:
        """How often the known client was counted."""

        def look(state: State, *_: int) -> tuple[None, State]:
            return None, state

        _, first, second = self.board.clients.take(CLIENT, 1, look, 1, 0)
        self.expect(first - second in (0, 1), f"a client's numbers are {first} and {second}")
        return first

    def strangers(self) -> None:
        """Whoever has an entry has it whole."""
        cells = self.names.clients._cells
        for base in range(0, len(cells), SET):
            keys, _, first, second = (cells[base + part * WAYS :][:WAYS].tolist() for part in range(4))
            torn = [each for each in zip(keys, first, second, strict=True) if each[0] and len(set(each)) > 1]
            self.expect(not torn, f"entries are torn: {torn}")

    def registry(self) -> None:
        names = self.names.series.names()
        new, self.seen = names[self.seen :], len(names)
        for seat in range(2):
            pattern = re.compile(rf"/{self.kills + seat}/(\d+)/{LONG}")
            numbers = [int(found[1]) for _, route in new if (found := pattern.fullmatch(route))]
            told = self.cells_of(seat)[NAMES]
            whole = numbers == list(range(len(numbers))) and told - len(numbers) in (0, 1)
            self.expect(whole, f"{told} names were given, these are left: {numbers}")
            new = [name for name in new if not pattern.fullmatch(name[1])]
            self.named += len(numbers)
        self.expect(not new, f"names nobody gave: {new}")
        if self.seen > 32_768:  # well before it is full
            self.names.close()
            self.names = Board.create(seats=1, series=65_536, clients=64)
            self.seen = len(self.names.series)


def main(kills: int, seed: int) -> None:
    """Kill until there were `kills`, or something is wrong; report as JSON."""
    killing = Killing(seed)
    gc.freeze()
    began = time.monotonic()
    while killing.kills < kills and not killing.wrong:
        killing.round()
    report = {
        "kills": killing.kills,
        "wrong": killing.wrong,
        "requests": killing.totals[0],
        "exact": killing.raised[0],
        "names": killing.named,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
