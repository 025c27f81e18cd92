"""`stanchion cache` against a server with two workers: what is kept, what was counted, and what is made anew."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Serve
from tests.cluster.running import Server, until
from tests.limits.redis_server import RedisServer, needs_redis

_APP = """
import os
from stanchion import App, Cache, Request

app = App("shop")
calls = 0

def made() -> dict[str, object]:
    global calls
    calls += 1
    return {"call": f"{calls} of {os.getpid()}", "text": "x" * 2000}

@app.get("/airports/{iata}", cache=Cache(ttl=60, stale=600, tags=["airport:{iata}"], tiers=TIERS, scope="machine"))
async def airport(iata: str) -> dict[str, object]:
    return made()

@app.get("/short", cache=Cache(ttl=0.2, tiers=["memory"], name="short"))
async def short() -> dict[str, object]:
    return made()

@app.get("/greeting", cache=Cache(ttl=60, vary=["Accept-Language"], tags=lambda request, response: ["greetings"]))
async def greeting() -> dict[str, object]:
    return made()

@app.get("/broken", cache=Cache(ttl=60, key=lambda request: request.query["page"][0]))
async def broken() -> dict[str, object]:
    return made()

@app.get("/me", cache=Cache(ttl=60, by="user"))
async def me() -> dict[str, object]:
    return made()

@app.get("/plain")
async def plain() -> str:
    return "plain"
"""


@pytest.fixture
def shop(serve: Serve, tmp_path: Path) -> Server:
    """Two workers."""
    (tmp_path / "app.py").write_text(_APP.replace("TIERS", '["memory", "machine"]'))
    server = serve("--workers", "2")
    server.full()
    return server


def url(server: Server, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def said(server: Server, *arguments: str) -> str:
    return server.command("cache", *arguments, check=True).stdout


def found(server: Server, path: str, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(said(server, "get", url(server, path), "--json", *arguments))
    return answer


def refused(server: Server, *arguments: str) -> str:
    done = server.command("cache", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr.removeprefix("stanchion: ").rstrip("\n")


def call(server: Server, path: str) -> str:
    """Which call of a handler made the answer."""
    status, body = server.get(path)
    assert status == 200
    which: str = json.loads(body)["call"]
    return which


def in_both(server: Server, path: str) -> None:
    """Ask until both workers have it in memory."""

    def asked() -> bool:
        server.get(path)
        return len([one for one in found(server, path)["entries"] if one["tier"] == "memory"]) == 2

    until(asked)


def test_stats_tell_of_tiers_caches_and_routes(shop: Server) -> None:
    assert len({call(shop, "/airports/JFK") for _ in range(10)}) == 1
    call(shop, "/short")
    stats = json.loads(said(shop, "stats", "--json"))
    assert (stats["workers"], stats["silent"]) == (2, [])
    routes = {one["route"]: one for one in stats["routes"]}
    counts = routes["/airports/{iata}"]["counts"]
    assert (counts["misses"], counts["hits"] + counts["coalesced"], counts["stored"]) == (1, 9, 1)
    assert routes["/airports/{iata}"]["tiers"] == ["memory", "machine"]
    assert routes["/short"]["counts"]["misses"] == stats["caches"]["short"]["misses"] == 1
    assert {name: stats["caches"]["responses"][name] for name in counts} == counts
    assert stats["tiers"]["machine"]["entries"] == stats["tiers"]["machine"]["stored"] == 1
    assert 2 <= stats["tiers"]["memory"]["entries"] <= 3
    assert stats["tiers"]["memory"]["bytes"] > 2000


def test_stats_as_a_table(shop: Server) -> None:
    call(shop, "/short")
    tiers, caches, routes = said(shop, "stats").split("\n\n")
    assert re.split("  +", tiers.splitlines()[0])[:3] == ["Tier", "Entries", "Bytes"]
    assert re.search(r"^memory +1 +[\d.]+ KiB +", tiers, re.MULTILINE)
    assert re.search(r"^short +0 +0 +0 +1 +0 +1 +0$", caches, re.MULTILINE)
    assert re.search(r"^GET +/short +memory +0 +0 +0 +1 +0\.0%$", routes, re.MULTILINE)
    assert re.search(r"^GET +/airports/\{iata\} +memory machine +0 +0 +0 +0 +-$", routes, re.MULTILINE)


def test_get_tells_what_is_kept_and_asks_nobody(shop: Server) -> None:
    assert found(shop, "/airports/JFK") == {
        "url": url(shop, "/airports/JFK"),
        "route": "GET /airports/{iata}",
        "why": "",
        "tags": ["airport:JFK"],
        "entries": [],
    }
    assert call(shop, "/airports/JFK").startswith("1 of ")  # the look has called no handler
    in_both(shop, "/airports/JFK")
    entries = found(shop, "/airports/JFK")["entries"]
    assert [(one["tier"], one["worker"]) for one in entries] == [("memory", 0), ("memory", 1), ("machine", None)]
    for one in entries:
        assert (one["status"], one["state"], one["varies"]) == (200, "fresh", [])
        assert one["age"] + one["fresh_for"] == pytest.approx(60)
        assert one["size"] > 2000 > max(one["codings"].values())
        assert one["codings"].keys() == {"gzip", "br", "zstd"}
    page = said(shop, "get", url(shop, "/airports/JFK"))
    assert f"{url(shop, '/airports/JFK')}, GET /airports/{{iata}}\n  tags: airport:JFK\n" in page
    assert re.search(
        r"^machine +all +200 +fresh +\d+\.\d s +\d+\.\d s +2\.0 KiB +.*gzip \d+ B.* +-$", page, re.MULTILINE
    )


def test_get_tells_variants_users_and_why_there_is_nothing(shop: Server) -> None:
    call(shop, "/greeting")
    assert found(shop, "/greeting", "--header", "Accept-Language: de")["entries"] == []
    there = found(shop, "/greeting")
    assert there["tags"] is None
    assert there["entries"][0]["varies"] == ["accept-language"]
    assert "tags: made by a function" in said(shop, "get", url(shop, "/greeting"))
    assert found(shop, "/me")["why"] == "answers are kept by user; say which with --user"
    assert (found(shop, "/me", "--user", "ada")["why"], found(shop, "/me", "--user", "ada")["entries"]) == ("", [])
    assert found(shop, "/broken")["why"] == "key= of the cache failed: KeyError('page')"
    assert found(shop, "/broken?page=1")["why"] == ""
    assert (found(shop, "/plain")["route"], found(shop, "/plain")["why"]) == ("GET /plain", "the route has no cache")
    assert (found(shop, "/nowhere")["route"], found(shop, "/nowhere")["why"]) == (None, "no route answers it")
    call(shop, "/short")
    until(lambda: found(shop, "/short")["entries"][0]["state"] == "expired")


def test_purge_by_tag_holds_in_both_workers_at_once(shop: Server) -> None:
    in_both(shop, "/airports/JFK")
    before = call(shop, "/airports/JFK")
    assert said(shop, "purge", "airport:JFK", "airport:EWR") == "2 tags made invalid in 2 workers\n"
    assert {one["state"] for one in found(shop, "/airports/JFK")["entries"]} == {"invalidated"}
    anew = {call(shop, "/airports/JFK") for _ in range(10)}
    assert len(anew) == 1
    assert before not in anew


def test_purge_by_url_and_everything(shop: Server) -> None:
    for path in ("/airports/JFK", "/airports/EWR?full=1"):
        call(shop, path)
    assert said(shop, "purge", "--url", url(shop, "/airports/EWR?full=1")) == "1 URL made invalid in 2 workers\n"
    assert found(shop, "/airports/EWR?full=1")["entries"][0]["state"] == "invalidated"
    assert found(shop, "/airports/JFK")["entries"][0]["state"] == "fresh"
    assert said(shop, "purge", "--all") == "everything made invalid in 2 workers\n"
    assert found(shop, "/airports/JFK")["entries"][0]["state"] == "invalidated"
    assert said(shop, "purge", "nobody-has-this") == "1 tag made invalid in 2 workers\n"


def test_what_cannot_be_asked(shop: Server) -> None:
    for text in ("airports/JFK", "ftp://localhost/x", "http:///x", "http://localhost:port/", "http://localhost/a b"):
        message = f"{text!r} is no URL of HTTP; give it with its host, as clients ask for it: "
        assert refused(shop, "get", text).startswith(message)
        assert refused(shop, "purge", "--url", text).startswith(message)
    assert refused(shop, "purge") == "say what to purge: tags, --url URL or --all"
    assert refused(shop, "purge", "*") == "'*' is no tag of an app's; for a URL give --url, for everything --all"
    assert refused(shop, "get", url(shop, "/me"), "--header", "x").startswith("--header 'x': expected 'NAME: VALUE'")
    assert refused(shop, "get", url(shop, "/me"), "--header", "x: →").startswith(
        "'→' cannot be part of a request field; "
    )
    assert shop.command("stop", check=True).stdout == "stopping\n"
    assert shop.ended() == 0
    for arguments in (["stats"], ["get", "http://localhost/"], ["purge", "x"]):
        assert refused(shop, *arguments).startswith("no server of yours runs here; ")


def test_a_worker_that_does_not_answer_is_done_without(shop: Server) -> None:
    stopped, other = shop.full().values()
    os.kill(stopped, signal.SIGSTOP)
    try:
        stats = json.loads(said(shop, "stats", "--json"))
        assert (stats["workers"], stats["silent"]) == (1, [0])
        assert said(shop, "purge", "airport:JFK") == "1 tag made invalid in 2 workers\n"
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert other in shop.full().values()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@needs_redis
def test_purge_goes_over_the_fleet(serve: Serve, tmp_path: Path, redis_server: RedisServer) -> None:
    (tmp_path / "app.py").write_text(_APP.replace("TIERS", '["memory", "store"]').replace(', scope="machine"', ""))
    store = ("--cache-store", redis_server.url, "--control-socket")
    one, other = (serve("--workers", "2", *store, f"{name}.sock") for name in ("one", "other"))
    for server in (one, other):
        server.full()
        server.get("/airports/JFK")
    assert found(other, "/airports/JFK", "--socket", "other.sock")["entries"][0]["state"] == "fresh"
    purged = said(one, "purge", "airport:JFK", "--socket", "one.sock")
    assert purged == "1 tag made invalid in 2 workers and on the other machines\n"
    until(lambda: found(other, "/airports/JFK", "--socket", "other.sock")["entries"][0]["state"] == "invalidated")
    redis_server.kill()

    def cut_off() -> bool:
        told = said(one, "purge", "airport:JFK", "--socket", "one.sock")
        return told == "1 tag made invalid in 2 workers; other machines hear of it once the store answers\n"

    until(cut_off)
