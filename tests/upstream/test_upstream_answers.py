"""Answers that are sound, however they are cut."""

import asyncio

import pytest

from stanchion.http.response import Response, Stream
from tests.upstream.raw import Talker, always, answering, get, pool_of, run, until, upstream, whole

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: \xe9\r\nContent-Length: 5\r\n\r\nhello"


def test_a_small_answer_is_one_response_with_its_fields_as_they_were_sent() -> None:
    async def work() -> None:
        async with upstream(always(PLAIN)) as seen, pool_of(seen) as pool:
            response = await pool.send(get())
            assert type(response) is Response
            assert (response.status, response.media_type, response.body) == (200, "text/plain", b"hello")
            assert response.fields == [(b"X-A", b"\xe9")]
            await pool.send(get())
            assert seen.connections == 1
            assert pool.statistics()["idle"] == 1

    run(work)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_however_it_is_cut_the_answer_is_the_same(size: int) -> None:
    async def talk(talker: Talker) -> None:
        await talker.head()
        await talker.say(*(PLAIN[at : at + size] for at in range(0, len(PLAIN), size)), pause=0.001)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen) as pool:
            response = await pool.send(get())
            assert (response.fields, await whole(response)) == ([(b"X-A", b"\xe9")], b"hello")

    run(work)


@pytest.mark.parametrize(
    ("method", "answer", "status", "length"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", 200, b"77"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, None),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", 304, b"77"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
    ],
)
def test_answers_without_a_body_leave_the_connection_usable(
    method: str, answer: bytes, status: int, length: bytes | None
) -> None:
    async def work() -> None:
        async with upstream(always(answer)) as seen, pool_of(seen) as pool:
            for _ in range(3):
                response = await pool.send(get(method=method))
                assert (response.status, await whole(response)) == (status, b"")
                assert dict(response.fields or ()).get(b"content-length") == length
            assert seen.connections == 1

    run(work)


def test_informational_answers_are_dropped() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"

    async def work() -> None:
        async with upstream(always(early + PLAIN)) as seen, pool_of(seen) as pool:
            for _ in range(2):
                response = await pool.send(get())
                assert (response.status, response.fields) == (200, [(b"X-A", b"\xe9")])
            assert seen.connections == 1

    run(work)


def test_a_chunked_answer_streams_with_its_trailers() -> None:
    async def talk(talker: Talker) -> None:
        await talker.head()
        await talker.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", pause=0.02)
        await talker.say(b"2\r\nde\r\n0\r\nX-Sum: 5\r\nSet-Cookie: a=1\r\n\r\n")
        await talker.head()
        await talker.say(PLAIN)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen) as pool:
            response = await pool.send(get())
            assert isinstance(response, Stream)
            assert (await whole(response), response.trailers) == (b"abcde", [(b"X-Sum", b"5")])
            assert await whole(await pool.send(get())) == b"hello"
            assert seen.connections == 1

    run(work)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async def work() -> None:
        async with upstream(answering(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")) as seen, pool_of(seen) as pool:
            assert await whole(await pool.send(get())) == b"until the end"
            await until(lambda: pool.statistics()["open"] == 0)

    run(work)


def test_fields_of_the_connection_stay_behind() -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-Kept: 2\r\n"
        b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"
    )

    async def work() -> None:
        async with upstream(always(answer)) as seen, pool_of(seen) as pool:
            response = await pool.send(get())
            assert response.fields == [(b"X-Kept", b"2"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")]
            assert response.date == b"Sun, 06 Nov 1994 08:49:37 GMT"

    run(work)


def test_a_reader_that_waits_holds_the_upstream_back() -> None:
    sent = 0

    async def talk(talker: Talker) -> None:
        nonlocal sent
        await talker.head()
        size, count = 64 * 1024, 512
        await talker.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size * count))
        for _ in range(count):
            await talker.say(bytes(size))
            sent += size

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen) as pool:
            response = await pool.send(get())
            assert isinstance(response, Stream)
            await asyncio.sleep(0.3)
            held = response.body.waiting
            assert held < 2 * 1024 * 1024  # one read of the loop beyond the mark
            assert sent < response.length
            assert sum([len(chunk) async for chunk in response.chunks()]) == 512 * 64 * 1024 == response.length

    run(work)
