"""Which requests get the same answer: path, query, host, an own key, Vary, and the authenticated user."""

from collections.abc import AsyncIterator

import pytest

from stanchion import App, Cache, HTTPError, Request, Stream
from stanchion.testing import Client
from tests.cache.clock import Clock
from tests.policies.counted import Counted, Identify


def bodies(client: Client, *paths: str, **headers: str) -> list[str]:
    """What is answered at each, with headers whose names have `_` for `-`."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return [client.get(path, headers=fields).text for path in paths]


@pytest.fixture
def origin(clock: Clock) -> Counted:
    return Counted()


def test_another_path_or_query_is_another_answer(origin: Counted) -> None:
    origin.add("/a/{name}", Cache(ttl=60))
    paths = ["/a/x", "/a/y", "/a/x?q=1", "/a/x?q=2", "/a/x?q=1&r=1", "/a/x?r=1&q=1", "/a/X", "/a/x%2Fy"]
    with Client(origin.app) as client:
        first = bodies(client, *paths)
        assert first == [f"call {number}" for number in range(1, 9)]
        assert bodies(client, *paths) == first


def test_an_own_key_stands_in_for_path_and_query(origin: Counted) -> None:
    wanted = ("page", "size")

    def key(request: Request) -> str:
        query = request.query
        return "&".join(f"{name}={query[name]}" for name in wanted if name in query)

    origin.add("/list", Cache(ttl=60, key=key))
    origin.add("/other", Cache(ttl=60, key=key))
    with Client(origin.app) as client:
        same = ["/list?page=1&size=2", "/list?size=2&page=1", "/list?utm_source=x&page=1&size=2"]
        assert bodies(client, *same) == ["call 1"] * 3
        assert bodies(client, "/list?page=2", "/list", "/list?utm_source=y") == ["call 2", "call 3", "call 3"]
        assert bodies(client, "/other?page=1&size=2") == ["call 4"]  # of one route no other gets


def test_an_own_key_that_fails_is_an_error_and_nothing_is_kept(origin: Counted) -> None:
    def key(request: Request) -> str:
        raise HTTPError("no such tenant", status=404)

    origin.add("/", Cache(ttl=60, key=key))
    with Client(origin.app) as client:
        assert [client.get("/").status for _ in range(2)] == [404, 404]
    assert origin.calls == 0


def test_what_is_declared_in_vary_is_told_and_normalised(origin: Counted) -> None:
    origin.add("/", Cache(ttl=60, vary=("Accept-Language", "X-Plan")))
    with Client(origin.app) as client:
        first = client.get("/", headers={"Accept-Language": "en, fr;q=0.5", "X-Plan": "a, b"})
        assert first.headers["vary"] == "accept-language, x-plan"
        for language in ("EN,FR;q=0.5", "fr; q=0.5, en", " en ,fr ;q=0.5"):
            assert bodies(client, "/", Accept_Language=language, X_Plan="a,b") == ["call 1"]
        assert bodies(client, "/", Accept_Language="fr", X_Plan="a,b") == ["call 2"]
        assert bodies(client, "/", Accept_Language="en, fr;q=0.5", X_Plan="b, a") == ["call 3"]  # order may count there
        assert bodies(client, "/") == ["call 4"]
        assert bodies(client, "/", Accept_Language="fr", X_Plan="a,b") == ["call 2"]


def test_what_a_handler_looks_at_selects_by_itself(clock: Clock) -> None:
    app, calls = App("looking"), 0

    @app.get("/", cache=Cache(ttl=60))
    async def handler(request: Request) -> str:
        nonlocal calls
        calls += 1
        return f"{calls} {request.headers.get('x-plan', 'none')}"

    with Client(app) as client:
        assert bodies(client, "/", X_Plan="gold") == ["1 gold"]
        assert bodies(client, "/", X_Plan="free") == ["2 free"]
        assert bodies(client, "/") == ["3 none"]
        assert bodies(client, "/", X_Plan="gold", X_Other="x", Accept="*/*") == ["1 gold"]
        assert client.get("/").headers["vary"] == "x-plan"


def test_a_handler_that_looks_at_more_for_some_keeps_them_apart(clock: Clock) -> None:
    """The first answer looked at one field alone; the second at two. Neither is anybody's whom it is not for."""
    app, calls = App("branching"), 0

    @app.get("/", cache=Cache(ttl=60))
    async def handler(request: Request) -> str:
        nonlocal calls
        calls += 1
        if request.headers.get("x-plan") == "gold":
            return f"gold for {request.headers.get('x-team')}"
        return "plain"

    with Client(app) as client:
        for _ in range(3):
            for plan, team, expected in (
                ("free", "red", "plain"),
                ("gold", "red", "gold for red"),
                ("gold", "blue", "gold for blue"),
                ("free", "blue", "plain"),
            ):
                assert bodies(client, "/", X_Plan=plan, X_Team=team) == [expected]
        assert calls <= 5  # once for each of the four, and the first once more


@pytest.mark.parametrize("declared", [Cache(ttl=60), Cache(ttl=60, by="user")])
def test_answers_of_users_are_apart(clock: Clock, declared: Cache) -> None:
    app, calls = App("users", policies=[Identify(field="authorization")]), 0

    @app.get("/me", cache=declared)
    async def me(request: Request) -> str:
        nonlocal calls
        calls += 1
        return f"{request.state.get('identity', 'nobody')} {request.headers.get('x-lang', '')}"

    with Client(app) as client:
        for _ in range(3):
            for who in ("ann", "bob"):
                answer = client.get("/me", headers={"Authorization": who, "X-Lang": "en"})
                assert answer.text == f"{who} en"
                assert "public" not in answer.headers["cache-control"]
            assert client.get("/me").text == "nobody "
        assert bodies(client, "/me", Authorization="ann", X_Lang="fr") == ["ann fr"]


def test_by_user_each_has_one_call_and_who_is_nobody_has_none_kept(clock: Clock) -> None:
    origin = Counted(policies=[Identify()])
    origin.add("/me", Cache(ttl=60, by="user"))
    with Client(origin.app) as client:
        assert bodies(client, "/me", "/me", X_User="ann") == ["call 1"] * 2
        assert bodies(client, "/me", "/me", X_User="bob") == ["call 2"] * 2
        assert bodies(client, "/me", "/me") == ["call 3", "call 4"]
        kept = client.get("/me", headers={"X-User": "ann"})
        assert (kept.text, kept.headers["cache-control"]) == ("call 1", "private, max-age=60")
        nobody = client.get("/me")
        assert nobody.headers["cache-status"] == "stanchion; fwd=bypass"
        assert nobody.headers["cache-control"] == "private, no-store"


def test_no_name_and_path_run_into_each_other(clock: Clock) -> None:
    origin = Counted(policies=[Identify()])
    origin.add("/{rest:path}", Cache(ttl=60, by="user", key=lambda request: request.path_params["rest"]))
    with Client(origin.app) as client:
        asked = [("a", "/b/c"), ("a/b", "/c"), ("1 a", "/x"), ("1", "/a/x"), ("", "/x")]
        seen = [client.get(path, headers={"X-User": who}).text for who, path in asked]
    assert seen == [f"call {number}" for number in range(1, 6)]


def test_a_request_with_a_body_is_not_answered_from_what_is_kept(origin: Counted) -> None:
    origin.add("/", Cache(ttl=60))
    with Client(origin.app) as client:
        assert bodies(client, "/") == ["call 1"]
        told = client.request("GET", "/", body=b"query")
        assert (told.text, told.headers["cache-status"]) == ("call 2", "stanchion; fwd=bypass")
        assert bodies(client, "/") == ["call 1"]


def test_a_stream_for_one_is_not_for_others(clock: Clock) -> None:
    app = App("streams")

    async def rows(who: str) -> AsyncIterator[bytes]:
        yield who.encode()

    @app.get("/", cache=Cache(ttl=60))
    async def handler(request: Request) -> Stream:
        return Stream(rows(request.headers.get("authorization", "nobody")), media_type="text/plain")

    with Client(app) as client:
        for who in ("ann", "bob", "ann"):
            assert bodies(client, "/", Authorization=who) == [who]
        assert bodies(client, "/") == ["nobody"]
