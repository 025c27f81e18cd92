"""Upstreams that are slow, leave early, or send what could be read in two ways."""

import asyncio

import pytest

from stanchion.http.response import Stream
from stanchion.upstream.failures import (
    UpstreamBusy,
    UpstreamFailure,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from stanchion.upstream.pool import Pool
from stanchion.upstream.target import parse_target
from tests.upstream.raw import Talker, always, answering, get, pool_of, run, until, upstream, whole

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 Beyond\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 Before\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 4000,
    ],
)
def test_what_is_not_sound_fails_and_costs_the_connection(answer: bytes) -> None:
    async def work() -> None:
        async with upstream(always(answer)) as seen, pool_of(seen) as pool:
            with pytest.raises(UpstreamMalformed) as failed:
                await pool.send(get())
            assert (failed.value.status, failed.value.code) == (502, "upstream-malformed")
            await until(lambda: pool.statistics()["open"] == 0)

    run(work)


@pytest.mark.parametrize(
    "surplus",
    [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Evil: 1\r\n\r\nforged", b"HTTP/1.1 2"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_bytes_behind_an_answer_are_nobodys_answer(surplus: bytes, method: str) -> None:
    body = b"" if method == "HEAD" else b"ok"

    async def work() -> None:
        answer = b"HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\n" + body + surplus
        async with upstream(always(answer)) as seen, pool_of(seen) as pool:
            for _ in range(2):
                response = await pool.send(get(method=method))
                assert (response.body, (b"X-Own", b"1") in (response.fields or ())) == (body, True)
            assert seen.connections == 2

    run(work)


def test_an_answer_before_the_request_is_dropped() -> None:
    async def talk(talker: Talker) -> None:
        if talker.number == 0:
            await talker.head()
            await talker.say(OK, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", pause=0.02)
            await asyncio.sleep(1)
        await always(OK)(talker)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen) as pool:
            await pool.send(get())
            await until(lambda: pool.statistics()["open"] == 0)
            assert (await pool.send(get())).body == b"ok"

    run(work)


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_ends_within_the_answer(part: bytes, reset: bool) -> None:
    async def talk(talker: Talker) -> None:
        await talker.head()
        await talker.say(part, pause=0.01)
        if reset:
            talker.reset()

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen) as pool:
            with pytest.raises(UpstreamFailure) as failed:
                await pool.send(get())
            assert (failed.value.status, failed.value.code) == (502, "upstream-broken")
            assert seen.connections == 1  # a fresh connection that failed is nothing to repeat here

    run(work)


def test_a_stream_that_breaks_off_fails_its_reader() -> None:
    async def talk(talker: Talker) -> None:
        await talker.head()
        await talker.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", pause=0.02)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen) as pool:
            response = await pool.send(get())
            assert isinstance(response, Stream)
            with pytest.raises(UpstreamFailure, match="before the end"):
                await whole(response)

    run(work)


def test_a_kept_connection_that_was_closing_is_replaced_once() -> None:
    async def talk(talker: Talker) -> None:
        await talker.head()
        await talker.say(OK)
        if talker.number == 0:
            await talker.head()
            talker.reset()
        else:
            await always(OK)(talker)

    async def work(method: str) -> None:
        async with upstream(talk) as seen, pool_of(seen) as pool:
            await pool.send(get())
            if method == "GET":
                assert (await pool.send(get())).body == b"ok"
                assert (seen.connections, pool.statistics()["again"]) == (2, 1)
            else:
                with pytest.raises(UpstreamFailure):
                    await pool.send(get(method="POST"))
                assert seen.connections == 1

    run(lambda: work("GET"))
    run(lambda: work("POST"))


def test_a_head_that_does_not_come() -> None:
    async def talk(talker: Talker) -> None:
        await talker.head()
        await asyncio.sleep(5)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen, answer_timeout=0.1) as pool:
            with pytest.raises(UpstreamTimeout) as failed:
                await pool.send(get())
            assert (failed.value.status, failed.value.code, failed.value.untouched) == (504, "upstream-timeout", False)
            await until(lambda: pool.statistics()["open"] == 0)

    run(work)


@pytest.mark.parametrize("length", [5, 500_000])
def test_a_body_that_stands_still(length: int) -> None:
    async def talk(talker: Talker) -> None:
        await talker.head()
        await talker.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nhel" % length)
        await asyncio.sleep(5)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen, body_timeout=0.1) as pool:
            with pytest.raises(UpstreamTimeout, match="stood still"):
                await whole(await pool.send(get()))

    run(work)


def test_nobody_listens() -> None:
    async def work() -> None:
        async with upstream(always(OK)) as seen:
            pass
        pool = Pool(parse_target(seen.url))
        with pytest.raises(UpstreamUnreachable) as failed:
            await pool.send(get())
        assert (failed.value.status, failed.value.code, failed.value.untouched) == (502, "upstream-unreachable", True)
        assert pool.busy == 0

    run(work)


def test_idle_connections_are_let_go() -> None:
    async def work() -> None:
        async with upstream(always(OK)) as seen, pool_of(seen, keep=0.5) as pool:
            await asyncio.gather(*(pool.send(get()) for _ in range(5)))
            assert pool.statistics()["open"] == 5
            await until(lambda: pool.statistics()["open"] == 0)

    run(work)


def test_the_pool_is_bounded_and_who_waits_is_served_in_turn() -> None:
    async def talk(talker: Talker) -> None:
        while True:
            await talker.head()
            await asyncio.sleep(0.01)
            await talker.say(OK)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen, connections=3) as pool:
            answers = await asyncio.gather(*(pool.send(get()) for _ in range(30)))
            assert [answer.body for answer in answers] == [b"ok"] * 30
            assert seen.connections == 3

    run(work)


def test_a_full_pool_says_so() -> None:
    async def talk(talker: Talker) -> None:
        await talker.head()
        await asyncio.sleep(5)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen, connections=1, connect_timeout=0.5) as pool:
            first = asyncio.ensure_future(pool.send(get()))
            await until(lambda: seen.connections == 1)
            with pytest.raises(UpstreamBusy) as failed:
                await pool.send(get())
            assert (failed.value.status, failed.value.code) == (503, "upstream-busy")
            first.cancel()

    run(work)


def test_the_connection_used_last_is_used_next() -> None:
    async def talk(talker: Talker) -> None:
        while True:
            await talker.head()
            await talker.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % talker.number)

    async def work() -> None:
        async with upstream(talk) as seen, pool_of(seen) as pool:
            await asyncio.gather(*(pool.send(get()) for _ in range(4)))
            used = {(await pool.send(get())).body for _ in range(10)}
            assert len(used) == 1

    run(work)


def test_answering_twice_on_a_connection_that_then_closes() -> None:
    async def work() -> None:
        async with upstream(answering(OK, OK)) as seen, pool_of(seen) as pool:
            for _ in range(6):
                assert (await pool.send(get())).body == b"ok"
                await asyncio.sleep(0.005)
            assert seen.connections == 3

    run(work)
