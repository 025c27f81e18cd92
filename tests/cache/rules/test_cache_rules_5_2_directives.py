"""RFC 9111 §5.2, §4.2.1: reading Cache-Control; §5.2.2: what its directives forbid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cache.rules.directives import INVALID, parse
from tests.cache.rules.made import date, kept, may_store
from tests.cache.rules.requirements import requirement

EXPLICIT = {"Expires": date(60), "Date": date(), "ETag": '"a"'}


@requirement("5.2", "MUST", "ignore the case of directives, and accept both a token and a quoted string")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"max-age=60", {b"max-age": b"60"}),
        (b'MAX-AGE="60"', {b"max-age": b"60"}),
        (b" a ,\tb=c ,, d", {b"a": None, b"b": b"c", b"d": None}),
        (b'a="b, c=d", e', {b"a": b"b, c=d", b"e": None}),
        (b'a="b\\"c", d', {b"a": b'b"c', b"d": None}),
        (b"a=1, A=2", {b"a": b"1"}),
        (b'private=a, private="b, c"', {b"private": b"a,b, c"}),
        (b"no-cache=a, no-cache, no-cache=b", {b"no-cache": None}),
        (b"a= 1, b =2, c=d e", {b"a": INVALID, b"b": INVALID, b"c": INVALID}),
        (b'a="b"c', {b"a": INVALID}),
        (b"=a, b", {b"b": None}),
        (b"", {}),
    ],
)
def test_5_2_cache_control_is_read(value: bytes, expected: dict[bytes, bytes | None]) -> None:
    assert parse(value) == expected


@requirement("5.2", "MUST NOT", "take what stands in a quoted string for a directive")
def test_5_2_a_quoted_directive_is_none() -> None:
    assert parse(b'ext="max-age=3600, no-store", max-age=1') == {b"ext": b"max-age=3600, no-store", b"max-age": b"1"}


@requirement("5.2", "choice", "a quote that is not closed makes the whole no-store")
@pytest.mark.parametrize("value", ['max-age="60', 'max-age=60, a="b', 'max-age=60, "', "max-age=60," + "a" * 9000])
def test_5_2_what_cannot_be_read_is_not_stored(value: str) -> None:
    assert not may_store({"Cache-Control": value})


@requirement("5.2.2.5", "MUST NOT", "store a response with no-store")
@pytest.mark.parametrize("value", ["no-store", "No-StOrE", "max-age=60, no-store", "no-store=x", "no-store =x, public"])
def test_5_2_2_5_no_store(value: str) -> None:
    assert not may_store({**EXPLICIT, "Cache-Control": value})


@requirement("5.2.1.5", "MUST NOT", "store the answer to a request with no-store")
def test_5_2_1_5_no_store_in_the_request() -> None:
    assert not may_store(EXPLICIT, request={"Cache-Control": "no-store"})
    assert may_store(EXPLICIT, request={"Cache-Control": "no-cache"})


@requirement(
    "5.2.2.3", "SHOULD", "store under must-understand only a status that is understood, whatever no-store says"
)
@pytest.mark.parametrize(
    ("status", "value", "stored"),
    [
        (200, "max-age=60, no-store, must-understand", True),
        (599, "max-age=60, no-store, must-understand", False),
        (599, "max-age=60, must-understand", False),
        (599, "max-age=60", True),
        (404, "max-age=60, must-understand", True),
    ],
)
def test_5_2_2_3_must_understand(status: int, value: str, stored: bool) -> None:
    assert may_store({"Cache-Control": value}, status=status) is stored


@requirement("5.2.2.7", "MUST NOT", "store, as a shared cache, a response with private")
@pytest.mark.parametrize(
    "value",
    ["private", "PRIVATE, public", "private=a, private", "private=", 'private=""', 'private="a b"', 'private="'],
)
def test_5_2_2_7_private(value: str) -> None:
    assert not may_store({**EXPLICIT, "Cache-Control": value})


@requirement("5.2.2.7", "MUST NOT", "store the fields that a qualified private names")
@pytest.mark.parametrize("value", ['private="x-user, X-Other"', 'private="x-other", no-cache="x-user"'])
def test_5_2_2_7_fields_that_private_names(value: str) -> None:
    fields = {**EXPLICIT, "Cache-Control": value, "X-User": "me", "X-Other": "1", "X": "2"}
    assert may_store(fields)
    assert {b"x-user", b"x-other", b"x"} & {name for name, _ in kept(fields).fields} == {b"x"}


@requirement("5.2.2.7", "choice", "where it names a field that governs reuse, it counts as unqualified")
@pytest.mark.parametrize("name", ["vary", "Content-Type", "etag"])
def test_5_2_2_7_fields_without_which_it_would_be_another_response(name: str) -> None:
    fields = {**EXPLICIT, "Cache-Control": f'private="{name}"', name: "x"}
    assert not may_store(fields)


@requirement("5.2.2.9", "MAY", "store what is public and heuristically fresh, whatever its status")
def test_5_2_2_9_public() -> None:
    assert may_store({"Cache-Control": "public", "Last-Modified": date(-600)}, status=299)
    assert not may_store({"Last-Modified": date(-600)}, status=299)


@requirement("5.2.3", "MUST", "ignore directives that are not known")
def test_5_2_3_extensions() -> None:
    assert may_store({"Cache-Control": 'foo, bar=1, baz="max-age=0", max-age=60, immutable, no-transform'})


@given(st.binary(max_size=60))
def test_bytes_are_read_without_an_error(value: bytes) -> None:
    assert all(name == name.strip(b" \t").lower() and name for name in parse(value))


@given(
    st.lists(
        st.tuples(st.from_regex(r"[a-z-]{1,8}", fullmatch=True), st.text('ab, =\\"', max_size=6)),
        unique_by=lambda p: p[0],
    )
)
def test_what_is_quoted_is_read_back(pairs: list[tuple[str, str]]) -> None:
    quoted = [(name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in pairs]
    value = ", ".join(f'{name}="{text}"' for name, text in quoted).encode()
    assert parse(value) == {name.encode(): text.encode() for name, text in pairs}
