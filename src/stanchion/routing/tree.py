"""Finding a route: a tree of dicts a method, one look-up a segment, no regular expression.

At each segment static text goes before a typed parameter, that before an untyped one, that before a
catch-all. `find` first walks greedily in that order; where it arrives is what a full search would have found
first. Only when it arrives nowhere is the tree searched with backtracking, which visits a node at most once,
so no path is expensive. Each method has a tree of its own: a route of another method is never in the way, and
only a miss asks the others.

Tried and rejected: a dict of whole static paths before the tree (a static route gains 0.2 µs, every other
loses 0.05), and one tree with a dict of methods at each leaf (a look-up more, and backtracking needs the
method anyway).
"""

import re
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from msgspec import Struct, field

from stanchion.errors import BadRequest, FrozenError, RouteConflict
from stanchion.routing.converters import CONVERTERS, Parser, to_str
from stanchion.routing.template import Template

T = TypeVar("T")

ANY = "*"
"""As a method: every method that has no route of the same shape, for mounts and proxies."""

_MALFORMED = re.compile(r"%(?![0-9A-Fa-f]{2})")


class _Node(Struct, Generic[T], eq=False):
    """What may follow the beginning of a path; `value` is the route that ends here, `rest` a catch-all's."""

    static: dict[str, "_Node[T]"] = field(default_factory=dict)
    typed: list[tuple[Parser, "_Node[T]"]] = field(default_factory=list)
    untyped: "_Node[T] | None" = None
    rest: T | None = None
    value: T | None = None


class Tree(Generic[T]):
    """Routes by method and path. `T` is anything but None.

    It finds nothing until it is frozen. HEAD falls back to the GET route of the same shape (RFC 9110 §9.3.2).
    """

    def __init__(self) -> None:
        self._routes: dict[str, dict[tuple[str, ...], tuple[Template, T]]] = {}
        self._roots: dict[str, _Node[T]] = {}
        self._any: _Node[T] = _Node()
        self._splits = 1
        self._frozen = False

    def __repr__(self) -> str:
        count = sum(map(len, self._routes.values()))
        return f"<Tree {count} routes, {' '.join(sorted(self._routes)) or 'no methods'}>"

    def add(self, method: str, template: Template, value: T) -> None:
        """Add a route; `method` is upper case, or `ANY`.

        Raises:
            RouteConflict: another route of this method would answer the same requests.
            FrozenError: the tree is frozen.
        """
        if self._frozen:
            raise FrozenError(f"{method} {template.text}: routes are frozen; add it before the app starts")
        routes = self._routes.setdefault(method, {})
        shape = _shape(template)
        if shape in routes:
            first, _ = routes[shape]
            raise RouteConflict(
                f"{method} {template.text} and {method} {first.text} answer the same requests;"
                " remove one, or tell them apart by a converter such as {name:int}"
            )
        routes[shape] = template, value

    def freeze(self) -> None:
        """Build the trees; there is no adding after."""
        self._frozen = True
        everywhere = self._routes.get(ANY, {})
        answered = {method: everywhere | routes for method, routes in self._routes.items()}
        if "GET" in self._routes:
            answered["HEAD"] = everywhere | self._routes["GET"] | self._routes.get("HEAD", {})
        for method, routes in answered.items():
            self._roots[method] = root = _Node[T]()
            for template, value in routes.values():
                _grow(root, template, value)
                self._splits = max(self._splits, len(template.segments) + 1)
        self._any = self._roots.pop(ANY, self._any)

    def find(self, method: str, path: str) -> tuple[T, list[Any]] | tuple[None, list[str]]:
        """The route and what it captures, in template order; or None and the methods to allow (none: 404).

        `path` is as received: percent-encoded, without the query. It is split before it is decoded, so an
        encoded slash never ends a segment. The methods are sorted and include HEAD and OPTIONS.

        On a core that takes 0.11 µs to split `/items/123`: 0.42 µs for `/items`, 0.56 for `/items/{id}`, 0.73
        for `/items/{id:int}`, with 1 route as with 500. Percent-encoding adds 2 µs, a catch-all 0.7.

        Raises:
            BadRequest: `malformed-path`, for what is not percent-encoded UTF-8 or holds a NUL.
        """
        # Cut off past the longest template: a path of ten thousand slashes costs no more than a short one.
        segments = path.split("/", self._splits)
        if "%" in path or not path.isascii():
            segments = _decoded(path, segments)
        node = root = self._roots.get(method, self._any)
        captured: list[Any] = []
        for segment in segments:
            if (child := node.static.get(segment)) is None:
                if not segment:
                    break  # a parameter is at least one character
                for parse, typed in node.typed:
                    try:
                        captured.append(parse(segment))
                    except ValueError:
                        continue
                    child = typed
                    break
                else:
                    if (child := node.untyped) is None:
                        break
                    captured.append(segment)
            node = child
        else:
            if node.value is not None:
                return node.value, captured
        return _search(root, segments) or (None, self._allowed(segments))

    def _allowed(self, segments: list[str]) -> list[str]:
        methods = {method for method, root in self._roots.items() if _search(root, segments)}
        return sorted(methods | {"OPTIONS"}) if methods else []


def _shape(template: Template) -> tuple[str, ...]:
    """The template without its parameters' names; no text holds a brace, so the two cannot be confused."""
    return tuple(s if isinstance(s, str) else f"{{{s.converter}}}" for s in template.segments)


def _grow(root: _Node[T], template: Template, value: T) -> None:
    node = root.static.setdefault("", _Node())  # the empty segment before a path's first slash
    for segment in template.segments:
        if isinstance(segment, str):
            node = node.static.setdefault(segment, _Node())
        elif segment.converter == "path":
            node.rest = value
            return
        elif segment.converter == "str":
            node.untyped = node.untyped or _Node()
            node = node.untyped
        else:
            node = _typed_child(node, CONVERTERS[segment.converter].parse)
    node.value = value


def _typed_child(node: _Node[T], parse: Parser) -> _Node[T]:
    for known, child in node.typed:
        if known is parse:
            return child
    child = _Node()
    node.typed.append((parse, child))
    return child


def _search(node: _Node[T], segments: list[str], index: int = 0) -> tuple[T, list[Any]] | None:
    """The first route below `node` in order of precedence, with what it captures from `segments[index:]`."""
    if index == len(segments):
        return None if node.value is None else (node.value, [])
    segment = segments[index]
    if segment in node.static and (found := _search(node.static[segment], segments, index + 1)):
        return found
    for parse, child in [*node.typed, (to_str, node.untyped)] if segment else ():
        try:
            value = parse(segment)
        except ValueError:
            continue
        if child is not None and (found := _search(child, segments, index + 1)):
            found[1].insert(0, value)
            return found
    return None if node.rest is None else (node.rest, ["/".join(segments[index:])])


def _decoded(path: str, segments: list[str]) -> list[str]:
    """Percent-decode each segment (RFC 3986 §2.1), refusing NUL, which C libraries take for the end."""
    if not path.isascii() or "%00" in path or _MALFORMED.search(path):
        raise BadRequest("the path is not percent-encoded text", code="malformed-path")
    try:
        return [unquote_to_bytes(segment).decode() for segment in segments]
    except UnicodeDecodeError:
        raise BadRequest("the path is not percent-encoded UTF-8", code="malformed-path") from None
