"""What a worker answers to a question, on the socket that came with it."""

import asyncio
import socket
from typing import Any

import msgspec
import pytest

from stanchion import App, Cache
from stanchion.cache.orders import Count, Look, Order
from stanchion.cluster.answering import answer
from stanchion.cluster.channel import Answered

app = App("asked", cache=Cache(ttl=60))


@app.get("/")
async def page() -> str:
    return "page"


def said(order: Order, find: Any = None) -> Answered:
    compiled = app.compile()

    async def asked() -> bytes:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        await answer(theirs, compiled, order, find or compiled.find)
        said = await reader.read(-1)
        writer.close()
        return said

    return msgspec.json.decode(asyncio.run(asked()), type=Answered)


def test_an_answer_and_then_the_end_of_the_socket() -> None:
    answered = said(Count())
    assert answered.why is None
    assert [(one["method"], one["route"]) for one in answered.answer["routes"]] == [("GET", "/")]


def test_what_cannot_be_answered_is_said() -> None:
    assert said(Look(url="nowhere")).why == (
        "'nowhere' is no URL of HTTP; give it with its host, as clients ask for it: http://localhost:8000/airports/JFK"
    )


def test_a_worker_that_fails_at_it_says_so_and_logs_why(caplog: pytest.LogCaptureFixture) -> None:
    def broken(method: str, path: str) -> Any:
        raise RuntimeError("no table")

    assert said(Look(url="http://localhost/"), broken).why == (
        "the worker failed at it: RuntimeError('no table'); its log has the traceback"
    )
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_whoever_asked_may_be_gone() -> None:
    async def asked() -> None:
        ours, theirs = socket.socketpair()
        ours.close()
        await answer(theirs, app.compile(), Count(), app.compile().find)

    asyncio.run(asked())
