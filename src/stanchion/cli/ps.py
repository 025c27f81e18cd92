"""Print what the workers of the running servers are doing; add --routes for what each route has answered."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from stanchion.cli.controlling import add_server, servers
from stanchion.cli.terminal import as_json, paint, table
from stanchion.cluster.control import ask
from stanchion.settings.sizes import show_duration
from stanchion.telemetry.exposition import PRIORITIES, REASONS

_EXAMPLES = """\
examples:
  stanchion ps                          every server of yours on this machine
  stanchion ps --routes                 with requests by route, rate limits and caches
  stanchion ps --json                   the same for a program
  stanchion ps --socket /run/app.ctl    the server with this control socket
"""
_STYLES = ("cyan", "", "", "green", "", "", "", "", "", "", "yellow")
_HEADER = (
    *("Slot", "PID", "Age", "Requests", "In flight", "Limit", "Waiting"),
    *("Connections", "Loop lag", "RSS", "State"),
)


_DECIDED = (
    ("bulkhead_refused", "refused by bulkheads"),
    ("pool_refused", "refused by pools"),
    ("pool_crashed", "processes lost"),
    ("dependency_refused", "calls kept back by breakers"),
    ("retries_denied", "retries denied"),
    ("loop_blocked", "times the loop was blocked"),
)

_LIMIT = ("Allowed", "Queued", "Refused", "Store failed", "Forgotten")
_BULKHEAD = ("Served", "Refused")
_DEPENDENCY = ("Called", "Failed", "Refused", "Retried", "Hedged", "Retry denied")
_DATABASE = ("Connections", "In use", "Waiting", "Statements", "Batches", "Refused", "Failed", "Timed out", "Repeated")
_STATEMENT = ("Database", "Statement", "Table", "Ran", "Rows", "Failed", "Repeated", "Mean", "Waited")
_POOL = ("Done", "Refused", "Crashed")
_CACHE = ("Hits", "Stale", "Misses", "Coalesced", "Revalidated", "Stored", "Failed")
_TIER = ("Hits", "Misses", "Stored", "Evicted", "Failed")


def configure(parser: argparse.ArgumentParser) -> None:
    """Which server, and the form of the answer."""
    parser.epilog = _EXAMPLES
    add_server(parser)
    parser.add_argument(
        "--routes",
        action="store_true",
        help="print requests and latencies by route, and what limits, bulkheads, databases, pools and caches did",
    )
    parser.add_argument("--json", action="store_true", help="print JSON; durations in seconds, sizes in bytes")


def run(arguments: argparse.Namespace) -> int:
    """Print."""
    found = {path: ask(path, "GET", "/status.json") for path in servers(arguments)}
    if arguments.json:
        print(as_json(found))
        return 0
    print("\n\n".join(_server(path, status, routes=arguments.routes) for path, status in found.items()))
    return 0


def _server(path: str, status: dict[str, Any], *, routes: bool) -> str:
    ready = paint("ready", "green") if status["ready"] else paint("not ready", "red")
    failing = [f"  {name}: {check['detail']}" for name, check in status["checks"].items() if not check["ok"]]
    head = f"{paint(status['app'], 'bold')} on {' '.join(status['urls'])}, {ready}, up {_age(status['age'])}"
    restarts = ", ".join(f"{count} {reason}" for reason, count in status["restarts"].items())
    lines = [head, *failing, f"  control socket {path}", *([f"  replaced: {restarts}"] if restarts else [])]
    lines.append(table(_HEADER, [*map(_worker, status["workers"]), *map(_waiting, status["waiting"].items())], _STYLES))
    decisions = _decisions(status["counters"])
    if decisions:
        lines.append(f"  so far: {decisions}")
    if routes:
        header = ("Method", "Route", "Requests", "5xx", "Client left", "Mean", "p50", "p99")
        lines += ["", table(header, map(_route, status["routes"]), ("green", "cyan"))]
        for what, columns, counted in (
            ("Limit", _LIMIT, status["limits"]),
            ("Bulkhead", _BULKHEAD, status["bulkheads"]),
            ("Dependency", _DEPENDENCY, status["dependencies"]),
            ("Database", _DATABASE, status["databases"]),
            ("Pool", _POOL, status["pools"]),
            ("Cache", _CACHE, status["caches"]),
            ("Tier", _TIER, status["cache_tiers"]),
        ):
            if counted:
                lines += ["", table((what, *columns), _counts(counted, columns), ("cyan",))]
        if status["statements"]:
            lines += ["", table(_STATEMENT, map(_statement, status["statements"]), ("", "green", "cyan"))]
    return "\n".join(lines)


def _decisions(counters: dict[str, int]) -> str:
    """What protections have decided since the start, as far as they have."""
    shed = {one: sum(counters[f"shed_{one}_{reason}"] for reason in REASONS) for one in PRIORITIES}
    told = [f"{count:,} {priority} requests shed" for priority, count in shed.items() if count]
    told += [f"{counters[name]:,} {words}" for name, words in _DECIDED if counters[name]]
    return ", ".join(told)


def _worker(worker: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(worker["slot"]),
        str(worker["pid"]),
        _age(worker["age"]),
        f"{worker['requests']:,}",
        str(worker["in_flight"]),
        str(worker["limit"] or "-"),
        str(worker["waiting"]),
        str(worker["connections"]),
        _latency(worker["loop_lag"]),
        f"{worker['rss'] / 2**20:.0f} MiB",
        worker["state"],
    )


def _waiting(entry: tuple[str, float]) -> tuple[str, ...]:
    slot, seconds = entry
    return (slot, *"-" * (len(_HEADER) - 2), f"starts in {seconds:.1f} s")


def _route(route: dict[str, Any]) -> tuple[str, ...]:
    latencies = (_latency(route[name]) for name in ("mean", "p50", "p99"))
    failed = route["statuses"].get("5xx", 0)
    counts = (f"{route['requests']:,}", f"{failed:,}", f"{route['client_left']:,}")
    return (route["method"] or "-", route["route"], *counts, *latencies)


def _counts(counted: dict[str, dict[str, int]], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for name, counts in counted.items():
        yield (name, *(f"{counts[column.lower().replace(' ', '_')]:,}" for column in columns))


def _statement(one: dict[str, Any]) -> tuple[str, ...]:
    counts = (f"{one[name]:,}" for name in ("ran", "rows", "failed", "repeated"))
    means = (_latency(one[name] / max(one["ran"], 1) / 1e6) for name in ("microseconds", "waited"))
    return (one["database"], one["verb"], one["table"], *counts, *means)


def _age(seconds: float) -> str:
    return show_duration(float(int(seconds)))


def _latency(seconds: float | None) -> str:
    return "over 134 s" if seconds is None else f"{seconds * 1000:.1f} ms"
