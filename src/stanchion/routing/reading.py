"""How the texts of a parameter become its value, and what is wrong with them where they do not.

A reader serves both paths: the closure calls its `parse` and stops at the first failure; the report calls its
`faults`, which goes through to the end.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import UNSET, Struct, convert, inspect

from stanchion.errors import FieldError, RouteError
from stanchion.routing.converters import CONVERTERS, Parser, parser_for, to_str
from stanchion.routing.expected import annotation_of, bare, describe
from stanchion.routing.explain import REFUSED, explain, missing, shown
from stanchion.routing.signature import Parameter
from stanchion.routing.sources import COLLECTIONS, node_of, present

Values = Mapping[str, Sequence[Any]]
"""Texts or files by name, each name with all its values."""


class Reader(Struct, frozen=True):
    """Reads one parameter. `parse` takes one text, or a list of them if `many`; None leaves it as it is."""

    expected: str
    """In a caller's words."""
    parse: Callable[[Any], Any] | None = None
    many: bool = False
    item: Parser | None = None
    """Of a list or a set: the parser of one text."""
    item_expected: str = ""

    def value(self, values: Sequence[Any]) -> Any:
        """The value of all that came under one name; raises one of `REFUSED` where there is none."""
        if not self.many:
            (values,) = values
        return values if self.parse is None else self.parse(values)

    def faults(self, values: Sequence[Any], location: str) -> list[FieldError]:
        """What is wrong with all that came under one name; empty where nothing is."""
        if not _fails(self.value, values):
            return []
        if not self.many and len(values) != 1:
            received = f"{len(values)} values"
            return [FieldError(location=location, expected=f"{self.expected}, once", received=received)]
        items = [
            FieldError(location=f"{location}[{index}]", expected=self.item_expected, received=shown(value))
            for index, value in enumerate(values)
            if self.item is not None and _fails(self.item, value)
        ]
        received = shown(values if self.many else values[0])
        return items or [FieldError(location=location, expected=self.expected, received=received)]


class Group(Struct, frozen=True):
    """Reads a Struct whose fields are parameters of their own."""

    node: inspect.Type
    annotation: Any
    members: tuple[tuple[Parameter, Reader], ...]
    default: Any = UNSET
    """Where none of the fields is there."""

    def value(self, texts: Values, files: Values) -> Any:
        """The Struct; raises one of `REFUSED`, or KeyError, where there is none."""
        found = {
            member.alias: reader.value(values)
            for member, reader in self.members
            if (values := (files if member.source == "file" else texts).get(member.alias)) is not None
        }
        return convert(found, self.annotation) if found or self.default is UNSET else self.default

    def faults(self, texts: Values, files: Values, location: str) -> list[FieldError]:
        """What is wrong with its fields, then with the whole."""
        found: dict[str, Any] = {}
        faults: dict[str, list[FieldError]] = {}
        came = False
        for member, reader in self.members:
            values = (files if member.source == "file" else texts).get(member.alias)
            at = f"{location}.{member.alias}"
            if values is None:
                faults[at] = [missing(at, reader.expected)] if member.required else []
                continue
            came = True
            faults[at] = reader.faults(values, at)
            if not faults[at]:
                found[member.alias] = reader.value(values)
        if not came and self.default is not UNSET:
            return []
        whole = [fault for fault in explain(self.node, found, location) if not faults.get(fault.location)]
        return [fault for of_field in faults.values() for fault in of_field] + whole


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
    item = bare(node.item_type)
    parse = parser_for(annotation_of(item))
    return Reader(describe(node), _repeated(node, parse), True, parse, describe(item))


def path_reader(annotation: Any, converter: str) -> Reader:
    """For a path segment, which the tree has already made a value where the template has a converter.

    Raises:
        RouteError: the annotation is not of the converter's type, or not of one text.
    """
    given = CONVERTERS[converter].type
    if given is str:
        reader = reader_of(annotation)
        if reader.many:
            raise RouteError("a path segment is one value; annotate it so, or take the list from the query")
        return reader
    node = present(node_of(annotation))
    if type(node) is not type(node_of(given)):
        raise RouteError(
            f"{{…:{converter}}} yields {describe(node_of(given))}, not {describe(node)}; "
            f"annotate it {given.__name__}, or take the converter out of the template"
        )
    constrained = node != node_of(given)
    return Reader(describe(node), partial(convert, type=annotation) if constrained else None)


def file_reader(annotation: Any) -> Reader:
    """For `Upload` and `list[Upload]`, which are not parsed."""
    return Reader("file", many=isinstance(present(node_of(annotation)), inspect.ListType))


def group_of(parameter: Parameter) -> Group:
    """For a parameter with members.

    Raises:
        RouteError: no text can be of a member's type.
    """
    members = []
    for member in parameter.members:
        try:
            read = file_reader if member.source == "file" else reader_of
            members.append((member, read(member.type)))
        except RouteError as error:
            raise RouteError(f"its field {member.name!r}: {error}") from None
    return Group(node_of(parameter.type), parameter.type, tuple(members), parameter.default)


def _fails(parse: Callable[[Any], Any], value: Any) -> bool:
    try:
        parse(value)
    except REFUSED:
        return True
    return False


def _repeated(node: Any, parse: Parser) -> Callable[[Sequence[str]], Any]:
    annotation = annotation_of(node)
    if node == inspect.ListType(node.item_type):
        return lambda texts: [parse(text) for text in texts]
    return lambda texts: convert([parse(text) for text in texts], annotation)


def _positions(node: inspect.TupleType) -> Callable[[Sequence[str]], Any]:
    parsers = [parser_for(annotation_of(item)) for item in node.item_types]
    return lambda texts: tuple(parse(text) for parse, text in zip(parsers, texts, strict=True))
