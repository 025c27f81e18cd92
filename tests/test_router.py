"""Routers: prefixes, tags and policies from the app inwards; frozen after start."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from stanchion import App, Off, Router, Timeout
from stanchion.errors import FrozenError
from stanchion.policies.body_limit import BodyLimit
from stanchion.testing import Client


async def handler() -> str:
    return "ok"


async def lifespan(app: App) -> AsyncIterator[None]:
    yield


def nested() -> App:
    app = App("nested", timeout=3)
    outer = Router("/outer", tags=["outer"], timeout=2)
    inner = Router("/inner", tags=["inner"], body_limit=10)
    inner.get("/a", tags=["a"])(handler)
    inner.get("/b", timeout=None, name="b")(handler)
    inner.post("/c", timeout=1, policies=[Off(BodyLimit)])(handler)
    outer.include(inner)
    app.include(outer)
    return app


def test_prefixes_and_tags_add_up() -> None:
    routes = nested().routes
    assert [route.template for route in routes] == ["/outer/inner/a", "/outer/inner/b", "/outer/inner/c"]
    assert routes[0].tags == ("outer", "inner", "a")


def test_policies_are_inherited_and_overridden() -> None:
    a, b, c = nested().routes
    assert a.policies == (BodyLimit(bytes=10), Timeout(seconds=2))
    assert b.policies == (BodyLimit(bytes=10),)
    assert c.policies == (Timeout(seconds=1),)


def test_the_order_of_include_and_decorators_does_not_matter() -> None:
    app, router = App("late"), Router("/r")
    app.include(router)
    router.get("/x")(handler)
    assert [route.template for route in app.routes] == ["/r/x"]


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete"])
def test_each_verb(verb: str) -> None:
    router = Router()
    assert getattr(router, verb)("/x")(handler) is handler
    assert [(route.method, route.name) for route in router.collect()] == [(verb.upper(), "handler")]


def test_registration_after_start_names_its_mend() -> None:
    app, router = App("frozen"), Router("/r")
    app.include(router)
    app.compile()
    for late in (
        lambda: app.get("/x")(handler),
        lambda: router.get("/x")(handler),
        lambda: app.include(Router()),
        lambda: app.lifespan(lifespan),
    ):
        with pytest.raises(FrozenError, match="register it at import time"):
            late()


def test_repr_tells_what_there_is() -> None:
    assert repr(nested()) == "<App nested: 3 routes>"
    assert repr(Router("/r")) == "<Router /r: 0 routes>"


def test_a_partial_and_a_callable_object_can_be_handlers() -> None:
    class Callable:
        async def __call__(self, n: int) -> int:
            return n

    async def added(n: int, m: int) -> int:
        return n + m

    app = App("others")
    app.get("/object")(Callable())
    app.get("/partial")(partial(added, m=1))
    with Client(app) as client:
        assert [client.get(f"/{kind}?n=2").json() for kind in ("object", "partial")] == [2, 3]
