"""What is advised: findings, each with what to do about it."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Kind = Literal["missing index", "unused index", "repeated statement", "connections"]


class Wanted(Struct, frozen=True):
    """An index that there should be."""

    table: str
    columns: tuple[str, ...]
    """In order, each perhaps with ` DESC`."""

    def covers(self, other: "Wanted") -> bool:
        """Whether it does what the other one would."""
        return self.table == other.table and self.columns[: len(other.columns)] == other.columns


class Gain(Struct, frozen=True, kw_only=True):
    """What a missing index brings, tried on a copy. Times are milliseconds; None where it could not be run."""

    statement: str
    before: float | None
    after: float | None
    cost_before: float | None = None
    """In the planner's own unit."""
    cost_after: float | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that could be better."""

    kind: Kind
    database: str
    subject: str
    """A table, an index, or the statement itself."""
    why: str
    do: str
    """SQL, or what to change in the app."""
    statements: Sequence[str] = ()
    routes: Sequence[str] = ()
    calls: int = 0
    seconds: float = 0.0
    """That the statements have taken together."""
    wanted: Wanted | None = None
    gain: Sequence[Gain] = ()
