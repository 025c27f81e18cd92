"""What a cache may not be declared as: each wrong value is one clear error at start."""

import math
from typing import Any

import pytest

from stanchion import App, Cache, Settings
from stanchion.errors import ConfigurationError
from stanchion.testing import Client

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"ttl": -1}, "ttl=-1"),
        ({"ttl": math.nan}, "ttl=nan"),
        ({"ttl": math.inf}, "ttl=inf"),
        ({"ttl": 31_536_001}, "<= 31536000"),
        ({"ttl": "60"}, "ttl='60'"),
        ({"ttl": True}, "ttl=True"),
        ({"ttl": 1, "stale": -0.1}, "stale=-0.1"),
        ({"ttl": 1, "stale": math.nan}, "stale=nan"),
        ({"ttl": 1, "stale_if_error": "1h"}, "stale_if_error='1h'"),
        ({"ttl": 1, "client_ttl": -1}, "client_ttl=-1"),
        ({"stale": 60}, "stale goes with a ttl"),
        ({"stale_if_error": 60}, "stale_if_error goes with a ttl"),
        ({"client_ttl": 60}, "client_ttl goes with a ttl"),
        ({"by": "user"}, "answers of users need a ttl"),
        ({"ttl": 1, "by": "all"}, "by is 'public' or 'user'"),
        ({"ttl": 1, "key": "path"}, "key is a function of the request"),
        ({"ttl": 1, "vary": "Accept-Language"}, "expected a list of texts"),
        ({"ttl": 1, "vary": ("Accept Language",)}, "'Accept Language' is no name of a field"),
        ({"ttl": 1, "vary": ("*",)}, "'\\*' is no name of a field"),
        ({"ttl": 1, "vary": ("☃",)}, "'☃' is no name of a field"),
        ({"ttl": 1, "vary": ("",)}, "'' is no name of a field"),
        ({"ttl": 1, "tags": "airports"}, "expected a list of texts"),
        ({"ttl": 1, "tags": [1]}, "expected a list of texts"),
        ({"ttl": 1, "tags": None}, "expected a list of texts"),
        ({"ttl": 1, "tiers": ("memory", "disk")}, "'disk' is none of 'memory', 'machine', 'store', and no URL"),
        ({"ttl": 1, "tiers": "memory"}, "expected a list of texts"),
        ({"ttl": 1, "scope": "world"}, "scope is one of worker, machine, fleet"),
        ({"ttl": 1, "scope": "machine", "tiers": ("memory",)}, "add 'machine' or 'store' to tiers"),
        ({"ttl": 1, "scope": "fleet", "tiers": ("memory", "machine")}, "add 'store' to tiers"),
        ({"ttl": 1, "compress": "gzip"}, "compress='gzip'"),
        ({"ttl": 1, "surrogate_keys": 1}, "surrogate_keys=1"),
        ({"ttl": 1, "name": ""}, "name=''"),
        ({"ttl": 1, "name": "é"}, "name='é'"),
    ],
)
def test_a_wrong_value_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as refused:
        Cache(**options)
    assert str(refused.value).startswith("Cache(")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ttl": 0},
        {"ttl": 0.5, "stale": 31_536_000},
        {"ttl": 60, "vary": ["Accept-Language", "x_1"], "tags": ["a", "b:{id}"], "tiers": ["memory"]},
        {"ttl": 60, "scope": "machine", "tiers": ("machine",)},
        {"ttl": 60, "scope": "fleet", "tiers": ("memory", NOWHERE)},
    ],
)
def test_what_is_in_range_is_taken_and_shown_as_it_was_written(options: dict[str, Any]) -> None:
    cache = Cache(**options)
    shown = repr(cache)
    assert all(name in shown for name in options)
    assert hash(cache) is not None


@pytest.mark.parametrize(
    ("declared", "settings", "said"),
    [
        (Cache(ttl=1, tags=["airport:{iata}"]), {}, "names 'iata'; the path's parameters: id"),
        (Cache(ttl=1, tags=["airport:{"]), {}, "write `{{` for a brace of its own"),
        (Cache(ttl=1, tiers=("ftp://user:secret@host",)), {}, "is no store of a cache"),
        (Cache(ttl=1, scope="fleet"), {}, "name it with the setting cache_store"),
        (Cache(ttl=1, scope="fleet"), {"cache_store": "memcached://127.0.0.1:1"}, "agree by a Redis or Valkey"),
    ],
)
def test_what_does_not_fit_the_route_or_the_settings_stops_the_start(
    declared: Cache, settings: dict[str, Any], said: str
) -> None:
    app = App("wrong")

    @app.get("/{id}", cache=declared)
    async def handler(id: str) -> str:
        return id

    with pytest.raises(ConfigurationError, match=said) as refused, Client(app, Settings(**settings)):
        raise AssertionError("it has started")
    assert "secret" not in str(refused.value)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Cache(ttl=1, tiers=("redis://user:secret@host/0",)))


def test_a_route_that_writes_is_told_what_to_say_instead() -> None:
    app = App("writes")

    @app.put("/", cache=Cache(ttl=1))
    async def handler() -> None: ...

    with pytest.raises(ConfigurationError, match="only GET and HEAD are cached; take `cache` away"):
        app.compile()


@pytest.mark.parametrize("tags", ["airport", [], [1], 5])
def test_what_a_write_ends_is_a_list_of_tags(tags: Any) -> None:
    app = App("writes")

    @app.put("/", invalidates=tags)
    async def handler() -> None: ...

    with pytest.raises(ConfigurationError, match="expected a list of tags"):
        app.compile()
