"""A database's statements as another process is told of them, and those of all workers together."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from stanchion.data.statements.recorder import Entry, Recorder


class Recall(Struct, frozen=True, tag="recall"):
    """What a worker is asked with: all statements of its databases."""


class Seen(Struct, frozen=True, kw_only=True):
    """A statement, with its counts; see `recorder.Entry`. Times are seconds."""

    database: str
    """Its name in the app."""
    text: str
    example: str
    verb: str = "-"
    table: str = "-"
    calls: int = 0
    rows: int = 0
    failed: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    slowest: float = 0.0
    repeated: int = 0
    most: int = 0
    routes: tuple[str, ...] = ()
    repeating: tuple[str, ...] = ()


_SUMS = ("calls", "rows", "failed", "seconds", "waited", "repeated")
_MOSTS = ("slowest", "most")
_LISTS = ("routes", "repeating")


def exported(database: str, recorder: Recorder) -> list[Seen]:
    """The statements of one worker."""
    return [msgspec.convert({"database": database, **_fields(entry)}, Seen) for entry in recorder.entries()]


def _fields(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in Seen.__struct_fields__ if name != "database"}


def merged(seen: Iterable[Seen]) -> list[Seen]:
    """Statements of several workers, those that took the most time first."""
    together: dict[tuple[str, str], Seen] = {}
    for one in seen:
        key = one.database, one.text
        together[key] = _added(together[key], one) if key in together else one
    return sorted(together.values(), key=lambda one: one.seconds, reverse=True)


def _added(one: Seen, other: Seen) -> Seen:
    values = {name: getattr(one, name) for name in Seen.__struct_fields__}
    values |= {name: values[name] + getattr(other, name) for name in _SUMS}
    values |= {name: max(values[name], getattr(other, name)) for name in _MOSTS}
    values |= {name: tuple(sorted({*values[name], *getattr(other, name)})) for name in _LISTS}
    return Seen(**values)
