"""The conditions that an index could answer, out of the text in which PostgreSQL tells a filter.

`((flights.dest = $1) AND ((flights.carrier)::text = 'AA'::text))` is two: of an AND all hold; an OR is passed over.
"""

import re
from collections.abc import Iterator

from stanchion.data.advice.evidence import Condition

_NAME = r'(?:"[^"]+"|\w+)'
_COLUMN = rf"\(?(?:({_NAME})\.)?({_NAME})\)?(?:::(?:text|bpchar|character varying))?"
_COMPARED = re.compile(rf"{_COLUMN} (=|<|<=|>|>=) (.+)", re.DOTALL)
_TURNED = re.compile(rf"(.+) (=|<|<=|>|>=) {_COLUMN}", re.DOTALL)
_PARAMETER = re.compile(r"(?:ANY \()?\(?\$(\d+)\b")


def conditions(text: str, alias: str) -> tuple[Condition, ...]:
    """Those on columns of the table that the statement calls `alias`."""
    found = [_condition(part, alias) for part in conjuncts(text)]
    return tuple(condition for condition in found if condition is not None)


def conjuncts(text: str) -> Iterator[str]:
    """The parts of a filter of which all have to hold, without the parentheses around each."""
    inner = _bare(text)
    parts = _parts(inner, " AND ")
    if len(parts) == 1:
        yield inner
        return
    for part in parts:
        yield from conjuncts(part)


def _condition(part: str, alias: str) -> Condition | None:
    if len(_parts(part, " OR ")) > 1:
        return None
    found = _COMPARED.fullmatch(part)
    if found is not None and _is_of(found[1], found[2], alias):
        return _made(found[2], found[3], found[4])
    found = _TURNED.fullmatch(part)
    if found is not None and _is_of(found[3], found[4], alias):
        return _made(found[4], found[2], found[1])
    return None


def _is_of(table: str | None, column: str, alias: str) -> bool:
    named = alias if table is None else table.strip('"')
    return named == alias and not column[0].isdigit()


def _made(column: str, operator: str, other: str) -> Condition:
    parameter = _PARAMETER.match(other)
    return Condition(
        column=column.strip('"'),
        kind="equal" if operator == "=" else "range",
        parameter=int(parameter[1]) if parameter else None,
    )


def _bare(text: str) -> str:
    """Without the pair of parentheses that holds all of it."""
    text = text.strip()
    while text.startswith("(") and _end(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _end(text: str) -> int:
    """Where the parenthesis that the text begins with is closed."""
    for place, depth, character in _walked(text):
        if character == ")" and depth == 0:
            return place
    return len(text)


def _parts(text: str, word: str) -> list[str]:
    """The text cut at each `word` that is in no parentheses and in no quotes."""
    parts, start = [], 0
    for place, depth, _ in _walked(text):
        if depth == 0 and text.startswith(word, place):
            parts.append(text[start:place])
            start = place + len(word)
    return [*parts, text[start:]]


def _walked(text: str) -> Iterator[tuple[int, int, str]]:
    """Each character outside of quotes, with its place and how many parentheses it is in."""
    depth, quote = 0, ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
            continue
        if character in "'\"":
            quote = character
        depth += (character == "(") - (character == ")")
        yield place, depth, character
