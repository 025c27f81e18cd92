"""`stanchion db advise`: the statements of a running server, what is advised on them, and how that is told."""

import argparse
import asyncio
import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from stanchion.app import App
from stanchion.cli.terminal import as_json, counted, paint, table
from stanchion.cluster.control import ask, running
from stanchion.cluster.quota import usable_cpus
from stanchion.data.advice.advising import Advice, advise
from stanchion.data.advice.findings import Finding, Gain
from stanchion.data.budget import Fleet
from stanchion.data.statements.exported import Seen
from stanchion.errors import ConfigurationError, HTTPError
from stanchion.settings.sources import load

_STYLES = {"missing index": "red", "unused index": "yellow", "repeated statement": "red", "connections": "yellow"}
_HEADER = ("", "Finding", "Where", "Calls", "Time", "Gain")
_WIDEST = 60


def print_advice(app: App, names: Sequence[str], arguments: argparse.Namespace) -> None:
    """Look at these databases of the app, and print.

    Raises:
        ConfigurationError: one does not answer.
    """
    seen = _seen(arguments)
    try:
        advice = asyncio.run(_advice(app, names, seen, arguments.copy))
    except (HTTPError, sqlite3.Error) as error:
        raise ConfigurationError(f"the database does not answer: {error}") from None
    if arguments.json:
        print(as_json(advice))
        return
    print("\n\n".join(map(_told, advice)))
    if not any(one.statements for one in advice):
        print(
            f"no statement is known: start `stanchion serve {arguments.app}`, give it the requests it is made for, "
            "and ask again"
        )


def _seen(arguments: argparse.Namespace) -> list[Seen]:
    """What a server of this app was asked: the one named, else the first that runs."""
    paths = [arguments.socket] if arguments.socket else running()
    for path in paths:
        if arguments.socket or ask(path, "GET", "/status.json")["app"] == arguments.app:
            return msgspec.convert(ask(path, "GET", "/statements"), list[Seen])
    return []


async def _advice(app: App, names: Sequence[str], seen: Sequence[Seen], copy: str | None) -> list[Advice]:
    settings = load().settings
    workers = usable_cpus() if settings.workers == "auto" else settings.workers
    fleet = Fleet(workers=workers, instances=settings.instances)
    return [
        await advise(name, app.databases[name], [one for one in seen if one.database == name], fleet, copy=copy)
        for name in names
    ]


def _told(advice: Advice) -> str:
    lines = [f"{paint(advice.database, 'bold')}: {counted(advice.statements, 'statement')} looked at"]
    if advice.findings:
        rows = [_row(number, finding) for number, finding in enumerate(advice.findings, 1)]
        lines += ["", table(_HEADER, rows, ("bold", "", "cyan"))]
        for number, finding in enumerate(advice.findings, 1):
            lines += ["", *_lines(number, finding)]
    else:
        lines.append(paint("nothing to advise", "green"))
    for text, why in advice.unexplained.items():
        lines += ["", f"not explained: {_cut(text)}", f"    {why}"]
    return "\n".join(lines)


def _row(number: int, finding: Finding) -> tuple[str, ...]:
    calls = f"{finding.calls:,}" if finding.calls else "-"
    return (str(number), finding.kind, _cut(finding.subject), calls, _time(finding.seconds), _times(finding.gain))


def _lines(number: int, finding: Finding) -> Iterator[str]:
    yield f"{paint(str(number), 'bold')}  {paint(finding.kind, _STYLES[finding.kind])}: {finding.why}"
    for statement in finding.statements:
        yield f"   asked: {statement}"
    if finding.routes:
        yield f"   by: {', '.join(finding.routes)}"
    for gain in finding.gain:
        yield f"   gain: {_gained(gain)} for {gain.statement}"
    yield f"   do: {paint(finding.do, 'green')}"


def _gained(gain: Gain) -> str:
    told = []
    if gain.before is not None and gain.after is not None:
        told.append(f"{gain.before:.2f} ms to {gain.after:.2f} ms")
    if gain.cost_before is not None and gain.cost_after is not None:
        told.append(f"cost {gain.cost_before:,.0f} to {gain.cost_after:,.0f}")
    return ", ".join(told) or "no values to run it with"


def _times(gains: Sequence[Gain]) -> str:
    """How many times as fast the statement becomes that gains most; without times, how many times as cheap."""
    found = [gain.before / gain.after for gain in gains if gain.before and gain.after]
    if found:
        return f"{max(found):,.1f} x"
    costs = [gain.cost_before / gain.cost_after for gain in gains if gain.cost_before and gain.cost_after]
    return f"{max(costs):,.1f} x cost" if costs else "-"


def _time(seconds: float) -> str:
    if not seconds:
        return "-"
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
