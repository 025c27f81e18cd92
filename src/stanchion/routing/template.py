"""Path templates: `/airports/{iata}`, `/flights/{id:int}`, `/files/{rest:path}`.

A segment is either text or one parameter, never a mixture: that is what lets the tree find a route with one
dictionary look-up a segment. Text is written decoded (`/straße`, not `/stra%C3%9Fe`) and compared with the
decoded segment of the request. A trailing slash is part of the template: `/items` and `/items/` are two
routes.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any, NoReturn
from urllib.parse import quote

from msgspec import Struct

from stanchion.errors import RouteError
from stanchion.routing.converters import CONVERTERS, to_text

_PCHAR = "!$&'()*+,;=:@"
"""What a path segment may hold as it is, beside the unreserved characters (RFC 3986 §3.3)."""


class Parameter(Struct, frozen=True):
    """A segment that is captured: `{name}` or `{name:converter}`."""

    name: str
    converter: str = "str"


class Template(Struct, frozen=True):
    """A parsed template; the empty segment stands for the end of `/` and for a trailing slash."""

    text: str
    segments: tuple[str | Parameter, ...]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """In the order they are captured."""
        return tuple(segment for segment in self.segments if isinstance(segment, Parameter))


def parse(text: str) -> Template:
    """Parse a template.

    Raises:
        RouteError: names the template, what is wrong in it and the mend.
    """
    if not text.startswith("/"):
        _refuse(text, "it does not begin with a slash", f"write {'/' + text!r}")
    pieces = text[1:].split("/")
    if "" in pieces[:-1]:
        _refuse(text, "it has an empty segment", f"write {'/' + '/'.join(filter(None, pieces))!r}")
    segments = tuple(_segment(text, piece) for piece in pieces)
    names: set[str] = set()
    for position, segment in enumerate(segments, start=1):
        if isinstance(segment, str):
            continue
        if segment.name in names:
            _refuse(text, f"parameter {segment.name!r} occurs twice", "give each parameter a name of its own")
        if segment.converter == "path" and position < len(segments):
            _refuse(text, f"{{{segment.name}:path}} is not last", "it takes all the rest: move it to the end")
        names.add(segment.name)
    return Template(text, segments)


def join(prefix: str, text: str) -> str:
    """A router's prefix and a route's template as one template; either may be empty, not both.

    Raises:
        RouteError: the prefix ends in a slash, or a part does not begin with one.
    """
    if prefix.endswith("/"):
        _refuse(prefix, "a prefix ends without a slash", f"write {prefix.rstrip('/')!r}")
    if prefix and text and not text.startswith("/"):
        _refuse(text, "it does not begin with a slash", f"write {'/' + text!r}")
    return parse(prefix + text).text


def fill(template: Template, params: Mapping[str, Any]) -> str:
    """The percent-encoded path that leads to this template; a `path` value keeps its slashes.

    Raises:
        RouteError: a parameter is missing or unknown, or a value would not match its converter.
    """
    names = [parameter.name for parameter in template.parameters]
    mend = f"it takes {', '.join(names) or 'none'}"
    if missing := [name for name in names if name not in params]:
        _refuse(template.text, f"no value for {', '.join(missing)}", mend)
    if unknown := [name for name in params if name not in names]:
        _refuse(template.text, f"no parameter {', '.join(unknown)}", mend)
    return "".join("/" + _encode(template, segment, params) for segment in template.segments)


def _refuse(text: str, wrong: str, mend: str) -> NoReturn:
    raise RouteError(f"template {text!r}: {wrong}; {mend}")


def _segment(text: str, piece: str) -> str | Parameter:
    if "{" not in piece and "}" not in piece:
        if any(character in piece for character in "%?#"):
            _refuse(text, f"{piece!r} can never match", "write the path decoded, without query or fragment")
        return piece
    if piece.count("{") != piece.count("}") or piece.find("}") < piece.find("{"):
        _refuse(text, f"unbalanced brace in {piece!r}", "a parameter is {name} or {name:converter}")
    if not (piece[0] == "{" and piece[-1] == "}" and piece.count("{") == 1):
        _refuse(text, f"{piece!r} is more than one parameter", "give the parameter a segment of its own")
    name, colon, converter = piece[1:-1].partition(":")
    if not name.isidentifier() or iskeyword(name):
        _refuse(text, f"{name!r} is no parameter name", "use the name in the handler's signature")
    if colon and converter not in CONVERTERS:
        near = get_close_matches(converter, CONVERTERS, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(CONVERTERS)}"
        _refuse(text, f"unknown converter {converter!r}", mend)
    return Parameter(name, converter or "str")


def _encode(template: Template, segment: str | Parameter, params: Mapping[str, Any]) -> str:
    if isinstance(segment, str):
        return quote(segment, safe=_PCHAR)
    value, rest = params[segment.name], segment.converter == "path"
    wrong = f"{value!r} is no value for {segment.name!r}"
    try:
        text = to_text(value)
        CONVERTERS[segment.converter].parse(text)
        encoded = quote(text, safe="/" if rest else "", errors="strict")
    except ValueError as error:
        _refuse(template.text, wrong, str(error))
    # A dot segment cannot be escaped: clients resolve %2E%2E just as they do `..` (RFC 3986 §6.2.2.3).
    pieces = text.split("/") if rest else [text]
    if "\0" in text or "." in pieces or ".." in pieces or not (text or rest):
        _refuse(template.text, wrong, "no path can carry it")
    return encoded
