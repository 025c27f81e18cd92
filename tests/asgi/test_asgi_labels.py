"""Labels never hold what a client has sent."""

from types import SimpleNamespace
from typing import Any

import pytest

from stanchion.asgi.labels import Labels
from stanchion.http.request import Request


def asked(given: dict[str, Any] | None) -> Request:
    return Request("GET", "/", "", {}, None, scope=given)


def scope(path: str, route: Any = None, **more: Any) -> dict[str, Any]:
    return {"path": path, "root_path": "/v1", "route": route, **more}


ITEM = SimpleNamespace(path="/items/{id:int}", path_format="/items/{id}")
PLAIN = SimpleNamespace(path="/items/{id}")


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (None, "/v1/{path}"),
        (scope("/v1/x"), "/v1/{path}"),
        (scope("/v1/x", SimpleNamespace()), "/v1/{path}"),
        (scope("/v1/items/7", ITEM), "/v1/items/{id}"),
        (scope("/v1/items/7", PLAIN), "/v1/items/{id}"),
        (scope("/v1/in/items/7", PLAIN, root_path="/v1/in"), "/v1/in/items/{id}"),
        (scope("/v1/in/items/7", PLAIN, root_path="/v1/in", path_params={"id": 7}), "/v1/in/items/{id}"),
        (scope("/v1/o/a/items/7", PLAIN, root_path="/v1/o/a", path_params={"t": "a", "id": 7}), "/v1/o/{t}/items/{id}"),
        (scope("/v1/o/07/items/7", PLAIN, root_path="/v1/o/07", path_params={"t": 7}), "/v1/{path}"),
        (scope("/v1/items/7", PLAIN, root_path="/behind/a/proxy"), "/v1/items/{id}"),
    ],
)
def test_labels(given: dict[str, Any] | None, label: str) -> None:
    labels = Labels("/v1")
    assert [labels.of(asked(given)), labels.of(asked(given))] == [label, label]


def test_a_route_that_is_mounted_twice_keeps_its_labels_apart() -> None:
    labels = Labels("/v1")
    for prefix in ("/v1/a", "/v1/b", "/v1/a"):
        given = scope(f"{prefix}/items/1", PLAIN, root_path=prefix)
        assert labels.of(asked(given)) == f"{prefix}/items/{{id}}"
