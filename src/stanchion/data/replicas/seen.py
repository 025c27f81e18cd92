"""What the client of the running request has seen of a database, so that it reads nothing older."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from math import inf

from stanchion.cache.keeping import keeping

Position = Callable[[], Awaitable[int]]
_seen: ContextVar["Seen | None"] = ContextVar("stanchion-seen", default=None)


class Seen:
    """Of one request, and all the tasks it starts; databases go by their names."""

    def __init__(self, positions: Mapping[str, float] | None = None) -> None:
        """`positions` are what the client has seen before."""
        self._positions: dict[str, float] = dict(positions or {})
        self._written: dict[str, Position] = {}

    def __repr__(self) -> str:
        return f"<Seen {self._positions}>"

    def needs(self, database: str) -> float:
        """The position that a server must have replayed to answer a read; infinite, for the primary alone, once the
        request has written: where in the log that went is not known until somebody asks."""
        return self._positions.get(database, 0)

    def wrote(self, database: str, position: Position) -> None:
        """The request writes; `position` then tells one that is behind all it has written."""
        self._positions[database] = inf
        self._written[database] = position

    @property
    def written(self) -> bool:
        """Whether the request has written."""
        return bool(self._written)

    def join(self, other: "Seen") -> None:
        """Need what another request needs as well."""
        for database, position in other._positions.items():
            self._positions[database] = max(position, self.needs(database))

    async def positions(self) -> dict[str, int]:
        """What the client has seen by now.

        Raises:
            DatabaseUnavailable, DatabaseBusy, DatabaseTimeout: as from a read of the primary.
        """
        for database, position in self._written.items():
            self._positions[database] = await position()
        return {database: int(position) for database, position in self._positions.items() if position < inf}


def seen() -> Seen | None:
    """That of the running request; None outside of one."""
    return _seen.get()


def begin(positions: Mapping[str, float] | None = None) -> Seen:
    """A request begins, in this context."""
    seen = Seen(positions)
    _seen.set(seen)
    return seen


Carried = tuple[Seen | None, bool]
"""What a call takes along that is answered elsewhere, for several callers at once."""


def carried() -> Carried:
    """What the running request has seen, and whether what it reads is kept."""
    return _seen.get(), keeping.get()


def carry(calls: Sequence[Carried]) -> None:
    """Let what runs in this context read nothing older than any of these calls may."""
    together = begin()
    for request, kept in calls:
        if request is not None:
            together.join(request)
        if kept:
            keeping.set(True)
