"""A parameter as a few lines of the generated closure, and as its part of the report where they fail.

The lines are for the request that is all right: a look-up and a call for each parameter, no loop over
parameters, no test that a valid request does not need. A missing name is a KeyError, a repeated one a failed
unpacking.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from stanchion.errors import FieldError
from stanchion.http.form_data import FormData
from stanchion.http.pages import page_query
from stanchion.http.request import Request
from stanchion.routing import json_body
from stanchion.routing.explain import missing
from stanchion.routing.reading import Reader, file_reader, group_of, path_reader, reader_of
from stanchion.routing.signature import Parameter
from stanchion.routing.sources import body_kind, node_of

Content = bytes | FormData | None
Faults = Callable[[Request, Content], list[FieldError]]


class Slot(Struct, frozen=True, kw_only=True):
    """How the closure gets one argument."""

    argument: str
    """The expression to pass to the handler."""
    lines: tuple[str, ...] = ()
    """Run before, inside the `try`: they raise where the request is at fault."""
    late: tuple[str, ...] = ()
    """Run after all parameters are bound, outside the `try`."""
    names: Mapping[str, Any] = {}
    """The objects the lines name."""
    faults: Faults | None = None
    """The report; None where nothing can go wrong."""


class Table(Struct, frozen=True):
    """Where a source has its values by name: the closure's local, what sets it, and the same for a report."""

    local: str
    expression: str
    of: Callable[[Request, Any], Mapping[Any, Any]]


TABLES = {
    "query": Table("query", "request.query", lambda request, _: request.query),
    "header": Table("fields", "request.fields", lambda request, _: request.fields),
    "cookie": Table("cookies", "request.cookies", lambda request, _: request.cookies),
    "form": Table("texts", "form.fields", lambda _, form: form.fields),
    "file": Table("files", "form.files", lambda _, form: form.files),
}


def slot_of(parameter: Parameter, position: int, converter: str, resources: Mapping[type, Any]) -> Slot:
    """Compile one parameter; `position` and `converter` are those of a path segment.

    Raises:
        RouteError: it cannot be read from where it should come.
    """
    if parameter.source == "request":
        return Slot(argument="request")
    if parameter.source == "resource":
        return _resource(parameter, resources)
    if parameter.source == "body":
        return _body(parameter)
    if parameter.source == "page":
        return _page(parameter)
    if parameter.members:
        return _group(parameter)
    if parameter.source == "path":
        return _path(parameter, position, path_reader(parameter.type, converter))
    read = file_reader if parameter.source == "file" else reader_of
    return _named(parameter, read(parameter.type))


def _resource(parameter: Parameter, resources: Mapping[type, Any]) -> Slot:
    kind = parameter.type

    def resource(request: Request) -> Any:
        value = resources[kind]  # looked up at each call: a lifespan provides it after the app has compiled
        return value if isinstance(value, kind) else value(request)

    name, argument = f"resource_{parameter.name}", f"arg_{parameter.name}"
    return Slot(argument=argument, late=(f"{argument} = {name}(request)",), names={name: resource})


def _path(parameter: Parameter, position: int, reader: Reader) -> Slot:
    segment = f"request.path_args[{position}]"
    location = f"path.{parameter.name}"
    if reader.parse is None:
        return Slot(argument=segment)
    name, argument = f"parse_{parameter.name}", f"arg_{parameter.name}"
    return Slot(
        argument=argument,
        lines=(f"{argument} = {name}({segment})",),
        names={name: reader.parse},
        faults=lambda request, _: reader.faults([request.path_args[position]], location),
    )


def _named(parameter: Parameter, reader: Reader) -> Slot:
    """A parameter from a table of values by name."""
    table = TABLES[parameter.source].local
    key: str | bytes = parameter.alias.encode("latin-1") if parameter.source == "header" else parameter.alias
    argument, parse, default = (f"{kind}_{parameter.name}" for kind in ("arg", "parse", "default"))
    value, unpack = _shape(parameter, reader)
    if reader.parse is not None:
        value = f"{parse}({value})"
    names = {parse: reader.parse, default: parameter.default}
    if parameter.required:
        lines = [f"found = {table}[{key!r}]", *unpack, f"{argument} = {value}"]
    else:
        copied = f"{default}.copy()" if isinstance(parameter.default, (list, dict, set)) else default
        lines = [f"found = {table}.get({key!r})", "if found is None:", f"    {argument} = {copied}", "else:"]
        lines += [f"    {line}" for line in (*unpack, f"{argument} = {value}")]
    return Slot(argument=argument, lines=tuple(lines), names=names, faults=_report(parameter, reader, key))


def _shape(parameter: Parameter, reader: Reader) -> tuple[str, list[str]]:
    """From what the table holds to what the reader takes: an expression, and lines before it."""
    if parameter.source == "header":
        return 'split(found.decode("latin-1"))' if reader.many else 'found.decode("latin-1")', []
    if parameter.source == "cookie":
        return "split(found)" if reader.many else "found", []
    return "found", [] if reader.many else ["(found,) = found"]


def split(text: str) -> list[str]:
    """The members of a comma-separated field (RFC 9110 §5.6.1), empty ones left out."""
    return [member for part in text.split(",") if (member := part.strip())]


def _report(parameter: Parameter, reader: Reader, key: Any) -> Faults:
    source = parameter.source
    location = f"{'body' if source in ('form', 'file') else source}.{parameter.alias}"

    def faults(request: Request, content: Content) -> list[FieldError]:
        found: Any = TABLES[source].of(request, content).get(key)
        if found is None:
            return [missing(location, reader.expected)] if parameter.required else []
        if source in ("header", "cookie"):
            text = found.decode("latin-1") if source == "header" else found
            found = split(text) if reader.many else [text]
        return reader.faults(found, location)

    return faults


def _group(parameter: Parameter) -> Slot:
    group = group_of(parameter)
    name, argument = f"group_{parameter.name}", f"arg_{parameter.name}"
    if parameter.source == "query":
        return Slot(
            argument=argument,
            lines=(f"{argument} = {name}(request.query, {{}})",),
            names={name: group.value},
            faults=lambda request, _: group.faults(request.query, {}, "query"),
        )

    def faults(_: Request, content: Any) -> list[FieldError]:
        return group.faults(content.fields, content.files, "body")

    lines = (f"{argument} = {name}(form.fields, form.files)",)
    return Slot(argument=argument, lines=lines, names={name: group.value}, faults=faults)


def _page(parameter: Parameter) -> Slot:
    slot = _group(msgspec.structs.replace(parameter, source="query"))
    made = f"{slot.argument} = page_query({slot.argument}, request, seal)"
    return msgspec.structs.replace(slot, late=(made,), names={**slot.names, "page_query": page_query})


def _body(parameter: Parameter) -> Slot:
    kind = body_kind(parameter.type)
    if kind == "stream":
        return Slot(argument="request.chunks()")
    default = f"default_{parameter.name}"
    names = {default: parameter.default}
    if kind == "bytes":
        argument = "content" if parameter.required else f"content or {default}"
        return Slot(argument=argument, names=names)
    node = node_of(parameter.type)
    json_body.check_decodable(node)
    decode = msgspec.json.Decoder(parameter.type).decode
    name, argument = f"decode_{parameter.name}", f"arg_{parameter.name}"
    names[name] = decode
    otherwise = "" if parameter.required else f" if content else {default}"

    def faults(_: Request, content: Any) -> list[FieldError]:
        return json_body.faults(node, decode, content) if content or parameter.required else []

    lines = (f"{argument} = {name}(content){otherwise}",)
    return Slot(argument=argument, lines=lines, names=names, faults=faults)
