"""The board between processes that were started, not forked, as workers are."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from stanchion.board import Board, Counter, Gauge

WRITER = """
import os, sys
from stanchion.board import Board, Counter, Gauge
board = Board.attach(int(sys.argv[1]))
seat, rounds = int(sys.argv[2]), int(sys.argv[3])
cells = board.row(seat).cells
cells[Gauge.PID] = os.getpid()
print("begun", flush=True)
sys.stdin.readline()
for turn in range(rounds):
    cells[Counter.SENT] += 1
    board.generations.bump(5)
    with board.exact.locked(5) as exact:
        exact[5] += 1
    board.series.intern("GET", f"/{turn % 100}")
print(*(board.series.intern("GET", f"/{i}") for i in range(100)), os.get_inheritable(board.descriptor))
"""

READER = """
import sys
from stanchion.board import Board
board = Board.attach(int(sys.argv[1]))
last, wrong = [0] * 500, 0
print("begun", flush=True)
while True:
    totals = board.totals()
    flat = [*totals.counters, *(cell for block in totals.series for cell in block)]
    wrong += any(new < old for new, old in zip(flat, last))
    last = flat
    if totals.counters[0] == 3000:
        break
print(wrong, last[0], last[len(totals.counters) + 3 * 112 + 2])
"""


@pytest.fixture
def board() -> Iterator[Board]:
    with closing(Board.create(seats=2, series=200)) as board:
        yield board


def started(code: str, board: Board, *arguments: int) -> subprocess.Popen[str]:
    """A process that has attached the board and waits for a line."""
    command = [sys.executable, "-c", code, str(board.descriptor), *map(str, arguments)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, pass_fds=[board.descriptor], stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_two_processes_count_exactly(board: Board) -> None:
    processes = [started(WRITER, board, seat, 4000) for seat in range(2)]
    assert [board.row(seat).cells[Gauge.PID] for seat in range(2)] == [process.pid for process in processes]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    with board.exact.locked(5) as cells:
        assert cells[5] == 8000
    assert board.generations.get(5) == 8000
    assert board.totals().counters[Counter.SENT - Counter.TASKS_BEGUN] == 8000
    assert outputs[0] == outputs[1]  # the same series by the same index
    *indices, inheritable = outputs[0].split()
    assert sorted(map(int, indices)) == list(range(3, 103))
    assert inheritable == "False"


def test_totals_never_go_back_while_seats_are_retired(board: Board) -> None:
    base = board.series_base(board.series.intern("GET", "/"))
    reader = started(READER, board)
    for turn in range(3000):
        cells = board.row(turn % 2).cells
        cells[base + 2] += 1
        cells[Counter.TASKS_BEGUN] += 1
        if turn % 5 == 0:
            board.retire(turn % 2)
    output, _ = reader.communicate(timeout=60)
    assert output.split() == ["0", "3000", "3000"]
