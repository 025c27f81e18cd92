"""Telling an ASGI 3 app from what is nearly one, by what it can be called with."""

from collections.abc import Callable
from inspect import Signature, isclass, iscoroutinefunction, signature
from typing import Any, Final, Literal

Kind = Literal["asgi3", "asgi2", "wsgi", ""]
ASGI3: Final = "asgi3"
ASGI2: Final = "asgi2"
"""Called with the scope, it returns what is called with `receive` and `send`."""
WSGI: Final = "wsgi"


def kind_of(found: object) -> Kind:
    """What `found` is, by the arguments it takes and whether it is async; empty for anything that is no app."""
    if not callable(found):
        return ""
    try:
        form = signature(found)
    except (TypeError, ValueError):  # made in C, without a signature
        return ""
    if isclass(found):
        asgi2 = iscoroutinefunction(found.__call__) and _takes(form, 1) and _takes(signature(found.__call__), 3)
        return ASGI2 if asgi2 else ""
    names = list(form.parameters)
    if _takes(form, 3):
        return ASGI3 if _is_async(found) or names[0] == "scope" else ""
    if _takes(form, 2) and not _is_async(found):
        return WSGI
    return ASGI2 if names == ["scope"] else ""


def _takes(form: Signature, count: int) -> bool:
    try:
        form.bind(*range(count))
    except TypeError:
        return False
    return True


def _is_async(found: Callable[..., Any]) -> bool:
    return iscoroutinefunction(found) or iscoroutinefunction(type(found).__call__)
