"""An app tells its CDN what a write makes invalid, and what each answer's tags are."""

from stanchion import App, Cache
from stanchion.cache.purging import Fastly
from stanchion.testing import Client
from tests.cache.purging.recorder import recording
from tests.wire.live import until


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
