"""Look into the caches of a running server, and make what they keep invalid."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stanchion.cache.orders import place
from stanchion.cli.controlling import add_server, the_server
from stanchion.cli.terminal import as_json, counted, paint, table
from stanchion.cluster.control import ask
from stanchion.errors import ConfigurationError

_EXAMPLES = """\
examples:
  stanchion cache stats                                     what tiers, caches and routes have answered
  stanchion cache get http://localhost:8000/airports/JFK    what is kept of a URL; its origin is not asked
  stanchion cache purge airport:JFK airport:EWR             whatever has one of these tags is made anew
  stanchion cache purge --url http://localhost:8000/airports/JFK
  stanchion cache purge --all
"""
_TIMEOUT = 30.0
_STATES = {"fresh": "green", "stale": "yellow", "expired": "red", "invalidated": "red"}
_TIER = ("entries", "bytes", "hits", "misses", "stored", "evicted", "failed")
_CACHE = ("hits", "stale", "coalesced", "misses", "revalidated", "stored", "failed")
_ENTRY = ("Tier", "Worker", "Status", "State", "Age", "Fresh for", "Size", "Codings", "Varies by")


def configure(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which server."""
    parser.epilog = _EXAMPLES
    actions = parser.add_subparsers(dest="action", metavar="stats|get|purge", required=True)
    stats = actions.add_parser("stats", help="print what each tier, cache and route has answered")
    get = actions.add_parser("get", help="print what is kept of a URL, without asking its origin")
    get.add_argument("url", metavar="URL", help="as clients ask for it, with its host")
    get.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="what a client would send, where answers vary by it; any number of times",
    )
    get.add_argument("--user", metavar="NAME", help="who has signed in, where answers are kept by user")
    for action in (stats, get):
        action.add_argument("--json", action="store_true", help="print JSON; times in seconds, sizes in bytes")
    purge = actions.add_parser("purge", help="have what has one of these tags made anew, in all workers at once")
    purge.add_argument("tags", nargs="*", metavar="TAG", help="as declared, with parameters filled in")
    purge.add_argument("--url", action="append", default=[], metavar="URL", help="of whatever is kept, for whomever")
    purge.add_argument("--all", action="store_true", help="everything")
    for action in (stats, get, purge):
        add_server(action)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print."""
    {"stats": _stats, "get": _get, "purge": _purge}[arguments.action](arguments)
    return 0


def _stats(arguments: argparse.Namespace) -> None:
    found = ask(the_server(arguments), "GET", "/cache", timeout=_TIMEOUT)
    if arguments.json:
        print(as_json(found))
        return
    tables = [
        _counts("Tier", found["tiers"], _TIER),
        _counts("Cache", found["caches"], _CACHE),
        _routes(found["routes"]),
    ]
    if found["silent"]:
        tables.append(f"no answer from the workers of the slots {', '.join(map(str, found['silent']))}")
    print("\n\n".join(filter(None, tables)) or "nothing is cached: no route declares a Cache, no function is @cached")


def _get(arguments: argparse.Namespace) -> None:
    place(arguments.url)
    order = {"url": arguments.url, "fields": dict(map(_field, arguments.header)), "user": arguments.user}
    found = ask(the_server(arguments), "POST", "/cache/look", order, timeout=_TIMEOUT)
    if arguments.json:
        print(as_json(found))
        return
    tags = "made by a function" if found["tags"] is None else " ".join(found["tags"]) or "none of its own"
    print(f"{paint(found['url'], 'bold')}, {found['route'] or 'no route'}")
    if found["why"]:
        print(f"  nothing is kept: {found['why']}")
    elif not found["entries"]:
        print(f"  tags: {tags}\n  nothing is kept for such a request")
    else:
        print(f"  tags: {tags}\n")
        print(table(_ENTRY, map(_entry, found["entries"]), ("cyan",)))


def _purge(arguments: argparse.Namespace) -> None:
    if not (arguments.tags or arguments.url or arguments.all):
        raise ConfigurationError("say what to purge: tags, --url URL or --all")
    for url in arguments.url:
        place(url)
    order = {"tags": arguments.tags, "urls": arguments.url, "everything": arguments.all}
    done = ask(the_server(arguments), "POST", "/cache/purge", order, timeout=_TIMEOUT)
    print(f"{_what(done['purged'])} made invalid in {counted(done['workers'], 'worker')}{_fleet(done['purged'])}")


def _what(purged: Mapping[str, Any]) -> str:
    if purged["everything"]:
        return "everything"
    named = [(purged["tags"], "tag"), (purged["urls"], "URL")]
    return " and ".join(counted(count, what) for count, what in named if count)


def _fleet(purged: Mapping[str, Any]) -> str:
    if purged["fleet"] is None:
        return ""
    return " and on the other machines" if purged["fleet"] else "; other machines hear of it once the store answers"


def _counts(what: str, named: Mapping[str, Mapping[str, int]], columns: Sequence[str]) -> str:
    rows = [(name, *(_amount(column, counts) for column in columns)) for name, counts in named.items()]
    return table((what, *(column.capitalize() for column in columns)), rows, ("cyan",)) if rows else ""


def _amount(column: str, counts: Mapping[str, int]) -> str:
    if column not in counts:
        return "-"
    return _size(counts[column]) if column == "bytes" else f"{counts[column]:,}"


def _routes(routes: Sequence[Mapping[str, Any]]) -> str:
    header = ("Method", "Route", "Tiers", *(column.capitalize() for column in _CACHE[:4]), "Answered by it")
    return table(header, _shown(routes), ("green", "cyan", "", "", "", "", "", "bold")) if routes else ""


def _shown(routes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for route in routes:
        hits, stale, coalesced, misses = (route["counts"][column] for column in _CACHE[:4])
        asked = hits + stale + coalesced + misses
        part = f"{(asked - misses) / asked:.1%}" if asked else "-"
        counts = (f"{count:,}" for count in (hits, stale, coalesced, misses))
        yield route["method"], route["route"], " ".join(route["tiers"]), *counts, part


def _entry(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        entry["tier"],
        "all" if entry["worker"] is None else str(entry["worker"]),
        str(entry["status"]),
        entry["state"],
        _seconds(entry["age"]),
        _seconds(entry["fresh_for"]),
        _size(entry["size"]),
        " ".join(f"{coding} {_size(size)}" for coding, size in entry["codings"].items()) or "-",
        " ".join(entry["varies"]) or "-",
    )


def _field(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not text.isprintable():
        raise ConfigurationError(f"--header {text!r}: expected 'NAME: VALUE', such as 'Accept-Language: de'")
    return name.strip(), value.strip()


def _seconds(seconds: float) -> str:
    return f"{seconds:,.1f} s"


def _size(size: int) -> str:
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
