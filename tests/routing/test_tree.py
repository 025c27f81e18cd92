"""Finding routes: precedence, backtracking, methods, percent-encoding, conflicts."""

from typing import Any
from uuid import UUID

import pytest

from stanchion.errors import BadRequest, FrozenError, RouteConflict
from stanchion.routing.template import parse
from stanchion.routing.tree import ANY, Tree


def tree_of(*routes: str) -> Tree[str]:
    """A frozen tree of routes such as `GET /items/{id}`, each its own value."""
    tree = Tree[str]()
    for route in routes:
        method, _, template = route.partition(" ")
        tree.add(method, parse(template), route)
    tree.freeze()
    return tree


@pytest.mark.parametrize(
    ("template", "path", "captured"),
    [
        ("/", "/", []),
        ("/items", "/items", []),
        ("/items/", "/items/", []),
        ("/items/{id}", "/items/7", ["7"]),
        ("/items/{id:int}", "/items/-7", [-7]),
        ("/users/{id:uuid}", "/users/00000000-0000-0000-0000-000000000001", [UUID(int=1)]),
        ("/{a}/x/{b}", "/1/x/2", ["1", "2"]),
        ("/files/{rest:path}", "/files/a/b.txt", ["a/b.txt"]),
        ("/files/{rest:path}", "/files/", [""]),
        ("/files/{rest:path}", "/files//a/", ["/a/"]),
        ("/{rest:path}", "/", [""]),
        ("/straße/{x}", "/stra%C3%9Fe/%c3%a9", ["é"]),
        ("/{a}/{b}", "/x%2Fy/%25", ["x/y", "%"]),
        ("/files/{rest:path}", "/files/a%2Fb/%2e%2e", ["a/b/.."]),
    ],
)
def test_a_path_leads_to_its_route(template: str, path: str, captured: list[Any]) -> None:
    assert tree_of(f"GET {template}").find("GET", path) == (f"GET {template}", captured)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/", ""),
        ("/", "*"),
        ("/", "//"),
        ("/items", "/items/"),
        ("/items/", "/items"),
        ("/items", "items"),
        ("/items/{id}", "/items/"),
        ("/items/{id}", "/items/7/"),
        ("/items/{id}", "/items//"),
        ("/items/{id:int}", "/items/x"),
        ("/files/{rest:path}", "/files"),
        ("/a/b", "/a%2Fb"),
        ("/a/b", "/a/b" + "/" * 10_000),
    ],
)
def test_other_paths_lead_nowhere(template: str, path: str) -> None:
    assert tree_of(f"GET {template}").find("GET", path) == (None, [])


def test_static_goes_before_typed_before_untyped_before_the_rest() -> None:
    tree = tree_of("GET /a/{rest:path}", "GET /a/{name}", "GET /a/{id:int}", "GET /a/me")

    assert tree.find("GET", "/a/me") == ("GET /a/me", [])
    assert tree.find("GET", "/a/5") == ("GET /a/{id:int}", [5])
    assert tree.find("GET", "/a/x") == ("GET /a/{name}", ["x"])
    assert tree.find("GET", "/a/x/y") == ("GET /a/{rest:path}", ["x/y"])


def test_two_typed_parameters_may_stand_at_one_place() -> None:
    tree = tree_of("GET /{id:int}/a", "GET /{day:date}", "GET /{n:int}")

    assert tree.find("GET", "/5/a") == ("GET /{id:int}/a", [5])
    assert tree.find("GET", "/5") == ("GET /{n:int}", [5])
    assert tree.find("GET", "/2026-07-31")[0] == "GET /{day:date}"


def test_a_dead_end_is_left_again() -> None:
    tree = tree_of("GET /a/me", "GET /a/{id:int}/x", "GET /a/{name}/posts", "GET /{rest:path}")

    assert tree.find("GET", "/a/me/posts") == ("GET /a/{name}/posts", ["me"])
    assert tree.find("GET", "/a/5/posts") == ("GET /a/{name}/posts", ["5"])
    assert tree.find("GET", "/a/5/y") == ("GET /{rest:path}", ["a/5/y"])


def test_a_more_specific_route_of_another_method_is_not_in_the_way() -> None:
    tree = tree_of("GET /a/{id:int}", "POST /a/{name}")

    assert tree.find("POST", "/a/5") == ("POST /a/{name}", ["5"])


def test_a_miss_names_the_methods_that_would_be_answered() -> None:
    tree = tree_of("GET /a/{id}", "POST /a/{name}", "DELETE /a/{id:int}", "PUT /b")

    assert tree.find("PUT", "/a/5") == (None, ["DELETE", "GET", "HEAD", "OPTIONS", "POST"])
    assert tree.find("PUT", "/a/x") == (None, ["GET", "HEAD", "OPTIONS", "POST"])
    assert tree.find("OPTIONS", "/b") == (None, ["OPTIONS", "PUT"])
    assert tree.find("PURGE", "/c") == (None, [])


def test_head_falls_back_to_the_get_route_of_the_same_shape() -> None:
    tree = tree_of("GET /a/{id}", "GET /a/me", "HEAD /a/{name}", "GET /b")

    assert tree.find("HEAD", "/a/5") == ("HEAD /a/{name}", ["5"])
    assert tree.find("HEAD", "/a/me") == ("GET /a/me", [])
    assert tree.find("HEAD", "/b") == ("GET /b", [])


def test_a_route_of_any_method_gives_way_only_to_its_own_shape() -> None:
    tree = tree_of("* /v1/{rest:path}", "GET /v1/{rest:path}", "GET /{a}/{b}", "POST /v1/x")

    assert tree.find("GET", "/v1/y") == ("GET /v1/{rest:path}", ["y"])
    assert tree.find("PURGE", "/v1/y") == ("* /v1/{rest:path}", ["y"])
    assert tree.find("POST", "/v1/y") == ("* /v1/{rest:path}", ["y"])
    assert tree.find("POST", "/v1/x") == ("POST /v1/x", [])
    assert tree.find("PURGE", "/a/b") == (None, ["GET", "HEAD", "OPTIONS"])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/items", "/items"),
        ("/{a}", "/{b}"),
        ("/{a}", "/{b:str}"),
        ("/{a:int}/x", "/{b:int}/x"),
        ("/f/{a:path}", "/f/{b:path}"),
    ],
)
def test_a_conflict_names_both_routes(first: str, second: str) -> None:
    tree = Tree[str]()
    tree.add("GET", parse(first), "first")
    tree.add("POST", parse(first), "of another method")
    tree.add(ANY, parse(first), "of any method")

    with pytest.raises(RouteConflict, match="answer the same requests") as conflict:
        tree.add("GET", parse(second), "second")

    assert f"GET {first}" in str(conflict.value)
    assert f"GET {second}" in str(conflict.value)


@pytest.mark.parametrize("path", ["/%", "/a/%4", "/%zz", "/%ff", "/%C3", "/a%00b", "/é", "/a/b/c/d/%", "/%ED%A0%80"])
def test_a_malformed_path_is_a_bad_request(path: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        tree_of("GET /a").find("GET", path)

    assert refusal.value.code == "malformed-path"


def test_the_tree_is_frozen_before_it_finds() -> None:
    tree = Tree[str]()
    tree.add("GET", parse("/a"), "a")
    assert tree.find("GET", "/a") == (None, [])
    assert repr(tree) == "<Tree 1 routes, GET>"

    tree.freeze()

    assert tree.find("GET", "/a") == ("a", [])
    with pytest.raises(FrozenError, match="GET /b: routes are frozen; add it before"):
        tree.add("GET", parse("/b"), "b")


def test_an_empty_tree_finds_nothing() -> None:
    assert tree_of().find("GET", "/") == (None, [])
