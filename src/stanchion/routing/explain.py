"""Every invalid field of a value that msgspec refused.

msgspec stops at the first fault, which is what the request path wants and not what a caller who sent five
wants to know. So a refused value is walked by its type, and msgspec is asked again about each part: a part it
accepts is left alone, a part it refuses is opened, and where nothing inside is at fault the part itself is.
Its verdict is the only one there is: a second validator in Python was rejected because two always disagree
somewhere.

The walk must not become the attack: it stops at `MOST` faults, opens at most `DEEPEST` levels, and finds the
refused items of an array by halving it, so that a million good ones before a bad one cost a few conversions
of the whole, not a million conversions.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import inspect

from stanchion.errors import FieldError
from stanchion.routing.expected import annotation_of, bare, describe, one_of

MOST = 100
"""Faults reported of one value; a caller mends the first hundred before asking for more."""
DEEPEST = 16
"""Levels opened, each of which asks about all below it; deeper, msgspec's own first message stands."""
REFUSED = (ValueError, TypeError, RecursionError)
"""What msgspec raises on a value it does not take; TypeError is an unhashable member of a set."""

_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType, inspect.DictType)
_POSITIONS = (inspect.TupleType, inspect.NamedTupleType)
_ARRAYS = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)
_AT = re.compile(r" - at `(?:key` in `)?\$(.*)`\Z", re.DOTALL)
_PLAIN_NAME = re.compile(r"[\w-]{1,80}\Z")


def explain(node: inspect.Type, value: Any, location: str) -> list[FieldError]:
    """The faults of `value`, decoded JSON, as a type in msgspec.inspect's view; empty where msgspec takes it.

    `location` is where the value stands in the request: `body`, `query`.
    """
    return list(islice(_faults(node, value, location, 0), MOST))


def shown(value: Any) -> str:
    """`value` as JSON, cut to 80 characters; what is not JSON by its repr."""
    text = msgspec.json.encode(value, enc_hook=repr).decode()
    return text if len(text) <= 80 else text[:79] + "…"


def _faults(node: inspect.Type, value: Any, location: str, depth: int) -> Iterator[FieldError]:
    refusal = _refusal(annotation_of(node), value)
    if refusal is None:
        return
    inside = _inside(node, value, location, depth + 1) if depth < DEEPEST else iter(())
    first = next(inside, None)
    if first is None:
        yield _own(node, value, location, refusal)
    else:
        yield first
        yield from inside


def _refusal(annotation: Any, value: Any) -> str | None:
    """Why msgspec does not take `value`, or None."""
    try:
        msgspec.convert(value, annotation, str_keys=True)
        return None
    except REFUSED as error:
        message = str(error)
    if "raw" not in message:
        return message
    try:  # `convert` cannot make a msgspec.Raw of a value; the decoder can
        msgspec.json.decode(msgspec.json.encode(value), type=annotation)
        return None
    except REFUSED as error:
        return str(error)


def told(refusal: str, location: str, value: Any) -> FieldError:
    """The fault in msgspec's own words, at the place it names."""
    at = _AT.search(refusal)
    path, message = (at[1], refusal[: at.start()]) if at else ("", refusal)
    return FieldError(location=location + path, expected=message, received=shown(value))


def _own(node: inspect.Type, value: Any, location: str, refusal: str) -> FieldError:
    """The fault of the part itself: its kind, its size, or what a `__post_init__` has against it."""
    fault = told(refusal, location, value)
    objects = isinstance(value, (dict, list)) and not fault.expected.startswith("Expected `")
    if objects or fault.location != location:
        return fault
    return FieldError(location=location, expected=describe(node), received=fault.received)


def _inside(node: inspect.Type, value: Any, location: str, depth: int) -> Iterator[FieldError]:
    node = bare(node)
    if isinstance(node, inspect.UnionType):
        return _branch(node, value, location, depth)
    if not _alike(node, value):
        return iter(())
    if isinstance(node, inspect.DictType):
        return _members(node, value, location, depth)
    if isinstance(node, _ARRAYS):
        return _items(node, value, location, depth)
    return (_fields if isinstance(value, dict) else _positions)(node, value, location, depth)


def _alike(node: inspect.Type, value: Any) -> bool:
    """Whether the type and the value are both arrays, or both objects."""
    array = isinstance(node, (*_ARRAYS, *_POSITIONS)) or getattr(node, "array_like", False)
    if isinstance(value, list):
        return array
    return isinstance(value, dict) and not array and isinstance(node, _OBJECTS)


def _fields(node: Any, value: dict[str, Any], location: str, depth: int) -> Iterator[FieldError]:
    tag_field: str | None = getattr(node, "tag_field", None)
    if tag_field is not None and value.get(tag_field, node.tag) != node.tag:
        yield _tag_fault([node], value, location)
    for field in node.fields:
        name = field.encode_name
        if name in value:
            yield from _faults(field.type, value[name], _member(location, name), depth)
        elif field.required:
            yield missing(_member(location, name), describe(field.type))
    if getattr(node, "forbid_unknown_fields", False):
        known = {field.encode_name for field in node.fields} | {tag_field}
        for name in value.keys() - known:
            yield FieldError(location=_member(location, name), expected="no such field", received=shown(value[name]))


def missing(location: str, expected: str) -> FieldError:
    """The fault of something required that is not there."""
    return FieldError(location=location, expected=expected, received="nothing")


def _members(node: Any, value: dict[str, Any], location: str, depth: int) -> Iterator[FieldError]:
    pairs = list(value.items())
    annotation = annotation_of(inspect.DictType(node.key_type, node.value_type))
    for index in _refused(0, len(pairs), lambda a, b: _refusal(annotation, dict(pairs[a:b])) is None):
        name, member = pairs[index]
        at = _member(location, name)
        faults = _faults(node.value_type, member, at, depth)
        yield next(faults, None) or _key_fault(node.key_type, name, at)
        yield from faults


def _key_fault(node: inspect.Type, name: str, location: str) -> FieldError:
    return FieldError(location=location, expected=f"a key that is {describe(node)}", received=shown(name))


def _items(node: Any, value: list[Any], location: str, depth: int) -> Iterator[FieldError]:
    annotation = annotation_of(inspect.ListType(node.item_type))
    for index in _refused(0, len(value), lambda a, b: _refusal(annotation, value[a:b]) is None):
        yield from _faults(node.item_type, value[index], f"{location}[{index}]", depth)


def _refused(start: int, end: int, accepts: Callable[[int, int], bool]) -> Iterator[int]:
    """The indices of refused items, by halving what holds one."""
    if start == end or accepts(start, end):
        return
    if end - start == 1:
        yield start
        return
    middle = (start + end) // 2
    yield from _refused(start, middle, accepts)
    yield from _refused(middle, end, accepts)


def _positions(node: Any, value: list[Any], location: str, depth: int) -> Iterator[FieldError]:
    """Items with a type each (tuple, NamedTuple, a Struct sent as an array); none is opened if some lack."""
    tag = int(getattr(node, "tag_field", None) is not None)
    if isinstance(node, inspect.TupleType):
        items: Sequence[inspect.Type] = node.item_types
        fits = len(value) == len(items)
    else:
        items = [field.type for field in node.fields]
        fits = len(value) >= sum(field.required for field in node.fields) + tag
    for index, (item, part) in enumerate(zip(items, value[tag:], strict=False), tag):
        if fits:
            yield from _faults(item, part, f"{location}[{index}]", depth)


def _branch(node: inspect.UnionType, value: Any, location: str, depth: int) -> Iterator[FieldError]:
    """The faults as the one member of a union that `value` can have been meant as."""
    meant: list[Any] = [member for member in map(bare, node.types) if _alike(member, value)]
    if isinstance(value, dict) and len(meant) > 1:  # msgspec takes several only if each has a tag
        tagged = meant
        meant = [member for member in tagged if member.tag == value.get(member.tag_field)]
        if not meant:
            yield _tag_fault(tagged, value, location)
    if len(meant) == 1:
        yield from _faults(meant[0], value, location, depth)


def _tag_fault(nodes: Sequence[Any], value: dict[str, Any], location: str) -> FieldError:
    name = nodes[0].tag_field
    return FieldError(
        location=_member(location, name),
        expected=one_of(tuple(node.tag for node in nodes)),
        received=shown(value[name]) if name in value else "nothing",
    )


def _member(location: str, name: str) -> str:
    """`body.name`, or `body["na me"]` where the name would not read as one."""
    return f"{location}.{name}" if _PLAIN_NAME.match(name) else f"{location}[{shown(name)}]"
