"""Names of series: the same index in every process, whole, distinct, and never more than there is room for."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.board import Board
from stanchion.board.layout import MALFORMED, OTHER, RESERVED, UNMATCHED

text = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates and NUL among them


@pytest.fixture
def board() -> Iterator[Board]:
    with closing(Board.create(seats=1, series=4)) as board:
        yield board


def test_three_series_are_there_from_the_start(board: Board) -> None:
    assert board.series.names() == [("", route) for route in RESERVED]
    assert board.series.intern("", "(other)") == OTHER
    assert board.series.intern("", "(unmatched)") == UNMATCHED
    assert board.series.intern("", "(malformed)") == MALFORMED
    assert len(board.series) == 3


def test_a_name_keeps_its_index(board: Board) -> None:
    assert [board.series.intern("GET", "/a"), board.series.intern("POST", "/a")] == [3, 4]
    assert board.series.intern("GET", "/a") == 3
    assert board.series.names()[3:] == [("GET", "/a"), ("POST", "/a")]


def test_names_beyond_the_last_share_one(board: Board) -> None:
    assert [board.series.intern("GET", f"/{i}") for i in range(6)] == [3, 4, 5, 6, OTHER, OTHER]
    assert board.series.intern("GET", "/2") == 5
    assert len(board.series.names()) == 7
    assert repr(board.series) == "<SeriesRegistry 7 of 7>"


def test_another_process_that_is_behind_finds_what_is_there(board: Board) -> None:
    other = Board.attach(board.descriptor)
    assert [board.series.intern("GET", f"/{i}") for i in range(3)] == [3, 4, 5]
    assert other.series.intern("GET", "/1") == 4
    assert other.series.intern("GET", "/new") == 6
    assert board.series.intern("GET", "/late") == OTHER
    assert board.series.names() == other.series.names()


def test_a_long_name_is_cut_at_a_character(board: Board) -> None:
    index = board.series.intern("M" * 20, "/" + "é" * 200)
    method, route = board.series.names()[index]
    assert method == "M" * 12 + "…"
    assert route == "/" + "é" * 117 + "…"
    assert board.series.intern("M" * 21, "/" + "é" * 201) == index


def test_a_lone_surrogate_is_spelt_out(board: Board) -> None:
    index = board.series.intern("GET", "/\udc80")
    assert board.series.names()[index] == ("GET", "/\\udc80")


@settings(deadline=None)
@given(st.lists(st.tuples(text, text), max_size=12))
def test_any_names(names: list[tuple[str, str]]) -> None:
    board = Board.private(series=8)
    indices = [board.series.intern(*name) for name in names]
    known = board.series.names()
    assert len(set(known)) == len(known) <= 11
    assert [board.series.intern(*name) for name in names] == indices
    for (method, route), index in zip(names, indices, strict=True):
        if index != OTHER and (method + route).isascii() and len(method) <= 15 and len(route) <= 239:
            assert known[index] == (method, route)
