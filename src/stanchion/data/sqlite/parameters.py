"""`$1`, `$2`, … by place, as SQLite finds them at once.

To SQLite `$1` is a name, which it looks for among those of all parameters before it, and Python among all of them once
more: the time is that of the square. 16,000 of them take 970 ms so, and by place 16 the first time, 2 from then on.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from stanchion.data.sqlite.values import stored
from stanchion.errors import ConfigurationError

_TOKENS = re.compile(
    r"""
    '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\]
    | --[^\n]* | /\*.*?(?:\*/|\Z)
    | [^\W\d][\w$]*
    | \$(?P<number>[1-9]\d*)(?![\w$])
    """,
    re.DOTALL | re.VERBOSE,
)
"""Texts, names in quotes, comments, words (a `$` may be in one), and what is looked for outside of these."""


class _Placed(NamedTuple):
    text: str
    order: tuple[int, ...]
    """Where each value is among those given, in the order that SQLite counts in."""
    values: int
    """How many there are to be."""


def bound(statement: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """The statement as SQLite is to have it, with its values.

    Raises:
        ConfigurationError: there are more values than parameters, or fewer, which PostgreSQL does not take either.
        ValueRefused: a number is beyond 64 bits.
    """
    text, order, expected = _placed(statement)
    if len(values) != expected:
        raise ConfigurationError(
            f"{expected} values belong to $1, $2, … of this statement, and it came with {len(values)}: {statement[:80]}"
        )
    return text, [stored(values[place]) for place in order]


@lru_cache(maxsize=512)
def _placed(statement: str) -> _Placed:
    """A parameter is `?` where it is first, and `?3` again, so that SQLite knows it for the same."""
    numbers: dict[int, int] = {}  # SQLite's, of each

    def place(found: "re.Match[str]") -> str:
        if found["number"] is None:
            return found[0]
        number = int(found["number"])
        if number in numbers:
            return f"?{numbers[number]}"
        numbers[number] = len(numbers) + 1
        return "?"

    text = _TOKENS.sub(place, statement)
    return _Placed(text, tuple(number - 1 for number in numbers), max(numbers, default=0))
