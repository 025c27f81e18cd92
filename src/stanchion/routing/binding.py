"""From a route's handler to the one closure that serves it.

The closure is optimistic: it binds as if the request were all right. Only when that fails is every parameter
bound again, one by one, to report all that is wrong at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from os import urandom
from typing import Any

from msgspec import Struct

from stanchion.errors import RouteError, ValidationFailed
from stanchion.http.codings.requests import check_coding
from stanchion.http.form_data import FormLimits
from stanchion.http.forms import read_form
from stanchion.http.pages import PURPOSE
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.http.seal import Seal
from stanchion.routing import json_body
from stanchion.routing.away import away_of
from stanchion.routing.encode import Encoding, encoding_of
from stanchion.routing.explain import REFUSED
from stanchion.routing.generate import Plan, compile_source, source_of
from stanchion.routing.route import Call, InlineCall, Route
from stanchion.routing.signature import Signature, may_suspend, signature_of, where
from stanchion.routing.slots import Content, Slot, slot_of, split
from stanchion.routing.template import parse

INVALID = (KeyError, *REFUSED)
"""What the closure's lines raise on a request at fault."""

Away = Callable[..., Awaitable[Any]]
"""`await away(function, *args, **kwargs)`"""


class BindLimits(Struct, frozen=True, kw_only=True):
    """What one request may cost to bind, and where handlers that block run. The app sets it."""

    max_json_keys: int = 10_000
    """Members of all objects in a JSON body together; over it is 413, code `too-many-keys`."""
    form: FormLimits = FormLimits()
    """What a form may cost."""
    key: Callable[[], bytes] = partial(urandom, 16)
    """What cursors of pages are signed with; asked for by a route that has pages."""
    in_thread: Away | None = None
    """Calls plain `def` handlers in a bounded pool; None is the event loop's own."""
    in_process: Away | None = None
    """The same for `run="process"`."""


class Binding(Struct, frozen=True):
    """A handler, compiled: the request in, the response out."""

    signature: Signature
    call: Call
    inline: InlineCall | None
    """For a plain `def` with `run="inline"` and an `async def` that awaits nothing, unless it takes a form or
    a stream, which have to be waited for."""
    source: str
    """The generated source of `call`, and of `inline`."""

    @property
    def takes_body(self) -> bool:
        """Whether `inline` is to be called with the body complete."""
        return self.signature.body is not None

    @property
    def resources(self) -> tuple[type, ...]:
        """The types the handler takes from the app."""
        return tuple(parameter.type for parameter in self.signature.of("resource"))


def bind(route: Route, names: Sequence[str], resources: Mapping[type, Any], limits: BindLimits) -> Binding:
    """Compile a route's handler.

    `names` are the template's, in order of capture. A value in `resources` that is no instance of its type is
    a factory, called with the request; `resources` is read at each request, so it may be filled after this.

    Raises:
        RouteError: names the handler's file and line, the parameter and the mend.
    """
    signature = signature_of(route.handler, names, resources)
    _check_method(route, signature)
    slots = _slots(route, signature, names, resources)
    encoding = _encoding(route, signature)
    away = away_of(route, signature)
    plan = Plan(
        signature=signature,
        slots=slots,
        away=away,
        status=route.status,
        fast=encoding.fast is not None,
    )
    objects = _namespace(route, signature, slots, encoding, limits)
    filename = f"<stanchion {route.method} {route.template}>"
    head = f"# {route.method} {route.template} of {where(route.handler)}\n"
    source = head + source_of(plan, "call")
    call = compile_source(source, "call", filename, objects)
    reads = signature.body is not None and signature.body.kind in ("form", "stream")
    if away or reads or (signature.is_async and may_suspend(route.handler)):
        return Binding(signature, call, None, source)
    short = head + source_of(plan, "inline", inline=True)
    inline = compile_source(short, "inline", filename.replace(">", " inline>"), objects)
    return Binding(signature, call, inline, f"{source}\n{short}")


def _check_method(route: Route, signature: Signature) -> None:
    if signature.body is not None and route.method in ("GET", "HEAD"):
        raise RouteError(
            f"{where(route.handler)}: {route.method} {route.template} has no body to take a parameter from; "
            "take its fields from the query with Annotated[…, Query()], or answer POST"
        )


def _slots(route: Route, signature: Signature, names: Sequence[str], resources: Mapping[type, Any]) -> list[Slot]:
    converters = {parameter.name: parameter.converter for parameter in parse(route.template).parameters}
    slots = []
    for parameter in signature.parameters:
        position = names.index(parameter.name) if parameter.source == "path" else -1
        try:
            slots.append(slot_of(parameter, position, converters.get(parameter.name, "str"), resources))
        except RouteError as error:
            raise RouteError(f"{where(route.handler)}: parameter {parameter.name!r}: {error}") from None
    return slots


def _encoding(route: Route, signature: Signature) -> Encoding:
    try:
        return encoding_of(signature.returns, route.status)
    except RouteError as error:
        raise RouteError(f"{where(route.handler)}: {error}") from None


def _namespace(
    route: Route, signature: Signature, slots: Sequence[Slot], encoding: Encoding, limits: BindLimits
) -> dict[str, Any]:
    """The globals of the generated source."""
    objects: dict[str, Any] = {
        "handler": route.handler,
        "in_thread": limits.in_thread or _in_thread,
        "in_process": limits.in_process,
        "refusal": _refusal(slots, json=signature.body is not None and signature.body.kind == "json"),
        "INVALID": INVALID,
        "COMMON_TYPES": json_body.COMMON_TYPES,
        "check_media_type": json_body.check_media_type,
        "check_keys": json_body.check_keys,
        "max_json_keys": limits.max_json_keys,
        "read_form": read_form,
        "form_limits": limits.form,
        "split": split,
        "Response": Response,
        "returned": encoding.fast,
        "encode": encoding.encode,
        "media_type": encoding.media_type,
        "finish": encoding.finish,
    }
    if any(parameter.source == "page" for parameter in signature.parameters):
        objects["seal"] = Seal(limits.key(), PURPOSE)
    for slot in slots:
        objects.update(slot.names)
    return objects


def _refusal(slots: Sequence[Slot], *, json: bool) -> Callable[[Request, Content], ValidationFailed]:
    reports = [slot.faults for slot in slots if slot.faults is not None]

    def refusal(request: Request, content: Content) -> ValidationFailed:
        if json:
            check_coding(request)  # here alone: what is in a coding is not JSON
        return ValidationFailed([fault for report in reports for fault in report(request, content)])

    return refusal


def _in_thread(handler: Callable[..., Any], /, *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
    work = partial(copy_context().run, handler, *args, **kwargs)
    return asyncio.get_running_loop().run_in_executor(None, work)
