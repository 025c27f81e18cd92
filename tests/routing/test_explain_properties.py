"""For random types and values: the report is empty just where msgspec accepts, and names only the spoilt."""

from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, inspect

from stanchion.routing.explain import explain

Json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd") | st.text(), inner, max_size=3),
    max_leaves=6,
)


class Shape(NamedTuple):
    """A type, and the JSON values that are of it."""

    type: Any
    values: st.SearchStrategy[Any]


LEAVES = [
    Shape(int, st.integers(-5, 5)),
    Shape(float, st.floats(-5, 5)),
    Shape(str, st.text(max_size=3)),
    Shape(bool, st.booleans()),
    Shape(None, st.none()),
    Shape(Any, Json),
    Shape(UUID, st.uuids().map(str)),
    Shape(Literal["a", "b"], st.sampled_from("ab")),
    Shape(Annotated[int, Meta(ge=1, lt=9)], st.integers(1, 8)),
    Shape(Annotated[str, Meta(min_length=1, pattern="^x")], st.just("xy")),
]


def list_of(item: Shape) -> Shape:
    return Shape(list[item.type], st.lists(item.values, max_size=3))  # type: ignore[name-defined]


def dict_of(item: Shape) -> Shape:
    return Shape(dict[str, item.type], st.dictionaries(st.sampled_from("pqr"), item.values))  # type: ignore[name-defined]


def tuple_of(items: list[Shape]) -> Shape:
    return Shape(tuple[tuple(item.type for item in items)], st.tuples(*(item.values for item in items)).map(list))  # type: ignore[misc]


def optional(item: Shape) -> Shape:
    return Shape(item.type if item.type in (Any, None) else item.type | None, item.values | st.none())


def struct_of(items: list[Shape], required: int, strict: bool) -> Shape:
    names = "abcde"[: len(items)]
    required = min(required, len(items))
    fields: list[Any] = [
        (name, item.type) if index < required else (name, item.type, msgspec.UNSET)
        for index, (name, item) in enumerate(zip(names, items, strict=True))
    ]
    given_ = dict(zip(names, (item.values for item in items), strict=True))
    must = {name: given_[name] for name in names[:required]}
    may = {name: given_[name] for name in names[required:]}
    return Shape(
        msgspec.defstruct("Made", fields, forbid_unknown_fields=strict),
        st.fixed_dictionaries(must, optional=may),
    )


def larger(shapes: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    return st.one_of(
        shapes.map(list_of),
        shapes.map(dict_of),
        shapes.map(optional),
        st.lists(shapes, min_size=1, max_size=3).map(tuple_of),
        st.builds(struct_of, st.lists(shapes, max_size=4), st.integers(0, 4), st.booleans()),
    )


Shapes = st.recursive(st.sampled_from(LEAVES), larger, max_leaves=8)
Path = tuple[str | int, ...]


def accepted(type_: Any, value: Any) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=type_)
    except msgspec.ValidationError:
        return False
    return True


def paths_of(value: Any, at: Path = ()) -> list[Path]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, part in parts for path in paths_of(part, (*at, key)))]


def replaced(value: Any, path: Path, part: Any) -> Any:
    if not path:
        return part
    key, *rest = path
    if isinstance(value, dict):
        return {**value, key: replaced(value[key], tuple(rest), part)}
    return [replaced(item, tuple(rest), part) if index == key else item for index, item in enumerate(value)]


def found(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def written(path: Path) -> str:
    return "body" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def related(one: str, other: str) -> bool:
    return one == other or any(
        long.startswith(short) and long[len(short)] in ".["
        for long, short in ((one, other), (other, one))
        if len(long) > len(short)
    )


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_the_report_is_empty_exactly_where_msgspec_accepts(data: st.DataObject) -> None:
    shape = data.draw(Shapes)
    value = data.draw(st.one_of(shape.values, Json))
    assert (explain(inspect.type_info(shape.type), value, "body") == []) is accepted(shape.type, value)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_only_what_was_spoilt_is_reported_and_mending_it_is_enough(data: st.DataObject) -> None:
    shape = data.draw(Shapes)
    good = data.draw(shape.values)
    candidates = [path for path in paths_of(good) if all(str(key) in "pqrabcde0123" for key in path)]
    spoilt: list[Path] = []
    bad = good
    for path in data.draw(st.lists(st.sampled_from(candidates), min_size=1, max_size=4, unique=True)):
        if not any(path[: len(other)] == other or other[: len(path)] == path for other in spoilt):
            spoilt.append(path)
            bad = replaced(bad, path, data.draw(Json))
    locations = [error.location for error in explain(inspect.type_info(shape.type), bad, "body")]
    assert len(locations) == len(set(locations))
    for location in locations:
        assert any(related(location, written(path)) for path in spoilt), (location, spoilt)
    mended = bad
    for path in spoilt:
        if any(related(location, written(path)) for location in locations):
            mended = replaced(mended, path, found(good, path))
    assert accepted(shape.type, mended)
