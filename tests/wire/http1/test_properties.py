"""What holds for any bytes on a connection, however they are cut."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.wire.memory import Played, Seen, Stage, comparable
from tests.wire.messages import streams
from tests.wire.reader import Answer, answers_in
from tests.wire.reference import Reading

MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
LIMITS = {"max_header_bytes": 4096, "max_request_line": 1024, "max_headers": 50, "max_pipelined": 3}
cuts = st.lists(st.integers(1, 40), max_size=12)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage(**LIMITS)
    yield stage
    stage.close()


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """The data in parts of these sizes, and the rest."""
    parts = []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    return [*parts, data]


def sound_answers(played: Played) -> list[Answer]:
    answers = answers_in(comparable(played.written), [seen.method for seen in played.seen])
    for answer in answers:
        assert answer.status < 500 or answer.status in (501, 505)
        assert answer.status == 200 or answer.closes  # a refusal is the last answer
    return answers


def told(played: Played) -> list[Any]:
    """The answers, but of a refusal only that it is one: of two faults either may be found first."""
    return [(answer if answer.status == 200 else "refused") for answer in sound_answers(played)]


def handled(played: Played) -> list[Seen]:
    """The requests that came to their end; a handler may or may not see the beginning of another."""
    return [seen for seen in played.seen if seen.body is not None]


@MANY
@given(streams | st.binary(max_size=200), cuts)
@example(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n" * 3, [70, 3])
def test_a_cut_changes_nothing(stage: Stage, caplog: Any, data: bytes, sizes: list[int]) -> None:
    whole = stage.play([data])
    for parts in (cut(data, sizes), [data[n : n + 1] for n in range(len(data))]):
        again = stage.play(parts)
        assert told(again) == told(whole)
        assert (handled(again), again.ended) == (handled(whole), whole.ended)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@MANY
@given(streams, cuts)
@example(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n6;;a=b\r\nabcdef\r\n0\r\n\r\n", [40])
def test_what_a_strict_reading_refuses_reaches_no_handler(stage: Stage, data: bytes, sizes: list[int]) -> None:
    played = stage.play(cut(data, sizes))
    allowed = Reading(data).requests
    assert len(played.seen) <= len(allowed)
    for seen, read in zip(played.seen, allowed, strict=False):
        assert (seen.method, seen.path, seen.query, seen.fields) == (read.method, read.path, read.query, read.fields)
        assert seen.body is None or seen.body == read.body


VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
RESERVED = {
    *("host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "proxy-connection", "cookie"),
    *("content-type", "authorization", "content-range"),
}
texts = st.text(VISIBLE, min_size=1, max_size=20)
values = st.builds("".join, st.lists(texts | st.sampled_from(["é", "\xff"]), max_size=4).map(" \t".join)).map(str.strip)
spellings = st.sampled_from([str.lower, str.upper, str.title])
blanks = st.sampled_from(["", " ", "  "])  # llhttp takes a tab behind most values, but not behind `chunked`
names = st.text(TOKEN, min_size=1, max_size=12).filter(lambda name: name not in RESERVED)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, Seen]:
    """A valid request and what a handler should see of it."""
    method = draw(st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE"]))
    path = "/" + draw(st.text(VISIBLE.replace("#", "").replace("?", ""), max_size=30))
    query = draw(st.text(VISIBLE.replace("#", ""), max_size=30))
    lines = [("host", draw(st.sampled_from(["a", "example.org:80", "[::1]"])))]
    lines += draw(st.lists(st.tuples(names, values), max_size=8))
    body, coded = b"", b""
    framing = draw(st.sampled_from(["none", "length", "chunked"]))
    if framing == "length":
        body = coded = draw(st.binary(max_size=300))
        lines.insert(draw(st.integers(0, len(lines))), ("content-length", str(len(body))))
    elif framing == "chunked":
        body, coded = draw(chunked_bodies())
        lines.insert(draw(st.integers(0, len(lines))), ("transfer-encoding", "chunked"))
    head = f"{method} {path}{'?' * bool(query)}{query} HTTP/1.1\r\n"
    spell, before, after = draw(spellings), draw(blanks), draw(blanks)
    head += "".join(f"{spell(name)}:{before}{value}{after}\r\n" for name, value in lines)
    fields: dict[bytes, bytes] = {}
    for name, value in lines:
        key, raw = name.encode(), value.encode("latin-1")
        fields[key] = fields[key] + b", " + raw if key in fields else raw
    return head.encode("latin-1") + b"\r\n" + coded, Seen(method, path, query, fields, body)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    chunks = draw(st.lists(st.binary(min_size=1, max_size=100), max_size=6))
    ends = st.sampled_from([b"", b";x", b";x=y", b';x="y \\" z"'])
    sizes = st.sampled_from([b"%x", b"%X", b"0%x"])
    coded = b"".join(draw(sizes) % len(chunk) + draw(ends) + b"\r\n" + chunk + b"\r\n" for chunk in chunks)
    trailers = draw(st.lists(st.sampled_from([b"x: y\r\n", b"checksum:\r\n"]), max_size=2))
    return b"".join(chunks), coded + b"0" + draw(ends) + b"\r\n" + b"".join(trailers) + b"\r\n"


@settings(MANY, max_examples=50)
@given(st.lists(requests(), max_size=5), cuts)
def test_valid_requests_arrive_exactly(stage: Stage, sent: list[tuple[bytes, Seen]], sizes: list[int]) -> None:
    played = stage.play(cut(b"".join(data for data, _ in sent), sizes))
    assert played.seen == [expected for _, expected in sent]
    assert [answer.status for answer in sound_answers(played)] == [200] * len(sent)
    assert not played.ended
