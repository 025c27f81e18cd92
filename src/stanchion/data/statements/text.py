"""What a statement is, by its text alone: the same for all its values, and of which table."""

import re

_LITERALS = re.compile(
    r"""
    (?P<text> '(?:[^']|'')*')
    | (?P<kept> "(?:[^"]|"")*" | \$\d+)
    | (?P<space> --[^\n]* | /\*.*?\*/ | \s+)
    | (?P<number> \b\d+(?:\.\d+)?\b)
    """,
    re.DOTALL | re.VERBOSE,
)
_LIST = re.compile(r"\(\s*(?:\$\d+|\?)(?:\s*,\s*(?:\$\d+|\?))+\s*\)")
_SPACES = re.compile(" +")
_LISTS = re.compile(r"\(…\)(?:\s*,\s*\(…\))+")
_NAME = r'(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*'
_TABLE = re.compile(rf"\b(?:FROM|INTO|UPDATE|JOIN|TABLE)\s+(?:ONLY\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?({_NAME})", re.I)
_VERB = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE)\b", re.I)
_FIRST = re.compile(r"\w+")
_LONGEST = 100


def normalised(statement: str) -> str:
    """The text without comments and without the constants in it, so that it tells no value, and is one text for a
    statement that was put together with different ones."""
    text = _SPACES.sub(" ", _LITERALS.sub(_plain, statement)).strip().rstrip(";").rstrip()
    return _LISTS.sub("(…)", _LIST.sub("(…)", text))


def _plain(found: "re.Match[str]") -> str:
    if found["kept"]:
        return found["kept"]
    return " " if found["space"] else "?"


def verb_and_table(statement: str) -> tuple[str, str]:
    """`select` and `airports`: what it does, and the first table it names; `-` where it names none."""
    first = _FIRST.search(statement)
    verb = first[0].lower() if first else "-"
    if verb == "with":
        found = _VERB.search(statement)
        verb = found[1].lower() if found else verb
    table = _TABLE.search(statement)
    name = table[1].replace('"', "").replace(" ", "_") if table else "-"
    return verb[:_LONGEST], name[:_LONGEST]
