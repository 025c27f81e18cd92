"""Log lines of many processes through one writer: whole, in order, whatever becomes of writer and reader."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from stanchion.cluster.relay import LONGEST_LINE, Relay
from stanchion.telemetry.log_lines import LineWriter

PROGRAM = """\
import sys
from stanchion.telemetry.log_lines import LineWriter
writer = LineWriter(1, bound=int(sys.argv[2]))
name = sys.argv[1]
for number in range(int(sys.argv[3])):
    more = "".join(f"\\n  {name} {number} " + "x" * (number * 37 % 900) for _ in range(number % 4))
    writer.write_record(f"{name} {number} begins{more}\\n  {name} {number} ends")
print(writer.lines, writer.dropped, file=sys.stderr, flush=True)
"""
WRITES_ALL = PROGRAM + "writer.finish(60)\n"
LINGERS = PROGRAM + "writer.finish(60)\nimport time\ntime.sleep(60)\n"
RECORD = re.compile(r"(\w+) (\d+) begins\n(?:  \1 \2 x*\n)*  \1 \2 ends\n")

Writer = subprocess.Popen[bytes]
Start = Callable[..., Writer]


@pytest.fixture
def output(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A file to relay to."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    yield descriptor, path
    os.close(descriptor)


@pytest.fixture
def start() -> Iterator[Start]:
    """`start(relay, program, "name", bound, records)`: a process that writes to the relay by a pipe of its own."""
    processes: list[Writer] = []

    def begin(relay: Relay, program: str, name: str, bound: int, records: int) -> Writer:
        read_end, write_end = os.pipe()
        command = [sys.executable, "-c", program, name, str(bound), str(records)]
        processes.append(subprocess.Popen(command, stdout=write_end, stderr=subprocess.PIPE))
        os.close(write_end)
        relay.add(read_end)
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def counted(process: Writer) -> tuple[int, int]:
    """Lines taken and dropped, once the writer has written."""
    assert process.stderr is not None
    taken, dropped = process.stderr.readline().split()
    return int(taken), int(dropped)


def wait_until(true: Callable[[], bool]) -> None:
    """Fails after 20 seconds."""
    for _ in range(2_000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not become true")


def records(text: str) -> dict[str, list[int]]:
    """The numbers of each writer's records in order; every byte has to belong to a whole record."""
    found: dict[str, list[int]] = {}
    end = 0
    for record in RECORD.finditer(text):
        assert record.start() == end, text[end : record.end()]
        found.setdefault(record[1], []).append(int(record[2]))
        end = record.end()
    assert text[end:] == ""
    return found


def test_records_of_eight_processes_are_whole_and_in_their_order(output: tuple[int, Path], start: Start) -> None:
    relay = Relay(output[0])
    writers = [start(relay, WRITES_ALL, f"w{index}", 1 << 30, 5_000) for index in range(8)]
    for writer in writers:
        assert counted(writer) == (5_000, 0)
        assert writer.wait(60) == 0
    assert relay.close(60)
    assert records(output[1].read_text()) == {f"w{index}": list(range(5_000)) for index in range(8)}
    assert relay.statistics() == {"pipes": 0, "written": output[1].stat().st_size, "lost": 0}


def test_what_a_killed_writer_has_written_comes_out(output: tuple[int, Path], start: Start) -> None:
    relay = Relay(output[0])
    writer = start(relay, LINGERS, "killed", 1 << 30, 200)
    assert counted(writer) == (200, 0)
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    wait_until(lambda: relay.statistics()["pipes"] == 0)
    assert relay.close(10)
    found = records(output[1].read_text())
    assert found == {"killed": list(range(len(found["killed"])))}
    assert len(found["killed"]) > 50  # at least what the pipe held when it was killed


def test_a_record_that_a_kill_cut_short_does_not_spoil_the_next(output: tuple[int, Path]) -> None:
    relay = Relay(output[0])
    read_end, write_end = os.pipe()
    relay.add(read_end)
    os.write(write_end, b"whole\n\nhalf a rec")
    os.close(write_end)
    wait_until(lambda: relay.statistics()["pipes"] == 0)
    other_read, other_write = os.pipe()
    relay.add(other_read)
    LineWriter(other_write).write(b"another's\n")
    os.close(other_write)
    assert relay.close(10)
    assert output[1].read_text() == "whole\n\nhalf a rec\nanother's\n"


def read_until(log: int, enough: Callable[[bytes], bool]) -> bytes:
    """What arrives in a pipe until it is enough."""
    found = b""

    def more() -> bool:
        nonlocal found
        with suppress(BlockingIOError):
            found += os.read(log, 1 << 20)
        return enough(found)

    os.set_blocking(log, False)
    wait_until(more)
    return found


def test_writers_go_on_while_nobody_reads_and_nothing_is_torn(start: Start) -> None:
    log, stalled = os.pipe()
    relay = Relay(stalled)
    writers = [start(relay, WRITES_ALL, f"w{index}", 64 * 1024, 2_000) for index in range(3)]
    counts = [counted(writer) for writer in writers]  # they have come to their end though nothing was read
    assert all(dropped > 0 for _, dropped in counts)
    assert all(taken + dropped == 2_000 for taken, dropped in counts)
    taken_by_all = sum(taken for taken, _ in counts)
    numbers = records(read_until(log, lambda found: found.count(b" ends\n") >= taken_by_all).decode())
    assert [len(numbers[f"w{index}"]) for index in range(3)] == [taken for taken, _ in counts]
    assert all(sequence == sorted(sequence) for sequence in numbers.values())
    assert relay.close(10)
    os.close(log)
    os.close(stalled)


def test_it_is_not_waited_for_longer_than_told_where_nobody_reads() -> None:
    log, stalled = os.pipe()
    relay = Relay(stalled)
    read_end, write_end = os.pipe()
    relay.add(read_end)
    lines = b"".join(b"%d %s\n" % (number, b"x" * 100) for number in range(1_500))
    writer = LineWriter(write_end)
    writer.write(lines)
    assert not relay.close(0.05)
    assert read_until(log, lambda found: len(found) == len(lines)) == lines
    assert relay.close(10)
    for end in (log, stalled, write_end):
        os.close(end)


def test_a_line_without_an_end_is_written_in_pieces(output: tuple[int, Path]) -> None:
    relay = Relay(output[0])
    read_end, write_end = os.pipe()
    relay.add(read_end)
    for _ in range(LONGEST_LINE // 50_000 + 1):
        os.write(write_end, b"x" * 50_000)
    wait_until(lambda: relay.written > LONGEST_LINE)
    os.write(write_end, b"the end\n")
    os.close(write_end)
    assert relay.close(10)
    piece, end = output[1].read_text().splitlines()
    assert piece == "x" * (LONGEST_LINE // 50_000 + 1) * 50_000
    assert end == "the end"


def test_it_ends_with_what_is_in_the_pipes_of_writers_that_live_on(output: tuple[int, Path]) -> None:
    relay = Relay(output[0])
    read_end, write_end = os.pipe()
    relay.add(read_end)
    os.write(write_end, b"one\ntwo")
    assert relay.close(10)
    assert relay.close(10)
    assert output[1].read_text() == "one\ntwo\n"
    with pytest.raises(BrokenPipeError):
        os.write(write_end, b"too late\n")
    os.close(write_end)


def test_a_writer_that_never_stops_cannot_keep_it(output: tuple[int, Path]) -> None:
    relay = Relay(output[0])
    read_end, write_end = os.pipe()
    with subprocess.Popen(["yes", "a line like any other"], stdout=write_end, stderr=subprocess.DEVNULL) as writer:
        os.close(write_end)
        relay.add(read_end)
        wait_until(lambda: relay.written > 0)
        assert relay.close(20)
        assert writer.wait(20) != 0  # its pipe has lost its reader
    assert set(output[1].read_text().splitlines()[:-1]) == {"a line like any other"}


def test_lines_that_nobody_will_read_are_counted_and_the_relay_goes_on() -> None:
    log, output = os.pipe()
    os.close(log)
    relay = Relay(output)
    read_end, write_end = os.pipe()
    relay.add(read_end)
    os.write(write_end, b"one\n")
    wait_until(lambda: relay.lost == 4)
    os.write(write_end, b"two\n")
    os.close(write_end)
    assert relay.close(10)
    assert relay.statistics() == {"pipes": 0, "written": 0, "lost": 8}
    os.close(output)


def test_an_output_that_somebody_made_non_blocking_is_waited_for() -> None:
    log, output = os.pipe()
    os.set_blocking(output, False)
    relay = Relay(output)
    read_end, write_end = os.pipe()
    relay.add(read_end)
    sent = b"".join(b"%d %s\n" % (number, b"x" * 100) for number in range(5_000))
    writer = LineWriter(write_end, bound=1 << 30)
    writer.write(sent)
    found = read_until(log, lambda found: writer.flush() and len(found) == len(sent))
    assert found == sent
    assert repr(relay) == f"<Relay of 1 pipes to {output}>"
    os.close(write_end)
    assert relay.close(10)
    os.close(log)
    os.close(output)
