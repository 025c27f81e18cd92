"""Templates: what parses, what is refused and in which words, and paths filled in."""

from datetime import date
from enum import Enum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.errors import RouteError
from stanchion.routing.template import Parameter, fill, join, parse
from stanchion.routing.tree import Tree


class Cabin(Enum):
    FIRST = "first"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("/", ("",)),
        ("/items", ("items",)),
        ("/items/", ("items", "")),
        ("/airports/{iata}", ("airports", Parameter("iata"))),
        ("/flights/{id:int}/seats", ("flights", Parameter("id", "int"), "seats")),
        ("/files/{rest:path}", ("files", Parameter("rest", "path"))),
        ("/straße/a b", ("straße", "a b")),
        ("/v1/things:batch", ("v1", "things:batch")),
    ],
)
def test_a_template_is_parsed_into_segments(text: str, segments: tuple[str | Parameter, ...]) -> None:
    template = parse(text)

    assert template.segments == segments
    assert template.text == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it does not begin with a slash; write '/'"),
        ("items", "it does not begin with a slash; write '/items'"),
        ("/a//b", "it has an empty segment; write '/a/b'"),
        ("/{id", "unbalanced brace in '{id'"),
        ("/id}", "unbalanced brace in 'id}'"),
        ("/}id{", "unbalanced brace in '}id{'"),
        ("/v{x}", "'v{x}' is more than one parameter; give the parameter a segment of its own"),
        ("/{a}{b}", "'{a}{b}' is more than one parameter"),
        ("/{{a}}", "'{{a}}' is more than one parameter"),
        ("/{id}/{id}", "parameter 'id' occurs twice"),
        ("/{rest:path}/end", "{rest:path} is not last"),
        ("/{id:itn}", "unknown converter 'itn'; did you mean 'int'?"),
        ("/{id:zzz}", "unknown converter 'zzz'; use one of str, int, uuid, date, path"),
        ("/{id:}", "unknown converter ''"),
        ("/{}", "'' is no parameter name"),
        ("/{a-b}", "'a-b' is no parameter name"),
        ("/{class}", "'class' is no parameter name"),
        ("/a%20b", "'a%20b' can never match; write the path decoded"),
        ("/search?q=1", "can never match; write the path decoded, without query"),
    ],
)
def test_a_refusal_names_the_template_the_fault_and_the_mend(text: str, words: str) -> None:
    with pytest.raises(RouteError) as refusal:
        parse(text)

    assert str(refusal.value).startswith(f"template {text!r}: ")
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("prefix", "text", "whole"),
    [
        ("", "/a", "/a"),
        ("/v1", "/a", "/v1/a"),
        ("/v1", "", "/v1"),
        ("/v1", "/", "/v1/"),
        ("/orgs/{org}", "/users/{id:int}", "/orgs/{org}/users/{id:int}"),
    ],
)
def test_a_prefix_and_a_template_are_joined(prefix: str, text: str, whole: str) -> None:
    assert join(prefix, text) == whole


@pytest.mark.parametrize(
    ("prefix", "text", "words"),
    [
        ("/v1/", "/a", "a prefix ends without a slash; write '/v1'"),
        ("/v1", "a", "write '/a'"),
        ("v1", "/a", "write '/v1/a'"),
        ("", "", "it does not begin with a slash"),
        ("/{id}", "/{id}", "parameter 'id' occurs twice"),
        ("/{rest:path}", "/a", "is not last"),
    ],
)
def test_what_cannot_be_joined_is_refused(prefix: str, text: str, words: str) -> None:
    with pytest.raises(RouteError) as refusal:
        join(prefix, text)

    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "params", "path"),
    [
        ("/", {}, "/"),
        ("/straße/{id}", {"id": 7}, "/stra%C3%9Fe/7"),
        ("/flights/{id:int}", {"id": "-7"}, "/flights/-7"),
        ("/days/{day:date}", {"day": date(2026, 7, 31)}, "/days/2026-07-31"),
        ("/users/{id:uuid}", {"id": UUID(int=1)}, "/users/00000000-0000-0000-0000-000000000001"),
        ("/flags/{on}", {"on": True}, "/flags/true"),
        ("/cabins/{cabin}", {"cabin": Cabin.FIRST}, "/cabins/first"),
        ("/tags/{tag}", {"tag": "a/b c?%é"}, "/tags/a%2Fb%20c%3F%25%C3%A9"),
        ("/files/{rest:path}", {"rest": "a b/c?.txt"}, "/files/a%20b/c%3F.txt"),
        ("/files/{rest:path}", {"rest": ""}, "/files/"),
    ],
)
def test_filling_percent_encodes_each_value(text: str, params: dict[str, object], path: str) -> None:
    assert fill(parse(text), params) == path


@pytest.mark.parametrize(
    ("text", "params", "words"),
    [
        ("/{a}/{b}", {"a": 1}, "no value for b; it takes a, b"),
        ("/items", {"a": 1}, "no parameter a; it takes none"),
        ("/{a}", {"a": 1, "c": 2}, "no parameter c; it takes a"),
        ("/{id:int}", {"id": "x"}, "'x' is no value for 'id'; not a 64-bit integer"),
        ("/{id:int}", {"id": 1 << 63}, "not a 64-bit integer"),
        ("/{id}", {"id": None}, "None is no value for 'id'; NoneType has no textual form"),
        ("/{id}", {"id": [1]}, "list has no textual form"),
        ("/{id}", {"id": object()}, "object has no textual form"),
        ("/{id}", {"id": ""}, "no path can carry it"),
        ("/{id}", {"id": ".."}, "no path can carry it"),
        ("/{id}", {"id": "a\0b"}, "no path can carry it"),
        ("/{id}", {"id": "\ud800"}, "surrogates not allowed"),
        ("/{rest:path}", {"rest": "a/../b"}, "no path can carry it"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(text: str, params: dict[str, object], words: str) -> None:
    with pytest.raises(RouteError) as refusal:
        fill(parse(text), params)

    assert words in str(refusal.value)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_filled_path_leads_back_to_its_route_and_values(name: str, number: int) -> None:
    template = parse("/a ß/{number:int}/{name}")
    tree = Tree[str]()
    tree.add("GET", template, "route")
    tree.freeze()

    try:
        path = fill(template, {"name": name, "number": number})
    except RouteError:
        assert name in ("", ".", "..") or "\0" in name
    else:
        assert tree.find("GET", path) == ("route", [number, name])
