"""An app tells its CDN what a write makes invalid, and what each answer's tags are."""

from collections.abc import AsyncIterator

import pytest

from stanchion import App, Cache, Request, Response, Stream
from stanchion.asgi.messages import Receive, Scope, Send
from stanchion.cache.purging import CDN, CloudFront, Credentials, Fastly
from stanchion.testing import Client
from tests.cache.purging.recorder import recording
from tests.wire.client import get
from tests.wire.live import until
from tests.wire.serving import Serving


def tagged(*cdns: CDN) -> App:
    """An app with a route that has as many tags as it is asked for, and one whose answer is streamed."""
    app = App("tagged")
    app.purge_to(*cdns)

    def tags(request: Request, response: Response) -> list[str]:
        return [f"tag {number}" for number in range(int(request.query["tags"][0]))]

    @app.get("/", cache=Cache(ttl=60, tags=tags, surrogate_keys=True))
    async def page() -> str:
        return "page"

    @app.get("/streamed", cache=Cache(tags=["all"], surrogate_keys=True))
    async def streamed() -> Stream:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"page"

        return Stream(chunks(), headers={"Cache-Control": "max-age=60"})

    return app


def test_tags_are_written_as_they_are_purged_whether_a_cdn_is_named_or_not() -> None:
    fastly = Fastly(service="one", token="secret")
    for app, names in ((tagged(), {"surrogate-key", "cache-tag"}), (tagged(fastly), {"surrogate-key"})):
        with Client(app) as client:
            for _ in range(2):
                fields = client.get("/?tags=2").headers
                assert {name for name in ("surrogate-key", "cache-tag") if name in fields} == names
                assert fields["surrogate-key"] == "tag%200 tag%201"
                assert fields.get("cache-tag", "tag%200,tag%201") == "tag%200,tag%201"
                assert client.get("/streamed").headers["surrogate-key"] == "all"


def test_an_answer_whose_tags_do_not_fit_is_kept_here_and_by_no_cdn() -> None:
    cloudfront = CloudFront(distribution="one", credentials=Credentials("key", "secret"))
    instead = (
        (tagged(), "surrogate-control", "max-age=0"),
        (tagged(), "cloudflare-cdn-cache-control", "no-store"),
        (tagged(cloudfront), "cache-control", "private"),
    )
    for app, name, value in instead:
        with Client(app) as client:
            for status in ("stanchion; fwd=uri-miss; stored", "stanchion; hit"):
                fields = client.get("/?tags=4000").headers
                assert fields["cache-status"] == status
                assert fields[name] == value
                assert "surrogate-key" not in fields
                assert "cache-tag" not in fields


async def validated(scope: Scope, receive: Receive, send: Send) -> None:
    """A mounted app whose answers are good as long as it says so, each time it is asked."""
    assert scope["type"] == "http"
    known = b"if-none-match" in dict(scope["headers"])
    fields = [(b"etag", b'"1"'), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 304 if known else 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if known else b"page"})


@pytest.mark.parametrize("count", [1, 60])
def test_an_entry_that_its_origin_confirms_has_the_fields_once(count: int) -> None:
    app = App("mounted")
    app.purge_to(CloudFront(distribution="one", credentials=Credentials("key", "secret")))
    app.mount("/", validated, cache=Cache(tags=[f"tag:{number}" for number in range(count)], surrogate_keys=True))
    told = b"cache-control: private" if count == 60 else b"cache-tag: tag:0"
    served = Serving("uvloop", app)
    try:
        client = served.connect()
        for status in (b"fwd=uri-miss", *[b"fwd-status=304"] * 3):
            head = client.send(get("/")).until(b"\r\n\r\n")
            assert (client.exactly(4), status in head, b"stored" in head) == (b"page", True, True)
            assert [line for line in head.split(b"\r\n") if line.startswith((b"cache-control", b"cache-tag"))] == [
                b"cache-control: no-cache",
                told,
            ]
    finally:
        served.stop()


def test_a_write_reaches_the_cdn() -> None:
    with recording() as recorder:
        app = App("shop")
        app.purge_to(Fastly(service="one", token="secret", url=recorder.url))

        @app.get("/items/{id}", cache=Cache(ttl=60, tags=["item:{id}"], surrogate_keys=True))
        async def item(id: int) -> int:
            return id

        @app.put("/items/{id}", invalidates=["item:{id}"])
        async def change(id: int) -> int:
            return id

        with Client(app) as client:
            assert client.get("/items/7").headers["surrogate-key"] == "item:7"
            assert client.put("/items/7").status == 200
            until(lambda: len(recorder.received) == 1)
            assert "hit" not in client.get("/items/7").headers["cache-status"]
        received = recorder.received[0]
        assert received.path.startswith("/service/one/purge")
        assert "item:7" in received.path + received.body.decode() + received.fields.get("surrogate-key", "")
        assert "url " not in received.path + received.body.decode() + received.fields.get("surrogate-key", "")
