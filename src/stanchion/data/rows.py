"""Rows to values: a Struct by the names of its columns, or the one value of a row that has but one."""

from collections.abc import Callable, Hashable, Sequence
from copy import copy, deepcopy
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from stanchion.errors import ConfigurationError

T = TypeVar("T")
Row = Sequence[Any]
Read = Callable[[Row], Any]
_COMPOSED = (Struct, list, dict, tuple, set, frozenset)
_IMMUTABLE = frozenset((bool, int, float, str, bytes, Decimal, UUID, date, time, datetime, timedelta))


def reader(kind: type[T], columns: tuple[str, ...], native: frozenset[type]) -> Callable[[Row], T]:
    """What makes a `kind` of a row with these columns; `native` are the types the driver's values have by themselves.

    Where all fields have such a type the Struct is made as it is, in 0.3 µs; else msgspec converts it.

    Raises:
        ConfigurationError: a field without a default has no column.
    """
    return _reader(cast(Hashable, kind), columns, native)


def copier(kind: type[T]) -> Callable[[T], T] | None:
    """What makes a row's Struct for another caller; None where they may share it, as nobody can change it."""
    if not all(_plain(field.type, _IMMUTABLE) for field in fields(cast(Any, kind))):
        return deepcopy
    return None if cast(Any, kind).__struct_config__.frozen else copy


@lru_cache(maxsize=1024)
def _reader(kind: Any, columns: tuple[str, ...], native: frozenset[type]) -> Read:
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return _of_one_column(kind, columns)
    places = {name: place for place, name in enumerate(columns)}
    known = [field for field in fields(kind) if field.encode_name in places]
    for field in fields(kind):
        if field.encode_name not in places and field.default is NODEFAULT and field.default_factory is NODEFAULT:
            raise ConfigurationError(
                f"{kind.__name__}.{field.name} has no column among {', '.join(columns)}; select it, or give a default"
            )
    if all(_plain(field.type, native) for field in known):
        if tuple(field.encode_name for field in fields(kind)) == columns == kind.__match_args__:
            return lambda row: kind(*row)
        names = [(field.name, places[field.encode_name]) for field in known]
        return lambda row: kind(**{name: row[place] for name, place in names})
    wanted = [
        (field.encode_name, places[field.encode_name], _decoded if _composed(field.type) else _same) for field in known
    ]
    return lambda row: msgspec.convert({name: of(row[place]) for name, place, of in wanted}, kind, strict=False)


def _of_one_column(kind: Any, columns: tuple[str, ...]) -> Read:
    if len(columns) != 1:
        raise ConfigurationError(f"{kind!r} takes one column, the statement has {len(columns)}: {', '.join(columns)}")
    of = _decoded if _composed(kind) else _same
    return lambda row: msgspec.convert(of(row[0]), kind, strict=False)


def _composed(declared: Any) -> bool:
    """Whether it is a Struct or a collection: where a database has no type for these, it keeps their JSON."""
    members = [_bare(member) for member in _members(_bare(declared))]
    kinds = [get_origin(member) or member for member in members]
    return all(isinstance(kind, type) and (issubclass(kind, _COMPOSED) or is_dataclass(kind)) for kind in kinds)


def _bare(declared: Any) -> Any:
    """A type without what `Annotated` says of it."""
    return declared.__origin__ if get_origin(declared) is Annotated else declared


def _decoded(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) else value


def _same(value: Any) -> Any:
    return value


def _members(declared: Any) -> list[Any]:
    members = get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)
    return [member for member in members if member is not NoneType]


def _plain(declared: Any, native: frozenset[type]) -> bool:
    """Whether a driver's value is of this type already, None included where it is declared."""
    kinds = _members(declared)
    return len(kinds) == 1 and kinds[0] in native
