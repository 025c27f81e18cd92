"""What clients get of a cached route, through the wire: hits and misses, Age, ETag and 304, HEAD, ranges, statuses."""

from collections.abc import Iterator

import pytest

from stanchion import Cache, Response, Stream
from stanchion.testing import Client
from tests.cache.clock import Clock
from tests.policies.counted import Counted

HIT, MISS = "stanchion; hit", "stanchion; fwd=uri-miss; stored"


@pytest.fixture
def origin(clock: Clock) -> Counted:
    origin = Counted()
    origin.add("/page", Cache(ttl=60))
    origin.add("/tagged", Cache(ttl=60, stale=30, stale_if_error=90, tags=["page"]))
    origin.add("/browsers", Cache(ttl=60, stale=30, stale_if_error=90, client_ttl=5))
    origin.add("/dated", Cache(ttl=60), ETag='"v1"', Last_Modified="Tue, 24 Nov 2026 10:00:00 GMT")
    origin.add("/no-store", Cache(ttl=60), Cache_Control="no-store")
    origin.add("/vary-all", Cache(ttl=60), Vary="*")
    origin.add("/upstream", Cache(), Cache_Control="max-age=20")
    origin.add("/silent", Cache())
    origin.add("/keys", Cache(ttl=60, tags=["a", "b"], surrogate_keys=True))
    origin.add("/plain")
    return origin


@pytest.fixture
def client(origin: Counted) -> Iterator[Client]:
    with Client(origin.app) as client:
        yield client


def test_the_second_answer_is_the_first(client: Client, origin: Counted) -> None:
    first, *others = [client.get("/page") for _ in range(4)]
    assert {answer.body for answer in (first, *others)} == {b"call 1"}
    assert first.headers["cache-status"] == MISS
    assert {answer.headers["cache-status"] for answer in others} == {HIT}
    assert origin.calls == 1
    same = ("cache-control", "content-type", "date", "etag", "content-length")
    for answer in others:
        assert [answer.headers[name] for name in same] == [first.headers[name] for name in same]


def test_a_route_without_a_cache_says_nothing_of_one(client: Client, origin: Counted) -> None:
    answers = [client.get("/plain") for _ in range(2)]
    assert origin.calls == 2
    assert {"cache-status", "age", "etag", "cache-control"}.isdisjoint(answers[1].headers)


def test_the_age_grows_and_the_answer_ends_with_its_ttl(client: Client, origin: Counted, clock: Clock) -> None:
    client.get("/page")
    for ahead in (20, 39):
        clock.advance(ahead)
        aged = client.get("/page", headers={"If-None-Match": '"another"'})  # which no hit at hand answers
        assert aged.headers["cache-status"] == HIT
    assert 59 <= int(aged.headers["age"]) < 61
    clock.advance(1.5)
    late = client.get("/page")
    assert (late.body, late.headers["cache-status"]) == (b"call 2", "stanchion; fwd=stale; stored")
    assert int(late.headers.get("age", "0")) == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/page", "public, max-age=60, s-maxage=60"),
        ("/tagged", "public, max-age=0, s-maxage=60"),
        ("/browsers", "public, max-age=5, s-maxage=60, stale-while-revalidate=30, stale-if-error=90"),
        ("/upstream", "max-age=20"),
    ],
)
def test_cache_control_follows_from_the_declaration(client: Client, path: str, said: str) -> None:
    for _ in range(2):
        assert client.get(path).headers["cache-control"] == said


@pytest.mark.parametrize("wanted", ["{}", "W/{}", '"other", {}', "*"])
def test_a_client_that_has_it_gets_a_304(client: Client, origin: Counted, wanted: str) -> None:
    tag = client.get("/page").headers["etag"]
    assert tag.startswith('"')  # strong
    answer = client.get("/page", headers={"If-None-Match": wanted.format(tag)})
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag)
    assert answer.headers["cache-status"] == HIT
    assert "cache-control" in answer.headers
    assert "content-type" not in answer.headers
    other = client.get("/page", headers={"If-None-Match": '"other"'})
    assert (other.status, other.body) == (200, b"call 1")
    assert origin.calls == 1


def test_a_client_that_has_it_is_told_so_on_a_miss_too(client: Client) -> None:
    answer = client.get("/dated", headers={"If-None-Match": '"v1"'})
    assert (answer.status, answer.body) == (304, b"")
    whole = client.get("/dated")
    assert (whole.status, whole.body, whole.headers["etag"]) == (200, b"call 1", '"v1"')


def test_a_date_is_compared_where_there_is_no_tag(client: Client) -> None:
    client.get("/dated")
    for since, status in (("Tue, 24 Nov 2026 10:00:00 GMT", 304), ("Tue, 24 Nov 2026 09:59:59 GMT", 200)):
        assert client.get("/dated", headers={"If-Modified-Since": since}).status == status
    both = {"If-None-Match": '"v2"', "If-Modified-Since": "Tue, 24 Nov 2026 10:00:00 GMT"}
    assert client.get("/dated", headers=both).status == 200  # the tag decides


def test_the_tag_changes_with_the_body_alone(client: Client, origin: Counted, clock: Clock) -> None:
    first = client.get("/page").headers["etag"]
    origin.calls = 0  # the same body again
    clock.advance(61)
    assert client.get("/page").headers["etag"] == first
    clock.advance(61)
    assert client.get("/page").headers["etag"] != first


@pytest.mark.parametrize("first", ["GET", "HEAD"])
def test_a_head_is_answered_as_a_get_without_its_body(client: Client, origin: Counted, first: str) -> None:
    client.request(first, "/page")
    head, whole = client.head("/page"), client.get("/page")
    assert (head.status, head.body, whole.body) == (200, b"", b"call 1")
    for name in ("content-length", "content-type", "etag", "cache-control", "cache-status", "date"):
        assert head.headers[name] == whole.headers[name], name
    assert origin.calls == 1
    assert client.head("/page", headers={"If-None-Match": whole.headers["etag"]}).status == 304


def test_a_part_is_cut_from_what_is_kept(client: Client, origin: Counted) -> None:
    tag = client.get("/page").headers["etag"]
    part = client.get("/page", headers={"Range": "bytes=2-3"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"ll", "bytes 2-3/6")
    assert client.get("/page", headers={"Range": "bytes=9-"}).status == 416
    assert client.get("/page", headers={"Range": "bytes=2-3", "If-Range": tag}).status == 206
    assert client.get("/page", headers={"Range": "bytes=2-3", "If-Range": '"old"'}).body == b"call 1"
    assert origin.calls == 1


@pytest.mark.parametrize("path", ["/no-store", "/vary-all", "/silent"])
def test_what_a_handler_says_against_it_counts(client: Client, origin: Counted, path: str) -> None:
    answers = [client.get(path) for _ in range(3)]
    assert [answer.body for answer in answers] == [b"call 1", b"call 2", b"call 3"]
    assert {answer.headers["cache-status"] for answer in answers} == {"stanchion; fwd=uri-miss"}
    assert origin.calls == 3


def test_without_a_ttl_the_answers_own_fields_decide(client: Client, origin: Counted, clock: Clock) -> None:
    client.get("/upstream")
    clock.advance(18)
    assert client.get("/upstream").headers["cache-status"] == HIT
    assert client.get("/upstream", headers={"Cache-Control": "no-cache"}).body == b"call 2"  # clients are heard
    clock.advance(21)
    assert client.get("/upstream").body == b"call 3"
    refused = client.get("/upstream?other", headers={"Cache-Control": "only-if-cached"})
    assert (refused.status, refused.json()["code"]) == (504, "not-cached")
    assert origin.calls == 3


@pytest.mark.parametrize("wish", ["no-cache", "no-store", "max-age=0", "min-fresh=100"])
def test_with_a_ttl_no_client_can_have_it_made_anew(client: Client, origin: Counted, wish: str) -> None:
    for _ in range(3):
        assert client.get("/page", headers={"Cache-Control": wish, "Pragma": "no-cache"}).body == b"call 1"
    assert origin.calls == 1


@pytest.mark.parametrize("status", [200, 203, 204, 301, 302, 308, 404, 410, 429, 500, 503])
def test_a_ttl_is_for_answers_and_not_for_errors(clock: Clock, status: int) -> None:
    origin = Counted()

    @origin.app.get("/", cache=Cache(ttl=60))
    async def handler() -> Response:
        return origin.made(status)

    with Client(origin.app) as client:
        assert [client.get("/").status for _ in range(3)] == [status] * 3
    assert origin.calls == (1 if status in (200, 203, 301, 308, 410) else 3)


def test_tags_are_told_to_a_cdn_where_that_is_wanted(client: Client) -> None:
    for _ in range(2):
        answer = client.get("/keys")
        assert (answer.headers["surrogate-key"], answer.headers["cache-tag"]) == ("a b", "a,b")
    assert "surrogate-key" not in client.get("/tagged").headers


def test_a_stream_is_kept_too_and_comes_whole(clock: Clock) -> None:
    origin = Counted()

    async def pieces() -> object:
        for piece in (b"one ", b"two ", b"three"):
            yield piece

    @origin.app.get("/", cache=Cache(ttl=60))
    async def handler() -> Stream:
        origin.calls += 1
        return Stream(pieces(), media_type="text/plain")

    with Client(origin.app) as client:
        assert client.get("/").body == b"one two three"
        again = client.get("/")
        assert (again.body, again.headers["cache-status"]) == (b"one two three", HIT)
        assert again.headers["content-length"] == "13"
    assert origin.calls == 1


def test_one_who_sets_a_cookie_of_an_upstream_gets_it_alone(clock: Clock) -> None:
    origin = Counted()
    origin.add("/", Cache(), Cache_Control="public, max-age=60", Set_Cookie="id=1")
    with Client(origin.app) as client:
        assert client.get("/").headers["set-cookie"] == "id=1"
        client.cookies.clear()
        assert "set-cookie" not in client.get("/").headers
    assert origin.calls == 1
