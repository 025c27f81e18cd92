"""The memory: where it comes from, and what is said when there is none."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stanchion.board import Board, segment
from stanchion.errors import ConfigurationError


@pytest.fixture(params=["memory", "file"])
def descriptor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A segment of two pages, from memory and as on a system that has no memfd."""
    if request.param == "file":
        monkeypatch.delattr(os, "memfd_create")
    descriptor = segment.create(8192)
    yield descriptor
    os.close(descriptor)


def test_a_segment_is_zero_and_of_its_size(descriptor: int) -> None:
    assert os.fstat(descriptor).st_size == 8192
    assert os.pread(descriptor, 9000, 0) == bytes(8192)


def test_a_segment_can_be_inherited_and_has_no_name(descriptor: int) -> None:
    assert os.get_inheritable(descriptor)
    assert os.fstat(descriptor).st_nlink == 0


def test_two_mappings_are_the_same_memory(descriptor: int) -> None:
    with segment.shared(descriptor, 8192) as one, segment.shared(descriptor, 8192) as other:
        one[4096] = 7
        assert other[4096] == 7


def test_a_file_is_allocated_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    descriptor = segment.create(1 << 20)
    try:
        assert os.fstat(descriptor).st_blocks * 512 >= 1 << 20
    finally:
        os.close(descriptor)


def test_a_board_works_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with closing(Board.create(seats=1, series=4)) as board:
        assert board.series.intern("GET", "/") == 3
        assert board.generations.bump(1) == 1


NO_ROOM = """
import os, resource
from stanchion.board import Board
from stanchion.errors import ConfigurationError
del os.memfd_create
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    Board.create(seats=4, series=512)
except ConfigurationError as error:
    print(error)
"""


def test_no_room_is_an_error_at_start() -> None:
    done = subprocess.run([sys.executable, "-c", NO_ROOM], capture_output=True, text=True, timeout=30)
    assert f"bytes in {tempfile.gettempdir()}: File too large; make room" in done.stdout, done.stderr


def test_no_room_to_map_is_an_error_at_start() -> None:
    code = NO_ROOM.replace("del os.memfd_create", "").replace(
        "RLIMIT_FSIZE, (65536, 65536)", "RLIMIT_AS, (1<<29, 1<<29)"
    )
    code = code.replace("seats=4, series=512", "seats=64, series=65536")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert "cannot be mapped: Cannot allocate memory; raise `ulimit -v`" in done.stdout, done.stderr


def test_a_descriptor_that_is_closed_or_a_pipe_holds_no_board() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(ConfigurationError, match=f"descriptor {reader} holds no board: Illegal seek"):
            Board.attach(reader)
    finally:
        os.close(reader)
        os.close(writer)
    with pytest.raises(ConfigurationError, match="Bad file descriptor"):
        Board.attach(reader)


def test_a_file_of_something_else_is_not_a_board(tmp_path: Path) -> None:
    path = tmp_path / "other"
    for content in (b"", b"not a board", bytes(4096)):
        path.write_bytes(content)
        with path.open("r+b") as file, pytest.raises(ConfigurationError, match="not a board"):
            Board.attach(file.fileno())
