"""The scripts against the model, and how tables and messages are written."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.board.generations import MARK
from stanchion.cache.tags.scripts import changes, packed, unpacked
from tests.cache.tags.stores import COUNT, Model, Real
from tests.limits.redis_server import RedisServer, needs_redis

NOW = 1 << 51


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_a_table_is_read_as_it_was_written(numbers: list[int]) -> None:
    raw = packed(numbers)
    read = unpacked(raw, len(numbers))
    assert read is not None
    assert list(read) == numbers
    assert raw == b"".join(number.to_bytes(8, "big") for number in numbers)
    assert unpacked(raw, len(numbers) + 1) is None
    assert unpacked(None, 1) is None


def test_a_message_is_read() -> None:
    assert changes(b"") == []
    assert changes(b"7 9 0,4095 12 18446744073709551615") == [(7, 9, 0), (4095, 12, 2**64 - 1)]


@pytest.mark.parametrize("message", [b"7", b"7 9", b"7 9 x", b"7 9 0,", b"1 2 3 4"])
def test_a_message_of_others_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"values to unpack|invalid literal"):
        changes(message)


@pytest.fixture
def real(shared_redis: RedisServer) -> Iterator[Real]:
    real = Real(shared_redis.url)
    yield real
    real.close()


@needs_redis
def test_the_script_gives_each_mark_a_new_number_and_tells_it(real: Real) -> None:
    assert real.raise_marks([(1, MARK | 1)], 0) is None
    assert real.messages() == []
    before = list(real.merge([0] * COUNT))
    assert len(set(before)) == 1
    assert real.messages() == [[]]
    marks = [(7, MARK | 2), (7, MARK | 3), (4095, 2**64 - 1)]
    numbers = real.raise_marks(marks, 0)
    assert numbers is not None
    assert before[0] < numbers[0] < numbers[1]
    assert before[0] < numbers[2] < before[0] + 60_000_000  # microseconds of one clock
    told = [(cell, number, mark) for (cell, mark), number in zip(marks, numbers, strict=True)]
    assert real.messages() == [told]
    table = real.table()
    assert table is not None
    assert {cell: number for cell, number in enumerate(table) if number != before[0]} == {
        7: numbers[1],
        4095: numbers[2],
    }
    late = real.raise_marks([(8, MARK)], numbers[0] + 3_600_000_000)  # the server's clock was an hour ahead
    assert late == [numbers[0] + 3_600_000_001]


@needs_redis
def test_a_merge_takes_the_higher_number_and_tells_what_was_lost(real: Real) -> None:
    model = Model()
    for known in ({1: NOW + 5, 2: NOW + 6}, {1: NOW + 4, 2: NOW + 9, 3: NOW + 1}, {}):
        numbers = [known.get(cell, 0) for cell in range(COUNT)]
        here, there = model.merge(numbers), real.merge(numbers)
        assert (here[1], here[2]) == (there[1], there[2])
        assert real.messages() == model.messages()
    assert list(there[1:4]) == [NOW + 5, NOW + 9, NOW + 1]
    assert real.table() == there
