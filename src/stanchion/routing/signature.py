"""A handler's signature as the contract it is: what the client sends, where, and what comes back.

Pure: nothing here knows how a value is read. OpenAPI and the binding are both made from it, so they cannot
disagree.
"""

import dis
import inspect
import typing
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from msgspec import UNSET, Struct

from stanchion.errors import RouteError
from stanchion.routing.route import Handler
from stanchion.routing.sources import (
    MEDIA_TYPES,
    BodyKind,
    Source,
    body_kind,
    members_of,
    optional,
    paged,
    place,
    split_marker,
)


class Parameter(Struct, frozen=True, kw_only=True):
    """One parameter of a handler, or one field of a Struct that is taken apart (`members`)."""

    name: str
    """As the handler calls it."""
    alias: str
    """As the client calls it; of a header in lower case."""
    source: Source
    type: Any
    """The annotation with its constraints and without the marker."""
    required: bool
    default: Any = UNSET
    """What an absent one is; UNSET where it is required, or the Struct it belongs to has the default."""
    keyword_only: bool = False
    members: tuple["Parameter", ...] = ()
    """Of a Struct taken from the query or a form: its fields."""


class BodySpec(Struct, frozen=True, kw_only=True):
    """The one body a handler takes."""

    kind: BodyKind
    type: Any
    """Of a form `Any`: its fields are parameters with the sources `form` and `file`."""
    media_types: tuple[str, ...]
    """Accepted; empty accepts every one."""
    required: bool


class Signature(Struct, frozen=True, kw_only=True):
    """What a handler takes and gives."""

    handler: Handler
    parameters: tuple[Parameter, ...]
    body: BodySpec | None
    returns: Any
    """The return annotation; `inspect.Signature.empty` where there is none."""
    is_async: bool

    def of(self, *sources: Source) -> tuple[Parameter, ...]:
        """The parameters from these sources, taken apart where they are."""
        flat = (part for parameter in self.parameters for part in parameter.members or (parameter,))
        return tuple(parameter for parameter in flat if parameter.source in sources)


def signature_of(handler: Handler, names: Sequence[str], resources: Collection[type]) -> Signature:
    """Read a handler's signature.

    `names` are those in the template; `resources` are types the app provides although a client could send one
    like them. A class that no client could send is taken for a resource anyway.

    Raises:
        RouteError: names the handler's file and line, the parameter and the mend.
    """
    function = _function(handler)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise RouteError(f"{where(handler)}: it is a generator; make it return Stream(generator())")
    hints = _hints(handler, function)
    bound = handler.keywords if isinstance(handler, partial) else {}
    parameters = tuple(
        _parameter(declared, hints, names, resources, where(handler))
        for declared in inspect.signature(handler).parameters.values()
        if declared.name not in bound
    )
    _check_path(parameters, names, where(handler))
    return Signature(
        handler=handler,
        parameters=parameters,
        body=_body(parameters, where(handler)),
        returns=hints.get("return", inspect.Signature.empty),
        is_async=inspect.iscoroutinefunction(function),
    )


def may_suspend(handler: Handler) -> bool:
    """Whether an `async def` holds an `await`, `async for` or `async with`: each compiles to a SEND.

    One that holds none returns at its first step, so it can be run without a task. Of a compiled one nobody knows.
    """
    code = getattr(_function(handler), "__code__", None)
    return code is None or any(instruction.opname == "SEND" for instruction in dis.get_instructions(code))


def where(handler: Handler) -> str:
    """A handler by its name, file and line."""
    function = inspect.unwrap(_function(handler))
    code = getattr(function, "__code__", None)
    at = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
    return f"handler {getattr(function, '__qualname__', repr(handler))}{at}"


def _function(handler: Handler) -> Any:
    """What holds the code: beneath a partial, or an instance's `__call__`."""
    if isinstance(handler, partial):
        return _function(handler.func)
    plain = inspect.isroutine(handler) or inspect.isclass(handler)
    return handler if plain else type(handler).__call__


def _hints(handler: Handler, function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise RouteError(
            f"{where(handler)}: an annotation names {error.name!r}, which is not known; "
            "define or import it at the module's top, outside `if TYPE_CHECKING`"
        ) from None
    except TypeError as error:
        raise RouteError(f"{where(handler)}: its annotations cannot be read: {error}") from None


def _parameter(
    declared: inspect.Parameter,
    hints: dict[str, Any],
    names: Sequence[str],
    resources: Collection[type],
    handler: str,
) -> Parameter:
    name = declared.name
    try:
        if declared.kind in (declared.VAR_POSITIONAL, declared.VAR_KEYWORD):
            raise RouteError("a request has no open-ended arguments; name each one, or take the Request")
        annotation, marker = split_marker(hints.get(name), declared.default)
        source, alias = place(name, annotation, marker, names, resources)
        if source == "page":
            annotation = paged(annotation, marker)
            if declared.default is not declared.empty:
                raise RouteError("a page has no default; give its limit as Annotated[PageQuery, Paging(limit=20)]")
        absent: Any = declared.default
        if absent is declared.empty:
            absent = None if optional(annotation) and source != "path" else UNSET
        return Parameter(
            name=name,
            alias=alias,
            source=source,
            type=str if annotation is None else annotation,
            required=absent is UNSET,
            default=absent,
            keyword_only=declared.kind is declared.KEYWORD_ONLY,
            members=_members(annotation, source),
        )
    except RouteError as error:
        raise RouteError(f"{handler}: parameter {name!r}: {error}") from None


def _members(annotation: Any, source: Source) -> tuple[Parameter, ...]:
    parts = members_of(annotation, "query" if source == "page" else source)
    return tuple(
        Parameter(name=name, alias=alias, source=part, type=type_, required=required, default=default)
        for name, alias, part, type_, required, default in parts
    )


def _check_path(parameters: tuple[Parameter, ...], names: Sequence[str], handler: str) -> None:
    taken = {parameter.name for parameter in parameters if parameter.source == "path"}
    missing = [name for name in names if name not in taken]
    if missing and not any(parameter.source == "request" for parameter in parameters):
        raise RouteError(
            f"{handler}: it does not take the template's {missing[0]!r}; add a parameter, or take the Request"
        )


def _body(parameters: tuple[Parameter, ...], handler: str) -> BodySpec | None:
    bodies = [parameter for parameter in parameters if parameter.source == "body"]
    parts = [
        part
        for parameter in parameters
        for part in parameter.members or (parameter,)
        if part.source in ("form", "file")
    ]
    if len(bodies) > 1 or (bodies and parts):
        names = ", ".join(parameter.name for parameter in (*bodies, *parts))
        raise RouteError(
            f"{handler}: parameters {names} would each take the body, and a request has one; "
            "put them into one Struct, or mark those that come from the query Annotated[…, Query()]"
        )
    if parts:
        files = any(part.source == "file" for part in parts)
        required = any(part.required for part in parts)
        return BodySpec(kind="form", type=Any, media_types=MEDIA_TYPES["form"][files:], required=required)
    if bodies:
        kind = body_kind(bodies[0].type)
        return BodySpec(kind=kind, type=bodies[0].type, media_types=MEDIA_TYPES[kind], required=bodies[0].required)
    return None
