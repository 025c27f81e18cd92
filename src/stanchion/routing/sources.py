"""Which part of a request a parameter comes from: by its marker, else by its name and type.

A type is judged by what msgspec makes of it: what text can hold is the query's, what needs JSON is the
body's, and a class that is nothing msgspec can decode is a resource of the app.
"""

import re
import types
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Collection, Iterator, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from msgspec import NODEFAULT, UNSET, inspect

from stanchion.errors import RouteError
from stanchion.http.forms import MULTIPART, URLENCODED
from stanchion.http.pages import PageQuery, query_of
from stanchion.http.params import Body, Cookie, Form, Header, Marker, Paging, Path, Query
from stanchion.http.request import Request
from stanchion.http.uploads import Upload
from stanchion.routing.expected import annotation_of, bare, describe

Source = Literal["path", "query", "header", "cookie", "body", "form", "file", "request", "resource", "page"]
BodyKind = Literal["json", "bytes", "stream", "form"]

MEDIA_TYPES: dict[BodyKind, tuple[str, ...]] = {
    "json": ("application/json",),
    "bytes": (),
    "stream": (),
    "form": (URLENCODED, MULTIPART),
}
_MARKERS = typing.get_args(Marker)
_SOURCES: dict[type, Source] = {
    Query: "query",
    Header: "header",
    Cookie: "cookie",
    Path: "path",
    Body: "body",
    Form: "form",
    Paging: "page",
}
_TEXTUAL = (
    inspect.NoneType, inspect.StrType, inspect.IntType, inspect.FloatType, inspect.BoolType,
    inspect.DecimalType, inspect.DateType, inspect.DateTimeType, inspect.TimeType, inspect.TimeDeltaType,
    inspect.UUIDType, inspect.EnumType, inspect.LiteralType,
)  # fmt: skip
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
COLLECTIONS = (inspect.CollectionType, inspect.TupleType)
"""Types that a repeated name fills."""
OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)


def node_of(annotation: Any) -> inspect.Type:
    """msgspec's view of a type, without descriptions.

    Raises:
        RouteError: msgspec cannot decode it.
    """
    try:
        return bare(inspect.type_info(annotation))
    except TypeError as error:
        raise RouteError(f"its type cannot be decoded: {error}") from None


def present(node: inspect.Type) -> inspect.Type:
    """The type of a value that is there: `int` of `int | None`."""
    if not isinstance(node, inspect.UnionType):
        return node
    members = [bare(member) for member in node.types if not isinstance(member, inspect.NoneType)]
    return members[0] if len(members) == 1 else inspect.UnionType(tuple(members))


def split_marker(annotation: Any, default: Any) -> tuple[Any, Marker | None]:
    """The annotation without its marker, and the marker.

    Raises:
        RouteError: more than one, or it was given as the default.
    """
    if isinstance(default, _MARKERS):
        mend = f"write Annotated[…, {type(default).__name__}()] and give the default after ="
        raise RouteError(f"its default is a marker; {mend}")
    if get_origin(annotation) is not Annotated:
        return annotation, None
    extras = [extra() if extra in _MARKERS else extra for extra in annotation.__metadata__]
    markers = [extra for extra in extras if isinstance(extra, _MARKERS)]
    if len(markers) > 1:
        raise RouteError("it has two markers; keep one")
    rest = tuple(extra for extra in extras if extra not in markers)
    base = annotation.__origin__
    return (Annotated[(base, *rest)] if rest else base), (markers[0] if markers else None)


def place(
    name: str, annotation: Any, marker: Marker | None, names: Sequence[str], resources: Collection[type]
) -> tuple[Source, str]:
    """A parameter's source and its name there.

    Raises:
        RouteError: nothing in a request could be of its type.
    """
    source = _SOURCES[type(marker)] if marker is not None else _by_type(name, annotation, names, resources)
    if source == "path" and name not in names:
        raise RouteError(f"the template has no {{{name}}}; add it, or take the marker away")
    if source == "form" and _is_file(annotation):
        source = "file"
    alias = getattr(marker, "alias", None)
    if source != "header":
        return source, alias or name
    field = (alias or name.replace("_", "-")).lower()
    if not _TOKEN.fullmatch(field):
        raise RouteError(f"{field!r} is no header's name (RFC 9110 §5.1); give it an alias")
    return source, field


def _by_type(name: str, annotation: Any, names: Sequence[str], resources: Collection[type]) -> Source:
    if annotation is Request or (annotation is None and name == "request"):
        return "request"
    if annotation is PageQuery:
        return "page"
    if isinstance(annotation, type) and annotation in resources:
        return "resource"
    if name in names:
        return "path"
    if annotation is None:
        raise RouteError("it has no annotation; write its type, such as `str` for a query parameter")
    if _is_file(annotation):
        return "file"
    if name == "body" or _is_stream(annotation):
        return "body"
    node = node_of(annotation)
    if isinstance(annotation, type) and isinstance(node, inspect.CustomType):
        return "resource"
    if getattr(present(node), "cls", None) is PageQuery:
        raise RouteError(
            "every request asks for a page, the first where it names none; annotate it PageQuery, without None"
        )
    if isinstance(present(node), inspect.CustomType):
        raise RouteError("no request holds its type, and a resource is asked for by its class alone")
    if isinstance(node, (inspect.BytesType, inspect.AnyType)):
        raise RouteError(
            f"{describe(node)} does not say where it comes from; "
            "call it `body`, or mark it Annotated[…, Body()] or Annotated[…, Query()]"
        )
    return "query" if is_textual(node) else "body"


def is_textual(node: inspect.Type) -> bool:
    """Whether text, once or repeated, can hold it."""
    node = present(bare(node))
    if isinstance(node, inspect.UnionType):
        return all(is_textual(member) for member in node.types)
    if isinstance(node, inspect.TupleType):
        return all(isinstance(bare(item), _TEXTUAL) for item in node.item_types)
    if isinstance(node, inspect.CollectionType):
        return isinstance(bare(node.item_type), _TEXTUAL)
    return isinstance(node, _TEXTUAL)


def optional(annotation: Any) -> bool:
    """Whether None is of the type."""
    if get_origin(annotation) is Annotated:
        return optional(annotation.__origin__)
    union = get_origin(annotation) in (typing.Union, types.UnionType)
    return union and type(None) in get_args(annotation)


def body_kind(annotation: Any) -> BodyKind:
    """How the body is read.

    Raises:
        RouteError: msgspec cannot decode the type.
    """
    if _is_stream(annotation):
        return "stream"
    return "bytes" if isinstance(present(node_of(annotation)), inspect.BytesType) else "json"


def paged(annotation: Any, marker: Marker | None) -> Any:
    """The Struct of the query that a `PageQuery` is made of.

    Raises:
        RouteError: the annotation is another.
    """
    if annotation is not PageQuery:
        raise RouteError("Paging is for a page; annotate it Annotated[PageQuery, Paging(…)]")
    return query_of(marker if isinstance(marker, Paging) else Paging())


def members_of(annotation: Any, source: Source) -> Iterator[tuple[str, str, Source, Any, bool, Any]]:
    """The fields of a Struct taken apart: name, alias, source, type, whether it is required, its default or UNSET."""
    if source not in ("query", "form"):
        return
    node = present(node_of(annotation))
    if isinstance(node, OBJECTS) and not getattr(node, "array_like", False):
        for field in node.fields:
            type_ = annotation_of(field.type)
            part: Source = "file" if source == "form" and _is_file(type_) else source
            default = UNSET if field.default is NODEFAULT else field.default
            yield field.name, field.encode_name, part, type_, field.required, default


def _is_stream(annotation: Any) -> bool:
    streams = (AsyncIterator, AsyncIterable, AsyncGenerator)
    return get_origin(annotation) in streams and get_args(annotation)[0] is bytes


def _is_file(annotation: Any) -> bool:
    members = [member for member in get_args(annotation) if member is not type(None)]
    if optional(annotation) and len(members) == 1:
        return _is_file(members[0])
    return annotation is Upload or (get_origin(annotation) is list and members == [Upload])
