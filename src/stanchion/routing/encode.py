"""What a handler returns, made into a response.

The annotation decides at start: text for `str`, octets for `bytes`, 204 for `None`, JSON for the rest. A
`Response` passes whatever the annotation says. Without an annotation each value's type decides.
"""

import types
import typing
from collections.abc import Callable
from copy import copy
from inspect import Signature, iscoroutine
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import Struct, inspect

from stanchion.errors import RouteError
from stanchion.http.files import File
from stanchion.http.pages import Page
from stanchion.http.response import BYTES, JSON, TEXT, Response, Stream
from stanchion.routing.expected import bare

to_json = msgspec.json.Encoder().encode
NO_CONTENT = frozenset((204, 205, 304))
"""Statuses that have no content (RFC 9110 §15.3.5, §15.3.6, §15.4.5)."""


class Encoding(Struct, frozen=True):
    """How a route's results become responses."""

    fast: type | None
    """The exact class for which the closure builds the response itself, by `encode` and `media_type`."""
    encode: Callable[[Any], bytes]
    media_type: str
    finish: Callable[[Any], Response]
    """For any result."""


def encoding_of(returns: Any, status: int) -> Encoding:
    """Compile a return annotation.

    Raises:
        RouteError: the status has no content, and the annotation has.
    """
    declared = without_responses(returns)
    node = _node(declared)
    if isinstance(node, (inspect.AnyType, inspect.NoneType, inspect.CustomType)):
        return Encoding(None, to_json, JSON, lambda result: _by_value(result, status))
    if status in NO_CONTENT:
        raise RouteError(f"status {status} has no content; annotate the result None, or take another status")
    if isinstance(node, inspect.StrType):
        return Encoding(str, str.encode, TEXT, lambda result: _by_value(result, status))
    if isinstance(node, inspect.BytesType):
        return Encoding(bytes, bytes, BYTES, lambda result: _by_value(result, status))
    fast = None if is_page(declared) else _class_of(declared)
    return Encoding(fast, to_json, JSON, lambda result: _as_json(result, status))


def is_page(declared: Any) -> bool:
    """Whether results are pages, which have links besides what is encoded."""
    return _class_of(declared) is Page


def without_responses(returns: Any) -> Any:
    """The annotation without Response and its subclasses: they are never encoded."""
    members = get_args(returns) if get_origin(returns) in (Union, types.UnionType) else (returns,)
    rest = tuple(m for m in members if not (isinstance(m, type) and issubclass(m, Response)))
    return Union[rest] if rest else Any  # noqa: UP007  # made at run time


def _node(returns: Any) -> inspect.Type | None:
    if returns is Signature.empty:
        return inspect.AnyType()
    try:
        return bare(inspect.type_info(returns))
    except TypeError:  # such as two Structs without tags: msgspec encodes what it could not decode
        return None


def _class_of(returns: Any) -> type | None:
    """The class a result has if it is not None: `list` of `list[Airport]`, `Airport` of `Airport | None`."""
    members = [member for member in get_args(returns) if member is not type(None)]
    if get_origin(returns) in (Union, types.UnionType) and len(members) == 1:
        return _class_of(members[0])
    if get_origin(returns) is typing.Annotated:
        return _class_of(members[0])
    if typing.is_typeddict(returns):
        return dict
    origin = get_origin(returns) or returns
    return origin if isinstance(origin, type) else None


def _as_json(result: Any, status: int) -> Response:
    if isinstance(result, Response):
        return complete(result)
    return Response(to_json(_not_awaitable(result)), status, JSON, _links(result))


def _by_value(result: Any, status: int) -> Response:
    if isinstance(result, Response):
        return complete(result)
    if result is None:
        return Response(b"", 204 if status == 200 else status)
    return Response(*_encoded(_not_awaitable(result), status), _links(result))


def _links(result: Any) -> dict[str, str] | None:
    link = result.link() if isinstance(result, Page) else ""
    return {"Link": link} if link else None


def _encoded(value: Any, status: int) -> tuple[bytes, int, str]:
    if isinstance(value, str):
        return value.encode(), status, TEXT
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), status, BYTES
    return to_json(value), status, JSON


def complete(response: Response) -> Response:
    """The response with its body as bytes; a copy if that changes it, as a handler may keep one for good."""
    body = response.body
    if isinstance(response, (Stream, File)):
        return response
    if body.__class__ is bytes and (response.media_type or not body):
        return response
    complete = copy(response)
    if body is None:
        complete.body = b""
        return complete
    complete.body, _, media_type = _encoded(body, response.status)
    complete.media_type = response.media_type or media_type
    links = _links(body)
    if links is not None and not response.has_header("link"):
        complete.headers = {**(response.headers or {}), **links}
    return complete


def _not_awaitable(result: Any) -> Any:
    if iscoroutine(result):
        result.close()
        raise TypeError("a plain handler returned a coroutine; declare the handler `async def`")
    return result
