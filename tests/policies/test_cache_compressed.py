"""A cached answer in content codings: made once, told by Vary and a tag of its own, and never coded twice."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from stanchion import Cache, Response, Stream
from stanchion.cache import fetching
from stanchion.http.coding import encode
from stanchion.testing import Client
from stanchion.testing.client import Result
from tests.cache.clock import Clock
from tests.http.decoding import decoded
from tests.policies.counted import Counted

CODINGS = ("zstd", "br", "gzip")
TEXT = b"".join(b'{"flight":%d,"from":"JFK"}\n' % n for n in range(300))
LARGE = TEXT * 20
DONE = encode("gzip", TEXT)


class Texts(Counted):
    """Compressed, and cached unless the path says otherwise."""

    def __init__(self) -> None:
        super().__init__(compress=True)
        kept = Cache(ttl=60, stale=60)
        self._add("/text", kept, TEXT)
        self._add("/large", kept, LARGE)
        self._add("/tagged", kept, TEXT, ETag='"v1"')
        self._add("/weak", kept, TEXT, ETag='W/"v1"')
        self._add("/done", kept, DONE, **{"Content-Encoding": "gzip"})
        self._add("/asis", Cache(ttl=60, compress=False), TEXT)
        self._add("/fixed", kept, TEXT, **{"Cache-Control": "no-transform"})
        self._add("/unkept", kept, TEXT, **{"Cache-Control": "no-store"})
        self._add("/short", kept, b"short")
        self._add("/random", kept, bytes(range(256)) * 8, **{"Content-Type": "image/png"})
        self.app.get("/stream", cache=kept)(self._streamed)

    def _add(self, path: str, cache: Cache, body: bytes, **headers: str) -> None:
        media_type = headers.pop("Content-Type", "application/json")

        @self.app.get(path, cache=cache)
        async def handler() -> Response:
            self.calls += 1
            return Response(body, media_type=media_type, headers=headers)

    async def _streamed(self) -> Stream:
        self.calls += 1
        return Stream(self._pieces(), media_type="application/json")

    @staticmethod
    async def _pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(TEXT), 1000):
            yield TEXT[start : start + 1000]


@pytest.fixture
def texts(clock: Clock) -> Texts:
    return Texts()


@pytest.fixture
def client(texts: Texts) -> Iterator[Client]:
    with Client(texts.app) as client:
        yield client


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codings that are made for the cache, in order."""
    codings: list[str] = []

    def counted(coding: str, body: bytes, *more: Any) -> bytes:
        codings.append(coding)
        return encode(coding, body, *more)

    monkeypatch.setattr(fetching, "encode", counted)
    return codings


def ask(client: Client, path: str, coding: str | None, method: str = "GET", **headers: str) -> Result:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if coding is not None:
        fields["Accept-Encoding"] = coding
    return client.request(method, path, headers=fields)


def text_of(answer: Result) -> bytes:
    """The body, decoded as often as the answer says: once or not at all."""
    codings = [value for name, value in answer.header_list if name.lower() == "content-encoding"]
    assert len(codings) <= 1
    return decoded(codings[0], answer.body) if codings else answer.body


@pytest.mark.parametrize("path", ["/text", "/large", "/stream", "/tagged"])
def test_each_coding_is_made_once_whoever_asks_first(client: Client, texts: Texts, made: list[str], path: str) -> None:
    whole = LARGE if path == "/large" else TEXT
    for _ in range(3):
        for coding in (*CODINGS, None):
            answer = ask(client, path, coding)
            assert answer.headers.get("content-encoding") == coding
            assert text_of(answer) == whole
            assert "accept-encoding" in answer.headers["vary"].lower()
    assert texts.calls == 1
    assert sorted(made) == sorted(CODINGS)


def test_the_tag_is_of_the_coding(client: Client) -> None:
    tags = {coding: ask(client, "/text", coding).headers["etag"] for coding in (*CODINGS, None)}
    assert len(set(tags.values())) == 4
    for coding, tag in tags.items():
        confirmed = ask(client, "/text", coding, If_None_Match=tag)
        assert (confirmed.status, confirmed.body, confirmed.headers["etag"]) == (304, b"", tag)
        assert "accept-encoding" in confirmed.headers["vary"].lower()
        other = next(name for name in CODINGS if name != coding)
        unknown = ask(client, "/text", coding, If_None_Match=tags[other])
        assert (unknown.status, text_of(unknown)) == (200, TEXT)


def test_a_client_with_the_plain_form_keeps_it_when_it_takes_codings(client: Client) -> None:
    plain = ask(client, "/text", None).headers["etag"]
    confirmed = ask(client, "/text", "gzip", If_None_Match=plain)
    assert (confirmed.status, confirmed.headers["etag"]) == (304, plain)


def test_a_strong_tag_of_the_handler_is_told_apart_too_and_a_weak_one_is_of_all_codings(client: Client) -> None:
    assert [ask(client, "/tagged", coding).headers["etag"] for coding in (None, "gzip")] == ['"v1"', '"v1-gzip"']
    for coding in (*CODINGS, None):
        assert ask(client, "/weak", coding).headers["etag"] == 'W/"v1"'
        assert ask(client, "/weak", coding, If_None_Match='W/"v1"').status == 304


@pytest.mark.parametrize("coding", [*CODINGS, None])
@pytest.mark.parametrize("first", ["HEAD", "GET"])
def test_a_head_says_what_a_get_would(client: Client, texts: Texts, coding: str | None, first: str) -> None:
    ask(client, "/text", coding, method=first)
    head, whole = ask(client, "/text", coding, method="HEAD"), ask(client, "/text", coding)
    assert head.body == b""
    names = ("content-length", "content-type", "etag", "vary", "cache-control", "cache-status")
    assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]
    assert head.headers.get("content-encoding") == whole.headers.get("content-encoding") == coding
    assert int(head.headers["content-length"]) == len(whole.body)
    assert texts.calls == 1


@pytest.mark.parametrize("coding", [*CODINGS, None])
def test_a_part_is_one_of_the_form_whose_tag_it_has(client: Client, coding: str | None) -> None:
    whole = ask(client, "/text", coding)
    part = ask(client, "/text", coding, Range="bytes=10-19", If_Range=whole.headers["etag"])
    assert (part.status, part.body, part.headers["etag"]) == (206, whole.body[10:20], whole.headers["etag"])
    assert part.headers.get("content-encoding") == coding


@pytest.mark.parametrize("path", ["/text", "/large", "/stream", "/done", "/unkept"])
@pytest.mark.parametrize("accept", ["gzip", "gzip, br, zstd", "br;q=1, gzip;q=0.5", "*", "gzip;q=0, *"])
def test_nothing_is_coded_twice(client: Client, path: str, accept: str) -> None:
    whole = LARGE if path == "/large" else TEXT
    answers = [ask(client, path, accept) for _ in range(3)]
    assert [text_of(answer) for answer in answers] == [whole] * 3
    assert len({answer.headers.get("content-encoding") for answer in answers}) == 1
    tags = [answer.headers.get("etag") for answer in answers]
    assert len(set(tags[1:])) == 1
    assert tags[0] == tags[1] or path == "/stream"  # whose bytes are not known yet when its first head goes out


def test_what_the_handler_has_coded_stays_as_it_is(client: Client, texts: Texts, made: list[str]) -> None:
    for coding in ("gzip", "br", None):
        answer = ask(client, "/done", coding)
        assert (answer.body, answer.headers["content-encoding"]) == (DONE, "gzip")
    assert (texts.calls, made) == (1, [])


@pytest.mark.parametrize("path", ["/asis", "/fixed", "/short", "/random"])
def test_what_is_not_to_be_coded_is_not(client: Client, texts: Texts, made: list[str], path: str) -> None:
    answers = [ask(client, path, coding) for coding in ("gzip", None, "gzip", "br")]
    assert all("content-encoding" not in answer.headers for answer in answers)
    assert len({answer.body for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert ("no-transform" in answers[-1].headers["cache-control"]) is (path == "/fixed")
    assert (texts.calls, made) == (1, [])


def test_a_stale_answer_is_in_its_coding_too(client: Client, texts: Texts, clock: Clock) -> None:
    fresh = {coding: ask(client, "/text", coding) for coding in CODINGS}
    clock.advance(90)
    for coding in CODINGS:
        stale = ask(client, "/text", coding)
        assert (stale.body, stale.headers["etag"]) == (fresh[coding].body, fresh[coding].headers["etag"])


def test_a_client_that_takes_none_of_the_forms_gets_the_plain_one(client: Client) -> None:
    for accept in ("", "identity", "compress", "gzip;q=0, br;q=0, zstd;q=0"):
        answer = ask(client, "/text", accept)
        assert (answer.body, answer.headers.get("content-encoding")) == (TEXT, None)
