"""What a route's outer policies decide before admission, without a task."""

import asyncio
from collections.abc import Iterator

import pytest

from stanchion import App, Limit, Request, Response
from stanchion.http.hit import Later, when_made
from tests.wire.client import get, post
from tests.wire.live import LOOPS, until
from tests.wire.serving import Serving


class Held:
    """An app whose handler is a task that waits, behind a limit of two requests a minute."""

    def __init__(self) -> None:
        self.app = App("held")
        self.release = asyncio.Event()
        self.begun = 0
        self.app.post("/", limit=Limit("2/min", name="two"))(self._wait)
        self.app.get("/", limit=Limit("2/min", name="twice"))(self._wait)

    async def _wait(self) -> str:
        self.begun += 1
        await self.release.wait()
        return "done"


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, held: Held) -> Iterator[Serving]:
    serving = Serving(request.param, held.app, max_in_flight=1, max_queue_wait=20)
    yield serving
    assert serving.stop() == []


def finish(held: Held, served: Serving) -> None:
    served.loop.call_soon_threadsafe(held.release.set)


def test_a_refusal_waits_for_no_place(served: Serving, held: Held) -> None:
    with served.connect() as first, served.connect() as second, served.connect() as third:
        first.send(get())
        until(lambda: held.begun == 1)
        second.send(get())
        until(lambda: served.server.admission is not None and served.server.admission.queued == 1)
        refused = third.send(get()).answer()
        assert refused.status == 429
        assert served.server.admission is not None
        assert served.server.admission.statistics()["in_flight"] == 1
        finish(held, served)
        answers = [first.answer(), second.answer()]
    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.headers["ratelimit"] for answer in answers] == ['"twice";r=1;t=30', '"twice";r=0;t=60']


def test_requests_behind_others_pass_it_in_their_turn(served: Serving, held: Held) -> None:
    finish(held, served)
    with served.connect() as client:
        client.send(get() * 3)
        assert [answer.status for answer in client.answers(3)] == [200, 200, 429]
    assert held.begun == 2


def test_with_a_body_that_is_there(served: Serving, held: Held) -> None:
    finish(held, served)
    with served.connect() as client:
        assert [client.send(post("/", b"x" * 10)).answer().status for _ in range(2)] == [200, 200]
        assert client.send(post("/", b"x" * 10)).answer().status == 429
    assert held.begun == 2


def test_a_mark_is_put_on_what_is_yet_to_be_made() -> None:
    async def rest(request: Request) -> Response:
        return Response(b"made")

    def mark(response: Response) -> Response:
        response.set_header("X-Mark", "1")
        return response

    later = when_made(Later(call=rest), mark)
    assert isinstance(later, Later)
    made = asyncio.run(later.call(Request("GET", "/", "", {}, None)))  # type: ignore[arg-type]
    assert (made.body, made.headers) == (b"made", {"X-Mark": "1"})
    assert when_made(Response(b"at once"), mark).headers == {"X-Mark": "1"}
