"""Lines on a real pipe: whole or dropped, and never waited for."""

import os
import threading
from collections.abc import Iterator

import pytest

from stanchion.telemetry.log_lines import INNER_NEWLINE, LineWriter

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """The read end and the write end."""
    ends = os.pipe()
    os.set_blocking(ends[0], False)
    yield ends
    for end in ends:
        os.close(end)


def read(pipe: Pipe) -> bytes:
    """All that is in the pipe."""
    parts = []
    while True:
        try:
            parts.append(os.read(pipe[0], 1 << 20))
        except BlockingIOError:
            return b"".join(parts)


def test_lines_go_straight_through(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1])
    writer.write(b"one\ntwo\n")
    assert read(pipe) == b"one\ntwo\n"
    assert writer.statistics() == {"lines": 2, "dropped": 0, "kept": 0}


def test_a_record_of_many_lines_is_one_line_on_the_pipe(pipe: Pipe) -> None:
    LineWriter(pipe[1]).write_record("one\ntwo\0\ud800")
    assert read(pipe) == b"one" + INNER_NEWLINE + b"two\\x00\\ud800\n"


def test_what_does_not_fit_is_kept_then_dropped_and_nothing_is_torn(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1], bound=10_000)
    lines = [b"%06d %s\n" % (number, b"x" * (number % 700)) for number in range(5_000)]
    for start in range(0, 5_000, 10):
        writer.write(b"".join(lines[start : start + 10]))
    statistics = writer.statistics()
    assert statistics["lines"] + statistics["dropped"] == 5_000
    assert statistics["dropped"] > 1_000
    assert 0 < statistics["kept"] <= 10_000
    found = read(pipe)
    while not writer.flush():
        found += read(pipe)
    found += read(pipe)
    arrived = found.splitlines(keepends=True)
    assert len(arrived) == statistics["lines"]
    assert set(arrived) <= set(lines)
    assert arrived == sorted(arrived)


def test_after_a_stall_lines_flow_again(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1], bound=1_000)
    while not writer.dropped:
        writer.write(b"x" * 99 + b"\n")
    read(pipe)
    writer.write(b"again\n")
    assert read(pipe).endswith(b"x\nagain\n")
    assert writer.statistics()["kept"] == 0


def test_of_a_batch_what_fits_is_kept(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1], bound=25)
    while not writer.dropped:
        writer.write(b"x" * 4_095 + b"\n")  # a page each, so that the pipe is full to the last byte
    before = writer.statistics()
    assert before["kept"] == 0
    writer.write(b"123456789\n" * 4)
    after = writer.statistics()
    assert (after["kept"], after["lines"] - before["lines"], after["dropped"] - before["dropped"]) == (20, 2, 2)


def test_a_line_that_is_partly_out_is_kept_whatever_its_size(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1], bound=1_000)
    long = b"x" * 2_000_000 + b"\n"
    writer.write(long + b"dropped\n" * 1_000)
    assert writer.statistics() == {"lines": 1, "dropped": 1_000, "kept": writer.statistics()["kept"]}
    writer.write(b"dropped too\n")
    found = read(pipe)
    while not writer.flush():
        found += read(pipe)
    assert found + read(pipe) == long


def test_a_line_that_does_not_fit_at_all_is_dropped_whole(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1], bound=100)
    while not writer.dropped:
        writer.write(b"x" * 4_095 + b"\n")
    writer.write(b"short\n" + b"y" * 500 + b"\n")
    writer.write(b"z" * 500 + b"\n")
    found = read(pipe)
    writer.flush()
    found += read(pipe)
    assert found.endswith(b"x\nshort\n")


def test_a_reader_that_is_gone_costs_lines_and_no_exception() -> None:
    read_end, write_end = os.pipe()
    writer = LineWriter(write_end, bound=100)
    os.close(read_end)
    for _ in range(20):
        writer.write(b"123456789\n")
    assert writer.statistics() == {"lines": 10, "dropped": 10, "kept": 100}
    assert not writer.finish(60)
    os.close(write_end)


def test_at_the_end_it_waits_for_a_reader_as_long_as_told(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1])
    while not writer.statistics()["kept"]:
        writer.write(b"x" * 99 + b"\n")
    assert not writer.finish(0.01)
    reader = threading.Timer(0.05, read, [pipe])
    reader.start()
    assert writer.finish(30)
    reader.join()


def test_threads_do_not_tear_each_others_lines(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1], bound=1 << 30)

    def work(name: str) -> None:
        for number in range(2_000):
            writer.write_record(f"{name}{number}" + "\n  more" * (number % 5))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(pipe)
    while not writer.flush():
        found += read(pipe)
    arrived = (found + read(pipe)).decode().splitlines()
    for name in "abcd":
        mine = [line for line in arrived if line.startswith(name)]
        assert mine == [f"{name}{number}" + "\0  more" * (number % 5) for number in range(2_000)]


def test_its_repr_tells_what_is_kept(pipe: Pipe) -> None:
    assert repr(LineWriter(pipe[1])) == f"<LineWriter {pipe[1]}, 0 bytes kept, 0 lines dropped>"
