"""What a type expects, in a caller's words: `integer >= 1`, `one of 'a', 'b'`, `array of 1 to 3 items`.

msgspec speaks of Python's types ("Expected `int`, got `str`"); the client of an API knows JSON. The words are
worked out from `msgspec.inspect`, whose nodes are also what `explain` walks; `annotation_of` goes back from a
node to a type, which is how msgspec can be asked about one part of a value.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Union
from uuid import UUID

from msgspec import Meta, Raw, Struct, inspect

_PLAIN: dict[type[inspect.Type], tuple[Any, str]] = {
    inspect.AnyType: (Any, "any value"),
    inspect.RawType: (Raw, "any value"),
    inspect.NoneType: (None, "null"),
    inspect.BoolType: (bool, "boolean"),
    inspect.IntType: (int, "integer"),
    inspect.FloatType: (float, "number"),
    inspect.DecimalType: (Decimal, "decimal number"),
    inspect.StrType: (str, "string"),
    inspect.BytesType: (bytes, "base64 string"),
    inspect.ByteArrayType: (bytearray, "base64 string"),
    inspect.MemoryViewType: (memoryview, "base64 string"),
    inspect.DateType: (date, "date (YYYY-MM-DD)"),
    inspect.DateTimeType: (datetime, "date-time (RFC 3339)"),
    inspect.TimeType: (time, "time (RFC 3339)"),
    inspect.TimeDeltaType: (timedelta, "duration (ISO 8601)"),
    inspect.UUIDType: (UUID, "UUID"),
}
_COLLECTIONS: dict[type[inspect.Type], Any] = {
    inspect.ListType: list,
    inspect.SetType: set,
    inspect.FrozenSetType: frozenset,
}
_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
_BOUNDS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))


def describe(node: inspect.Type) -> str:
    """The type in a caller's words."""
    if isinstance(node, inspect.Metadata):
        return describe(node.type)
    if type(node) in _PLAIN:
        return _PLAIN[type(node)][1] + _constraints(node)
    if isinstance(node, inspect.LiteralType):
        return one_of(node.values)
    if isinstance(node, inspect.EnumType):
        return one_of(tuple(member.value for member in node.cls))
    if isinstance(node, inspect.UnionType):
        return " or ".join(dict.fromkeys(describe(member) for member in node.types))
    if isinstance(node, inspect.CollectionType):
        return "array" + _length(node, "item")
    if isinstance(node, inspect.TupleType):
        return f"array of {_count(len(node.item_types), 'item')}"
    if isinstance(node, inspect.NamedTupleType) or getattr(node, "array_like", False):
        fields: tuple[inspect.Field, ...] = node.fields  # type: ignore[attr-defined]
        tag = getattr(node, "tag_field", None) is not None
        least = sum(field.required for field in fields) + tag
        return f"array of {least} to {_count(len(fields) + tag, 'item')}"
    if isinstance(node, inspect.DictType):
        return "object" + _length(node, "member")
    return "object" if isinstance(node, _OBJECTS) else getattr(node, "cls", type(node)).__name__


def one_of(values: tuple[Any, ...]) -> str:
    """`one of 'a', 'b'`, or the value itself where there is one."""
    words = ", ".join("null" if value is None else repr(value) for value in values)
    return f"one of {words}" if len(values) > 1 else words


def bare(node: inspect.Type) -> inspect.Type:
    """The node without titles and descriptions."""
    return bare(node.type) if isinstance(node, inspect.Metadata) else node


def annotation_of(node: Any) -> Any:
    """The annotation `node` was made from, so far as msgspec can tell two apart."""
    kind: Any = type(node)
    if kind is inspect.Metadata:
        words = node.extra_json_schema
        return Annotated[annotation_of(node.type), Meta(extra_json_schema=words)] if words else annotation_of(node.type)
    if kind in _PLAIN:
        return _constrained(node, _PLAIN[kind][0])
    if kind in _COLLECTIONS:
        return _constrained(node, _COLLECTIONS[kind][annotation_of(node.item_type)])
    if kind is inspect.VarTupleType:
        return _constrained(node, tuple[annotation_of(node.item_type), ...])  # type: ignore[misc]
    if kind is inspect.TupleType:
        return tuple[tuple(map(annotation_of, node.item_types))]  # type: ignore[misc]  # made at run time
    if kind is inspect.DictType:
        return _constrained(node, dict[annotation_of(node.key_type), annotation_of(node.value_type)])  # type: ignore[misc]
    if kind is inspect.UnionType:
        return Union[tuple(map(annotation_of, node.types))]  # noqa: UP007  # made at run time
    return Literal[node.values] if kind is inspect.LiteralType else node.cls


def _constrained(node: Struct, base: Any) -> Any:
    limits = {
        name: value
        for name in node.__struct_fields__
        if not name.endswith("type") and (value := getattr(node, name)) is not None
    }
    return Annotated[base, Meta(**limits)] if limits else base


def _constraints(node: inspect.Type) -> str:
    if isinstance(node, (inspect.IntType, inspect.FloatType)):
        bounds = [f"{sign} {bound}" for name, sign in _BOUNDS if (bound := getattr(node, name)) is not None]
        multiple = [] if node.multiple_of is None else [f"a multiple of {node.multiple_of}"]
        words = " and ".join(bounds + multiple)
        return f" {words}" if bounds else f", {words}" if words else ""
    if isinstance(node, (inspect.DateTimeType, inspect.TimeType)):
        return "" if node.tz is None else " with a time zone" if node.tz else " without a time zone"
    pattern = getattr(node, "pattern", None)
    return _length(node, "character") + ("" if pattern is None else f" matching {pattern}")


def _length(node: inspect.Type, unit: str) -> str:
    least: int | None = getattr(node, "min_length", None)
    most: int | None = getattr(node, "max_length", None)
    if most is None:
        return f" of at least {_count(least, unit)}" if least else ""
    if not least:
        return f" of at most {_count(most, unit)}"
    return f" of {_count(most, unit)}" if least == most else f" of {least} to {_count(most, unit)}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
