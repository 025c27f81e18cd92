"""What a request works out on first use."""

import asyncio
import string
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.errors import BadRequest, HTTPError
from stanchion.http.request import parse_cookies, parse_query


def test_query_keeps_repeats_blanks_and_order(request_of) -> None:
    request = request_of("GET", "/search?tag=a&tag=b&q=&page=2&flag")
    assert request.query == {"tag": ["a", "b"], "q": [""], "page": ["2"], "flag": [""]}
    assert request.query is request.query


def test_query_is_percent_decoded_utf_8_with_plus_as_blank() -> None:
    assert parse_query("name=J%C3%BCrgen+M", 10) == {"name": ["Jürgen M"]}


def test_a_query_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_query("name=%FF", 10)
    assert caught.value.code == "malformed-query"


def test_query_parameters_are_bounded() -> None:
    assert len(parse_query("&".join(f"p{i}=1" for i in range(10)), 10)) == 10
    with pytest.raises(BadRequest) as caught:
        parse_query("&" * 10, 10)
    assert caught.value.code == "too-many-query-parameters"


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))))
def test_query_round_trips(pairs: list[tuple[str, str]]) -> None:
    parsed = parse_query(urlencode(pairs), 1000)
    assert [(name, value) for name in parsed for value in parsed[name]] == sorted(
        pairs, key=lambda pair: [name for name, _ in pairs].index(pair[0])
    )


@given(st.text(st.characters(max_codepoint=255)))
def test_any_query_is_parsed_or_refused(text: str) -> None:
    try:
        outcome: object = parse_query(text, 256)
    except HTTPError as error:
        outcome = error.status
    assert outcome == 400 or isinstance(outcome, dict)


def test_cookies_skip_what_is_malformed_and_the_first_wins(request_of) -> None:
    request = request_of("GET", "/", {"Cookie": 'a=1; b="2"; junk; =x; a=3; c=x=y;'})
    assert request.cookies == {"a": "1", "b": "2", "c": "x=y"}
    assert request.cookies is request.cookies
    assert request_of().cookies == {}


@given(st.text(st.characters(max_codepoint=255)))
def test_any_cookie_field_is_parsed(text: str) -> None:
    assert all(name and "=" not in name and ";" not in name for name in parse_cookies(text))


@pytest.mark.parametrize("given_id", ["a", "7f3c-1", "x" * 128])
def test_a_sane_request_id_is_kept(request_of, given_id: str) -> None:
    assert request_of("GET", "/", {"X-Request-Id": given_id}).id == given_id


@pytest.mark.parametrize("given_id", ["", "x" * 129, "a b", "tab\there", "del\x7f", "ü"])
def test_any_other_request_id_is_replaced(request_of, given_id: str) -> None:
    request = request_of("GET", "/", {"X-Request-Id": given_id})
    assert len(request.id) == 32
    assert set(request.id) <= set(string.hexdigits)
    assert request.id == request.id


def test_path_parameters_by_name(request_of) -> None:
    request = request_of()
    request.path_names, request.path_args = ("city", "day"), ("Köln", 3)
    assert request.path_params == {"city": "Köln", "day": 3}


def test_state_lasts_and_belongs_to_one_request(request_of) -> None:
    first, second = request_of(), request_of()
    first.state["user"] = 7
    assert first.state == {"user": 7}
    assert second.state == {}


def test_client_and_scheme_are_the_connection_s(request_of) -> None:
    request = request_of()
    assert (request.client, request.scheme) == (("127.0.0.1", 50_000), "http")


def test_the_body_whole_in_chunks_and_as_json(request_of) -> None:
    async def main() -> None:
        chunks = [b'{"a":', b"[1]}"]
        assert await request_of(chunks=chunks).body() == b'{"a":[1]}'
        assert [chunk async for chunk in request_of(chunks=chunks).chunks()] == chunks
        assert await request_of(chunks=chunks).json() == {"a": [1]}

    asyncio.run(main())


def test_no_body_is_an_empty_one(request_of) -> None:
    async def main() -> None:
        assert await request_of().body() == b""
        assert [chunk async for chunk in request_of().chunks()] == []

    asyncio.run(main())


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused(request_of, body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        asyncio.run(request_of(chunks=[body]).json())
    assert caught.value.code == "malformed-json"


@given(st.text(alphabet="ab=&+%2041é;?/", max_size=30))
def test_queries_are_split_as_the_standard_library_does(text: str) -> None:
    expected: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(text, keep_blank_values=True, errors="strict"):
            expected.setdefault(name, []).append(value)
    except UnicodeDecodeError:
        with pytest.raises(BadRequest, match="UTF-8"):
            parse_query(text, 256)
    else:
        assert parse_query(text, 256) == expected
