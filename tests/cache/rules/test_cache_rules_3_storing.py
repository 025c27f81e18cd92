"""RFC 9111 §3: what may be stored, and what of it."""

import pytest

from stanchion.cache.rules import storing
from tests.cache.rules.made import NOW, asked, date, kept, may_store, raw
from tests.cache.rules.requirements import requirement

FRESH = {"Cache-Control": "max-age=60"}


@requirement("3", "MUST NOT", "store an answer whose method is not understood; here: any but GET")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "M-SEARCH", "get"])
def test_3_only_answers_to_get_are_stored(method: str) -> None:
    assert not may_store(FRESH, method=method)
    assert may_store(FRESH)


@requirement("3", "MUST NOT", "store a response that is not final")
@pytest.mark.parametrize("status", [100, 102, 103])
def test_3_interim_responses_are_not_stored(status: int) -> None:
    assert not may_store(FRESH, status=status)


@requirement("3", "MUST NOT", "store a 206 or a 304 as if it were the whole")
@pytest.mark.parametrize("status", [206, 304])
def test_3_parts_and_validations_are_not_stored(status: int) -> None:
    assert not may_store({**FRESH, "Content-Range": "bytes 0-4/10"}, status=status)


@requirement("3", "MUST NOT", "store a response with neither explicit freshness nor a heuristically cacheable status")
@pytest.mark.parametrize("status", [201, 202, 302, 303, 307, 400, 403, 429, 500, 502, 503, 504, 599])
def test_3_a_status_that_is_not_cacheable_by_itself_needs_explicit_freshness(status: int) -> None:
    modified = {"Last-Modified": date(-86400)}
    assert not may_store(modified, status=status)
    for explicit in ("max-age=60", "s-maxage=60", "public"):
        assert may_store({**modified, "Cache-Control": explicit}, status=status)
    for expires in (date(60), "Thursday, 18-Aug-50 02:01:18 GMT"):
        assert may_store({"Expires": expires, "Date": date()}, status=status)
        assert may_store({"Expires": expires}, status=status)


@requirement("3", "MAY", "store a response whose status makes it heuristically cacheable")
@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
def test_3_heuristically_cacheable_statuses(status: int) -> None:
    assert may_store({"Last-Modified": date(-86400)}, status=status)


@requirement("3", "choice", "what is neither fresh, nor can be validated, nor served stale is not stored")
@pytest.mark.parametrize("fields", [{}, {"Cache-Control": "max-age=0"}, {"Cache-Control": "no-cache, max-age=60"}])
def test_3_what_has_no_use_is_not_stored(fields: dict[str, str]) -> None:
    assert not may_store(fields)
    assert may_store({**fields, "ETag": '"a"'})


@requirement("3", "MUST NOT", "store, as a shared cache, what is private")
def test_3_private_is_not_stored() -> None:
    assert not may_store({"Cache-Control": "private, max-age=60"})


@requirement("3.1", "MUST", "store all fields but those excluded")
def test_3_1_fields_are_kept_as_they_are() -> None:
    fields = [("Cache-Control", "max-age=60"), ("Date", date()), ("X-Unknown", "ü"), ("Link", "</a>"), ("Link", "</b>")]
    assert kept(fields).fields == tuple(raw(fields))


@requirement("3.1", "MUST NOT", "store Connection, nor the fields it names")
def test_3_1_fields_that_connection_names_are_left_out() -> None:
    response = {**FRESH, "Date": date(), "Connection": "a, B", "A": "1", "b": "2", "c": "3"}
    assert [name for name, _ in kept(response).fields] == [b"cache-control", b"date", b"c"]


@requirement("3.1", "MUST NOT", "store fields of one connection or one proxy")
@pytest.mark.parametrize(
    "name",
    [
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authenticate",
        "Proxy-Authentication-Info",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ],
)
def test_3_1_fields_of_a_connection_are_left_out(name: str) -> None:
    assert [own for own, _ in kept({**FRESH, name: "x", "Date": date()}).fields] == [b"cache-control", b"date"]


@requirement("3.3", "MUST NOT", "use an incomplete response as complete: parts are not stored")
def test_3_3_an_answer_to_a_range_that_is_whole_is_stored_and_a_part_is_not() -> None:
    assert may_store(FRESH, request={"Range": "bytes=0-4"})
    assert not may_store({**FRESH, "Content-Range": "bytes 0-4/10"}, request={"Range": "bytes=0-4"}, status=206)


@requirement("3.5", "MUST NOT", "reuse an answer to a request with Authorization, unless the response allows it")
@pytest.mark.parametrize(
    ("directives", "allowed"),
    [
        ("max-age=60", False),
        ("max-age=60, proxy-revalidate", False),
        ("max-age=60, immutable", False),
        ("max-age=60, public", True),
        ("s-maxage=60", True),
        ("max-age=60, must-revalidate", True),
    ],
)
def test_3_5_answers_to_requests_with_authorization(directives: str, allowed: bool) -> None:
    fields = {"Cache-Control": directives}
    assert may_store(fields, request={"Authorization": "Bearer t"}) is allowed
    assert may_store(fields)


@requirement("4.1", "MUST NOT", "reuse a response with Vary: *; it is not stored")
@pytest.mark.parametrize("vary", [["*"], ["*, *"], [", *"], ["Foo, *"], ["*, Foo"], ["", "*"], ["*", "*"], ["Foo Bar"]])
def test_4_1_vary_star_is_not_stored(vary: list[str]) -> None:
    assert not may_store([("Cache-Control", "max-age=60"), *(("Vary", value) for value in vary)])


@requirement(
    "7.3", "choice", "Set-Cookie goes to nobody but who was meant: such a response is stored only where it is for all"
)
@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"Cache-Control": "max-age=60"}, False),
        ({"Cache-Control": "max-age=60, must-revalidate"}, False),
        ({"Last-Modified": date(-86400)}, False),
        ({"Cache-Control": "public, max-age=60"}, True),
        ({"Cache-Control": "s-maxage=60"}, True),
        ({"CDN-Cache-Control": "max-age=60"}, True),
        ({"CDN-Cache-Control": "no-cache", "ETag": '"a"'}, False),
    ],
)
def test_7_3_set_cookie(fields: dict[str, str], stored: bool) -> None:
    fields = {**fields, "Set-Cookie": "session=secret"}
    assert may_store(fields) is stored
    assert all(b"secret" not in value for _, value in kept(fields).fields)


def test_what_is_for_its_first_client_alone_is_told() -> None:
    fields = {"Cache-Control": 'public, max-age=60, no-cache="x-user"', "X-User": "me"}
    assert storing.for_one(raw(fields))
    assert storing.for_one(raw({"Cache-Control": "public, max-age=60", "Set-Cookie": "a=b"}))
    assert not storing.for_one(raw({"Cache-Control": "public, max-age=60", "X-User": "me", "Connection": "x"}))


def test_a_missing_or_unreadable_date_becomes_the_time_of_receipt() -> None:
    for fields in (FRESH, {**FRESH, "Date": "yesterday"}):
        assert dict(kept(fields).fields)[b"date"] == date().encode()
    assert kept(FRESH).received == NOW


def test_length_and_age_are_left_out_since_they_are_told_anew() -> None:
    names = [name for name, _ in kept({**FRESH, "Age": "3", "Content-Length": "10", "Date": date()}).fields]
    assert names == [b"cache-control", b"date"]


def test_the_selecting_fields_of_the_request_are_kept() -> None:
    response = {**FRESH, "Vary": "Foo, bar"}
    assert kept(response, request={"Foo": " 1, 2 "}).selecting == ((b"bar", None), (b"foo", b"1,2"))
    assert asked([("Foo", "1"), ("Foo", "2")])[b"foo"] == b"1, 2"
