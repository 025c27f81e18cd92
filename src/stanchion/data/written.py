"""What a statement writes to, from its text: the tables, and the row where its condition names one by a parameter.

Not a parser: it looks for the few words of SQL behind which there is a table that is written to, outside of texts and
comments. Where it errs it names too much. What a function, a trigger or a cascade writes it cannot see.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

_TOKENS = re.compile(
    r"""
    (?P<comment>--[^\n]* | /\*.*?\*/)
    | (?P<text>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$).*?(?P=dollar))
    | (?P<quoted>"(?:[^"]|"")+" | `[^`]+` | \[[\w ]+\])
    | (?P<word>[^\W\d]\w*)
    | (?P<other>\$\d+ | \d[\w.]* | [^\w\s])
    """,
    re.VERBOSE | re.DOTALL,
)
_READING = frozenset(("SELECT", "VALUES", "WITH", "TABLE", "EXPLAIN", "SHOW", "SET", "PRAGMA", "CREATE"))
"""A statement that begins so changes no rows of other tables than those found in it."""
_WRITING = {"INSERT": "INTO", "REPLACE": "INTO", "MERGE": "INTO", "DELETE": "FROM", "UPDATE": "", "COPY": ""}
"""Verbs, and the word that has to be between each and its table."""
_NO_VERB = frozenset((".", "FOR", "KEY", "ON", "DO"))
"""What is before UPDATE where it is none: `FOR UPDATE`, `FOR NO KEY UPDATE`, `ON UPDATE CASCADE`, `DO UPDATE SET`."""
_BETWEEN = frozenset(("INTO", "FROM", "ONLY", "OR", "ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK"))
_UNCERTAIN = frozenset(("OR", "BETWEEN", "CASE", "("))
"""Where a condition has one of these, it is not looked into."""


class Written(NamedTuple):
    """A table that is written to, by the last part of its name in lower case: schemas are not told apart."""

    table: str
    rows: tuple[tuple[str, int], ...] = ()
    """Columns that have one value in all rows it changes, each with that value's place among the statement's."""


class _Token(NamedTuple):
    text: str
    """A word in upper case, nothing for a name in quotes, all else as it is."""
    name: str
    """The same as a name in lower case; empty where it can be none."""


@lru_cache(maxsize=4096)
def written(statement: str) -> tuple[Written, ...] | None:
    """The tables a statement writes to; None where it may be any."""
    tokens = list(_tokens(statement))
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        return ()
    texts = [token.text for token in tokens]
    if ";" in texts or texts[0] not in _READING | _WRITING.keys() or texts[:2] == ["CREATE", "OR"]:
        return None
    tables = tuple(dict.fromkeys(_tables(tokens)))
    if len(tables) == 1 and texts[0] in ("UPDATE", "DELETE"):
        return (Written(tables[0], tuple(_rows(tokens, texts))),)
    return tuple(map(Written, tables))


def _tokens(statement: str) -> Iterator[_Token]:
    for match in _TOKENS.finditer(statement):
        found = match[0]
        if match["quoted"]:
            yield _Token("", found[1:-1].lower())
        elif match["word"]:
            yield _Token(found.upper(), found.lower())
        elif match["other"] or match["text"]:
            yield _Token(found, "")


def _tables(tokens: Sequence[_Token]) -> Iterator[str]:
    for place, token in enumerate(tokens):
        if token.text not in _WRITING or (token.text == "UPDATE" and place and tokens[place - 1].text in _NO_VERB):
            continue
        at = place + 1
        while at < len(tokens) and tokens[at].text in _BETWEEN:
            at += 1
        if _WRITING[token.text] in ("", *(between.text for between in tokens[place + 1 : at])):
            yield from _name(tokens[at:])


def _name(tokens: Sequence[_Token]) -> Iterator[str]:
    """The last part of the name that they begin with, if they do."""
    at = 0
    while len(tokens) > at + 2 and tokens[at + 1].text == "." and tokens[at + 2].name:
        at += 2
    if tokens and tokens[at].name:
        yield tokens[at].name


def _rows(tokens: Sequence[_Token], texts: Sequence[str]) -> Iterator[tuple[str, int]]:
    """`id` and 0 for `UPDATE t SET a = $2 WHERE id = $1 AND b > 0`: each `column = $n` of a plain conjunction, if the
    column is not itself changed."""
    if texts.count("WHERE") != 1:
        return
    where = texts.index("WHERE")
    end = texts.index("RETURNING") if "RETURNING" in texts[where:] else len(texts)
    joined = "FROM" if texts[0] == "UPDATE" else "USING"
    if joined in texts[:where] or not _UNCERTAIN.isdisjoint(texts[where:end]):
        return
    changed = {tokens[at - 1].name for at in range(1, where) if texts[at] == "="}
    if "" in changed:  # several at once, `SET (id, b) = …`, or one by a name that is not known here
        return
    for at in range(where + 2, end - 1):
        column = tokens[at - 1].name
        first = at - 3 if texts[at - 2] == "." else at - 1
        alone = texts[first - 1] in ("WHERE", "AND") and (at + 2 == end or texts[at + 2] == "AND")
        if texts[at] == "=" and re.fullmatch(r"\$\d+", texts[at + 1]) and column and alone and column not in changed:
            yield column, int(texts[at + 1][1:]) - 1
