"""The API's description as an OpenAPI 3.1 document, made from the same signatures the requests are bound by.

Two routes that only a converter tells apart (`GET /a/{x:int}`, `GET /a/{x}`) are one operation to OpenAPI:
the first is described.
"""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from http.client import responses as PHRASES
from itertools import chain, count
from types import NoneType
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins
from msgspec.json import schema_components

from stanchion.errors import FieldError
from stanchion.http.problem import MEDIA_TYPE as PROBLEM
from stanchion.http.response import BYTES, JSON, TEXT
from stanchion.routing.binding import Binding
from stanchion.routing.converters import CONVERTERS
from stanchion.routing.encode import NO_CONTENT, encoding_of, is_page, without_responses
from stanchion.routing.outcome import Field, Outcome, merged
from stanchion.routing.route import Route
from stanchion.routing.signature import Parameter, Signature
from stanchion.routing.sources import optional
from stanchion.routing.template import parse

Json = dict[str, Any]

_METHODS = frozenset(("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"))
"""Those OpenAPI 3.1 can describe; a route of any other is left out."""
_REF = "#/components/schemas/{name}"
_LINK = Field("The pages around this one, and the first (RFC 8288).")
_BINARY = {"type": "string", "format": "binary"}


class Problem(Struct, kw_only=True):
    """What every response but a success holds (RFC 9457)."""

    type: str
    title: Annotated[str, Meta(description="The status in words.")]
    status: int
    code: Annotated[str, Meta(description="What a program should look at: it never changes its meaning.")]
    detail: str | UnsetType = UNSET
    instance: Annotated[str, Meta(description="The path as sent.")] | UnsetType = UNSET
    request_id: Annotated[str, Meta(description="Of a 5xx, to report it by.")] | UnsetType = UNSET
    errors: Annotated[list[FieldError], Meta(description="Of a 422.")] | UnsetType = UNSET


def document(title: str, version: str, routes: Sequence[tuple[Route, Binding]], always: Sequence[Outcome] = ()) -> Json:
    """The document as plain values; routes declared `hidden` are left out. `always` may happen to any route."""
    schemas = _Schemas()
    paths: dict[str, Json] = {}
    names: set[str] = set()
    for route, binding in routes:
        operations = paths.setdefault(_path(route), {})
        method = route.method.lower()
        if route.method in _METHODS and not route.hidden and method not in operations:
            name = next(route.name + suffix for suffix in _suffixes() if route.name + suffix not in names)
            names.add(name)
            operations[method] = _operation(route, name, binding.signature, schemas)
            _add_outcomes(operations[method], route, always)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": {path: operations for path, operations in paths.items() if operations},
        "components": {"schemas": schemas.components},
    }


class _Schemas:
    """The schemas of types, and the named ones they refer to.

    Each type is described apart and two Structs of one name told apart here: msgspec, given all at once,
    fails where their full names are equal too (`Page[Item]` of two modules, classes made by one function).
    """

    def __init__(self) -> None:
        self.components: Json = {}

    def of(self, annotation: Any) -> Json:
        """The schema of a type; empty, which is any value, for what msgspec cannot describe."""
        for suffix in _suffixes():
            try:
                (schema,), components = schema_components((annotation,), ref_template=_REF + suffix)
            except (TypeError, KeyError):
                return {}
            named = {name + suffix: component for name, component in components.items()}
            if all(self.components.get(name, component) == component for name, component in named.items()):
                break
        self.components.update(named)
        return schema


def _path(route: Route) -> str:
    segments = parse(route.template).segments
    return "".join(f"/{s}" if isinstance(s, str) else f"/{{{s.name}}}" for s in segments)


def _suffixes() -> Iterator[str]:
    """What tells things of one name apart: nothing, `_2`, `_3`, …"""
    return chain([""], map("_{}".format, count(2)))


def _operation(route: Route, name: str, signature: Signature, schemas: _Schemas) -> Json:
    summary, description = _words(route)
    operation = {
        "operationId": name,
        "summary": summary,
        "description": description,
        "tags": list(route.tags),
        "deprecated": route.deprecated,
        "parameters": [
            *_path_parameters(route, signature, schemas),
            *(_parameter(p, schemas) for p in signature.of("query", "header", "cookie")),
        ],
        "requestBody": _body(signature, schemas),
        "responses": _responses(route, signature, schemas),
    }
    return {key: value for key, value in operation.items() if value}


def _words(route: Route) -> tuple[str, str]:
    """Summary and description: as declared, else the docstring's first paragraph and the others."""
    text = inspect.getdoc(route.handler) if inspect.isroutine(route.handler) else None
    first, _, rest = (text or "").partition("\n\n")
    return route.summary or " ".join(first.split()), route.description or rest.strip()


def _path_parameters(route: Route, signature: Signature, schemas: _Schemas) -> Iterable[Json]:
    annotations = {parameter.name: parameter.type for parameter in signature.of("path")}
    for name, converter in ((p.name, p.converter) for p in parse(route.template).parameters):
        annotation = annotations.get(name, CONVERTERS[converter].type)
        described: Json = {"name": name, "in": "path", "required": True, "schema": schemas.of(annotation)}
        if converter == "path":
            described["description"] = "The rest of the path, slashes included."
        yield described


def _parameter(parameter: Parameter, schemas: _Schemas) -> Json:
    schema = _schema(parameter, schemas)
    described: Json = {"name": parameter.alias, "in": parameter.source, "schema": schema}
    if parameter.required:
        described["required"] = True
    if parameter.source == "cookie":
        described["explode"] = False  # a list is one cookie, split at commas
    return described


def _schema(parameter: Parameter, schemas: _Schemas) -> Json:
    annotation = parameter.type
    if optional(annotation) and get_origin(annotation) is not Annotated:  # absent is None; no text is null
        annotation = Union[tuple(m for m in get_args(annotation) if m is not NoneType)]  # noqa: UP007
    if parameter.source == "file":
        return {"type": "array", "items": _BINARY} if get_origin(annotation) is list else dict(_BINARY)
    schema = schemas.of(annotation)
    if parameter.default is not UNSET and parameter.default is not None:
        schema["default"] = to_builtins(parameter.default)
    return schema


def _body(signature: Signature, schemas: _Schemas) -> Json:
    body = signature.body
    if body is None:
        return {}
    if body.kind == "form":
        parts = signature.of("form", "file")
        schema: Json = {"type": "object", "properties": {p.alias: _schema(p, schemas) for p in parts}}
        if required := [part.alias for part in parts if part.required]:
            schema["required"] = required
    else:
        schema = schemas.of(body.type) if body.kind == "json" else _BINARY
    content = {media_type: {"schema": schema} for media_type in body.media_types or (BYTES,)}
    return {"content": content, "required": body.required}


def _responses(route: Route, signature: Signature, schemas: _Schemas) -> Json:
    problem = {PROBLEM: {"schema": schemas.of(Problem)}}
    status, success = _success(route, signature, schemas)
    responses: Json = {str(status): success}
    if any(parameter.name == "cursor" for parameter in _page_parts(signature)):
        responses["400"] = {"description": "The cursor is not of this query", "content": problem}
    if _can_be_invalid(route, signature):
        responses["422"] = {"description": "Invalid fields, all of them listed", "content": problem}
    for status, description in route.responses.items():
        content = {"content": problem} if status >= 400 else {}
        responses[str(status)] = {"description": description} | content
    responses["default"] = {"description": "Any other outcome", "content": problem}
    return responses


def _add_outcomes(operation: Json, route: Route, always: Sequence[Outcome]) -> None:
    """What the route's policies may answer in its stead; a description that the route declares goes before theirs."""
    outcomes = merged([*chain.from_iterable(policy.outcomes(route) for policy in route.policies), *always])
    responses: Json = operation["responses"]
    for status, outcome in outcomes.items():
        response = next(iter(responses.values()))  # the success comes first
        if status is not None:
            other = responses["default"] if status >= 400 else {}
            response = responses.setdefault(str(status), {**other, "description": outcome.description})
        if outcome.fields:
            described = {name: _header(field) for name, field in outcome.fields.items()}
            response["headers"] = {**response.get("headers", {}), **described}
    responses["default"] = responses.pop("default")  # last, where one looks for it


def _header(field: Field) -> Json:
    return {"description": field.description, "schema": {"type": field.type}}


def _success(route: Route, signature: Signature, schemas: _Schemas) -> tuple[int, Json]:
    returned = without_responses(signature.returns)
    status = 204 if returned is NoneType and route.status == 200 else route.status
    success: Json = {"description": PHRASES.get(status, "Success")}
    if status not in NO_CONTENT and returned not in (NoneType, Any, inspect.Signature.empty):
        media_type = encoding_of(returned, status).media_type
        schema = {JSON: schemas.of(returned), TEXT: {"type": "string"}, BYTES: _BINARY}[media_type]
        success["content"] = {media_type: {"schema": schema}}
        if is_page(returned):
            success["headers"] = {"Link": _header(_LINK)}
    return status, success


def _page_parts(signature: Signature) -> Iterable[Parameter]:
    """What is taken from the query for pages."""
    return chain.from_iterable(p.members for p in signature.parameters if p.source == "page")


def _can_be_invalid(route: Route, signature: Signature) -> bool:
    """Whether a request that matches the route can be refused with 422."""
    if signature.of("query", "header", "cookie", "form", "file"):
        return True
    if signature.body is not None and signature.body.kind == "json":
        return True
    converted = {p.name: CONVERTERS[p.converter].type for p in parse(route.template).parameters}
    return any(p.type is not converted[p.name] for p in signature.of("path"))
