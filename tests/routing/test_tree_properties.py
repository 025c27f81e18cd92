"""The tree against a model that is slow and plainly right: every template tried in order of precedence."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.errors import BadRequest, RouteConflict
from stanchion.routing.converters import to_int
from stanchion.routing.template import Parameter, Template, parse
from stanchion.routing.tree import Tree

METHODS = ["GET", "POST", "HEAD"]
Route = tuple[str, Template]


def rank(segment: str | Parameter) -> int:
    """Static, typed, untyped, the rest."""
    return 0 if isinstance(segment, str) else {"int": 1, "str": 2, "path": 3}[segment.converter]


def match(template: Template, path: str) -> list[Any] | None:
    """What the template captures of a path, or None where it does not match."""
    pieces = [unquote(piece) for piece in path.split("/")[1:]]
    captured: list[Any] = []
    for index, segment in enumerate(template.segments):
        if index >= len(pieces):
            return None
        piece = pieces[index]
        if isinstance(segment, str):
            if segment != piece:
                return None
        elif segment.converter == "path":
            return [*captured, "/".join(pieces[index:])]
        elif not piece:
            return None
        elif segment.converter == "int":
            try:
                captured.append(to_int(piece))
            except ValueError:
                return None
        else:
            captured.append(piece)
    return captured if len(pieces) == len(template.segments) else None


def expected(routes: list[Route], method: str, path: str) -> tuple[Any, list[Any]]:
    """What `Tree.find` should say, each route being its own value."""

    def best(wanted: str) -> tuple[Any, list[Any]] | None:
        order = sorted(routes, key=lambda route: (list(map(rank, route[1].segments)), route[0] != wanted))
        for route in order:
            serves = route[0] == wanted or (wanted == "HEAD" and route[0] == "GET")
            if serves and (captured := match(route[1], path)) is not None:
                return route, captured
        return None

    allowed = {wanted for wanted in METHODS if best(wanted)}
    return best(method) or (None, sorted(allowed | {"OPTIONS"}) if allowed else [])


def template(parts: list[str], end: str) -> str:
    """A template whose parameters have names of their own."""
    named = [part.replace("{", f"{{p{index}") for index, part in enumerate(parts)]
    return "/" + "/".join(named) + end


segments = st.sampled_from(["a", "b", "ß", "1", "{x:int}", "{y}"])
templates = st.builds(template, st.lists(segments, max_size=4), st.sampled_from(["", "", "/", "/{rest:path}"]))
pieces = st.sampled_from(["a", "b", "ß", "1", "2", "c", "", "a/b", "%"])
paths = st.lists(pieces, max_size=6).map(lambda parts: "/" + "/".join(quote(part, safe="") for part in parts))
declarations = st.tuples(st.sampled_from(METHODS), templates.filter(lambda text: "//" not in text).map(parse))
requests = st.tuples(st.sampled_from([*METHODS, "PUT"]), paths)
awkward = st.lists(st.sampled_from([b"/", b"%", b"a", b"C3", b"%2F", b"\xe9"])).map(b"".join)


@given(st.lists(declarations, max_size=12), st.lists(requests, min_size=1, max_size=8))
def test_the_tree_agrees_with_the_model(declared: list[Route], requests: list[tuple[str, str]]) -> None:
    tree, routes = Tree[Route](), []
    for route in declared:
        try:
            tree.add(*route, route)
        except RouteConflict:
            continue
        routes.append(route)
    tree.freeze()

    for method, path in requests:
        assert tree.find(method, path) == expected(routes, method, path)


@given(st.binary(max_size=60) | awkward)
def test_any_bytes_are_found_or_a_bad_request(raw: bytes) -> None:
    tree = Tree[str]()
    for text in ("/", "/a", "/a/{x}", "/a/{n:int}/b", "/{rest:path}"):
        tree.add("GET", parse(text), text)
    tree.freeze()

    with suppress(BadRequest):
        value, _ = tree.find("GET", "/" + raw.decode("latin-1"))
        assert value is not None


def test_the_model_itself_is_not_vacuous() -> None:
    routes = [("GET", parse("/a/{x:int}")), ("POST", parse("/a/{y}"))]

    assert expected(routes, "POST", "/a/1") == (routes[1], ["1"])
    assert expected(routes, "PUT", "/a/1") == (None, ["GET", "HEAD", "OPTIONS", "POST"])
    with pytest.raises(KeyError):
        rank(Parameter("x", "date"))
