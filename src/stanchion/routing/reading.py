"""How the texts of a parameter become its value, and what is wrong with them where they do not.

A `Reader` is used by both paths: the closure calls its `parse` and stops at the first failure; the report calls its
`faults`, which never stops.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, convert, inspect

from stanchion.errors import FieldError
from stanchion.routing.converters import CONVERTERS, Parser, parser_for, to_str
from stanchion.routing.expected import annotation_of, bare, describe
from stanchion.routing.explain import REFUSED, explain, shown
from stanchion.routing.sources import COLLECTIONS, node_of, present


class Reader(Struct, frozen=True):
    """Reads one kind of value. `parse` takes one text, or the list of them where `many`; None leaves it as it is."""

    expected: str
    """In a caller's words."""
    parse: Callable[[Any], Any] | None = None
    many: bool = False
    item: Parser | None = None
    """Of a homogeneous collection: the parser of one text."""
    item_expected: str = ""

    def faults(self, values: Sequence[Any], location: str) -> list[FieldError]:
        """What is wrong with the values that came under one name; empty where nothing is."""
        if not self.many and len(values) != 1:
            return [FieldError(location=location, expected=f"{self.expected}, once", received=f"{len(values)} values")]
        if self.item is not None:
            faults = [
                FieldError(location=f"{location}[{index}]", expected=self.item_expected, received=shown(value))
                for index, value in enumerate(values)
                if _refuses(self.item, value)
            ]
            if faults:
                return faults
        value = values if self.many else values[0]
        if self.parse is None or not _refuses(self.parse, value):
            return []
        return [FieldError(location=location, expected=self.expected, received=shown(value))]


def _refuses(parse: Callable[[Any], Any], value: Any) -> bool:
    try:
        parse(value)
    except REFUSED:
        return True
    return False


def file_reader(annotation: Any) -> Reader:
    """For `Upload` and `list[Upload]`, which are not parsed."""
    return Reader("file", many=isinstance(present(node_of(annotation)), inspect.ListType))


def reader_of(annotation: Any) -> Reader:
    """For a scalar, or a list, set or tuple of scalars.

    Raises:
        RouteError: no text can be of this type.
    """
    node = present(node_of(annotation))
    if not isinstance(node, COLLECTIONS):
        parse = parser_for(annotation)
        return Reader(describe(node), None if parse is to_str else parse)
    if isinstance(node, inspect.TupleType):
        return Reader(describe(node), _positions(node), many=True)
    item = bare(node.item_type)  # type: ignore[union-attr]  # every other collection has one item type
    parse = parser_for(annotation_of(item))
    return Reader(describe(node), _repeated(node, parse), True, parse, describe(item))


def _repeated(node: inspect.Type, parse: Parser) -> Callable[[Sequence[str]], Any]:
    annotation = annotation_of(node)
    if node == inspect.ListType(node.item_type):  # type: ignore[attr-defined]
        return lambda texts: [parse(text) for text in texts]
    return lambda texts: convert([parse(text) for text in texts], annotation)


def _positions(node: inspect.TupleType) -> Callable[[Sequence[str]], Any]:
    parsers = [parser_for(annotation_of(item)) for item in node.item_types]
    return lambda texts: tuple(parse(text) for parse, text in zip(parsers, texts, strict=True))
