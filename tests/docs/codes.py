"""The codes of errors as the source has them, read from its syntax trees.

A code is an attribute of an error's class, a `code=` argument where an error is made, or the `code` parameter
of a function that makes one, given by position or by default.
"""

import ast
from collections.abc import Iterator
from inspect import isclass
from pathlib import Path

from msgspec import Struct

from stanchion import errors
from stanchion.data import failures as of_databases
from stanchion.http import pages as of_pages
from stanchion.upstream import failures as of_upstreams

Pair = tuple[str, int | None]
"""A code and its status; None for an error that no client gets to see."""

_KINDS = {
    kind.__name__: kind
    for module in (errors, of_databases, of_pages, of_upstreams)
    for kind in vars(module).values()
    if isclass(kind) and issubclass(kind, errors.StanchionError)
}


class Maker(Struct, frozen=True):
    """A function with a parameter `code` that makes an error."""

    name: str
    position: int
    status: int | None
    default: str | None


def codes(folder: Path) -> set[Pair]:
    """Every code in the Python files of a folder, and those of the error tree's classes."""
    trees = [ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in sorted(folder.rglob("*.py"))]
    makers = {maker.name: maker for tree in trees for maker in _makers(tree)}
    found: set[Pair] = {(kind.code, getattr(kind, "status", None)) for kind in _KINDS.values()}
    found |= {(maker.default, maker.status) for maker in makers.values() if maker.default}
    for tree in trees:
        for call in _calls(tree):
            found |= set(_of_call(call, makers))
    return found


def _of_call(call: ast.Call, makers: dict[str, Maker]) -> Iterator[Pair]:
    for keyword in call.keywords:
        if keyword.arg == "code" and (text := _text(keyword.value)):
            yield text, _status(call)
    maker = makers.get(_name(call))
    if maker and len(call.args) > maker.position and (text := _text(call.args[maker.position])):
        yield text, maker.status


def _makers(tree: ast.Module) -> Iterator[Maker]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and "code" in (names := [arg.arg for arg in node.args.args]):
            position = names.index("code")
            defaults = [None] * (len(names) - len(node.args.defaults)) + [*map(_text, node.args.defaults)]
            for call in _calls(node):
                if _name(call) in _KINDS:
                    yield Maker(node.name, position, _status(call), defaults[position])


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Call))


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _status(call: ast.Call) -> int | None:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "status"]
    status = ast.literal_eval(given[0]) if given else getattr(_KINDS[_name(call)], "status", None)
    return status if isinstance(status, int) else None


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
