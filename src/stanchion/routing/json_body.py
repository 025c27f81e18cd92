"""A JSON body: taken if it says it is JSON and is not too rich in members; if refused, field by field."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

from stanchion.errors import BadRequest, ContentTooLarge, FieldError, RouteError, UnsupportedMediaType
from stanchion.http.request import Request
from stanchion.routing.expected import bare, describe
from stanchion.routing.explain import REFUSED, explain, missing, told

COMMON_TYPES = frozenset(
    (None, b"application/json", b"application/json; charset=utf-8", b"application/json;charset=UTF-8")
)
"""What nearly every client sends as Content-Type: one look-up, and few go to `check_media_type`."""


def check_media_type(request: Request) -> None:
    """Take application/json, application/*+json (RFC 6839) and no type at all; RFC 8259 knows no parameters.

    Raises:
        UnsupportedMediaType: it is another.
    """
    sent = request.fields.get(b"content-type", b"").decode("latin-1")
    media_type = sent.partition(";")[0].strip().lower()
    structured = media_type.startswith("application/") and media_type.endswith("+json")
    if media_type and media_type != "application/json" and not structured:
        raise UnsupportedMediaType(f"expected application/json, not {media_type[:80]}")


def check_keys(raw: bytes, most: int) -> None:
    """Count the members of all objects, without decoding them; a colon in a string is none.

    Raises:
        ContentTooLarge: more than `most`.
    """
    outside = raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    if sum(part.count(b":") for part in outside) > most:
        raise ContentTooLarge(f"more than {most} members in the body", code="too-many-keys")


def faults(node: inspect.Type, decode: Callable[[bytes], Any], raw: bytes) -> list[FieldError]:
    """What is wrong with a body; empty where the decoder takes it.

    Raises:
        BadRequest: it is not JSON.
    """
    if not raw:
        return [missing("body", describe(node))]
    try:
        decode(raw)
        return []
    except REFUSED as error:
        refusal = str(error)
    # A fault that a later member of the same name hides is in the bytes and no longer in the value.
    return explain(node, _plain(raw), "body") or [told(refusal, "body", msgspec.Raw(raw))]


def _plain(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise BadRequest("the body is nested too deeply", code="malformed-json") from None
    except ValueError as error:
        raise BadRequest(f"the body is not valid JSON: {error}", code="malformed-json") from None


def check_decodable(node: inspect.Type) -> None:
    """See at start that msgspec knows every part of the type: at run time it would refuse each body.

    Raises:
        RouteError: it does not.
    """
    seen: list[Any] = []
    waiting: list[Any] = [node]
    while waiting:
        part = waiting.pop()
        if any(part is other for other in seen):
            continue
        seen.append(part)
        if isinstance(part, inspect.CustomType):
            name = part.cls.__name__
            raise RouteError(f"nothing decodes JSON into {name}; use a Struct, a dataclass or a TypedDict")
        waiting += _parts(bare(part))


def _parts(node: Any) -> list[inspect.Type]:
    fields = [field.type for field in getattr(node, "fields", ())]
    several = [*getattr(node, "types", ()), *getattr(node, "item_types", ())]
    one = [getattr(node, name) for name in ("item_type", "key_type", "value_type") if hasattr(node, name)]
    return fields + several + one
