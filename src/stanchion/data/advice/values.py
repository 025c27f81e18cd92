"""Which values to run a statement with, to see how long it takes: of the columns its parameters are compared with."""

import re
from collections.abc import Mapping
from itertools import count

from stanchion.data.advice.evidence import Plan

_NUMBERS = re.compile(r"\$(\d+)")
_COUNTS = re.compile(r"\b(LIMIT|OFFSET)\s+\$(\d+)", re.I)
_MARKS = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|\?""")
LIMIT = {"LIMIT": 10, "OFFSET": 0}
"""For these of a statement, where they are parameters."""


def numbered(statement: str) -> str:
    """With `$1`, `$2`, … in the place of each `?`, as SQLAlchemy has them for SQLite."""
    numbers = count(1)
    return _MARKS.sub(lambda found: found[1] or f"${next(numbers)}", statement)


def parameters(statement: str) -> int:
    """How many a statement has."""
    return max(map(int, _NUMBERS.findall(statement)), default=0)


def compared(plan: Plan) -> Mapping[int, tuple[str, str]]:
    """Table and column that each parameter is compared with, as far as a plan tells."""
    return {
        condition.parameter: (scan.table, condition.column)
        for scan in plan.scans
        for condition in scan.conditions
        if condition.parameter is not None
    }


def counts(statement: str) -> Mapping[int, int]:
    """Values for the parameters of LIMIT and OFFSET."""
    return {int(number): LIMIT[word.upper()] for word, number in _COUNTS.findall(statement)}
