"""Every error Stanchion raises, with the stable code a client or an operator can rely on.

    StanchionError
    ├── ConfigurationError         at start-up: one line on stderr, exit code 2, never HTTP
    │   ├── SettingsError          an unknown key, a value out of range
    │   ├── RouteError             a template, signature or policy that cannot be compiled
    │   │   └── RouteConflict      two routes that would answer the same request
    │   └── FrozenError            a registration after start
    └── HTTPError                  on the request path: an RFC 9457 problem document
        ├── BadRequest             400
        ├── Unauthorized           401
        ├── Forbidden              403
        ├── NotFound               404
        ├── MethodNotAllowed       405, carries Allow
        ├── Conflict               409
        ├── ContentTooLarge        413
        ├── UnsupportedMediaType   415
        ├── ValidationFailed       422, lists every invalid field
        ├── TooManyRequests        429
        ├── ServiceUnavailable     503
        └── GatewayTimeout         504

A code is part of the API: it is never renamed, only retired.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from msgspec import Struct


class StanchionError(Exception):
    """The root of the tree; `code` is stable over releases."""

    code: str = "stanchion"


class ConfigurationError(StanchionError):
    """The program cannot start as declared. The message says which value, what was expected, what to do."""

    code = "configuration"


class SettingsError(ConfigurationError):
    """A setting is unknown or its value is out of range."""

    code = "settings"


class RouteError(ConfigurationError):
    """A route's template, signature or policies cannot be compiled."""

    code = "route"


class RouteConflict(RouteError):
    """Two routes would answer the same request; the message names both."""

    code = "route-conflict"


class FrozenError(ConfigurationError):
    """Something was registered after the app had started; the message names the mend."""

    code = "frozen"


class FieldError(Struct, frozen=True, kw_only=True):
    """One invalid field of a request: where it is, what was expected and what came instead."""

    location: str
    """`path.id`, `query.page`, `header.x-token`, `cookie.session`, `body.lines[2].price`."""
    expected: str
    """In a caller's words: `integer`, `integer >= 1`, `one of 'a', 'b'`."""
    received: str
    """The offending value as JSON, cut to 80 characters, or `nothing` where the field is missing."""


class HTTPError(StanchionError):
    """An outcome other than success, sent to the client as a problem document (RFC 9457).

    `status` is the HTTP status, `detail` is safe to show to the client, `headers` are added to the response and
    `extensions` become members of the document. Raise a subclass, or this class with any 4xx or 5xx status.
    """

    code = "http-error"
    status: int = 500

    def __init__(
        self,
        detail: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        if status is not None:
            self.status = status
        if code is not None:
            self.code = code
        self.headers = headers
        self.extensions = extensions

    @property
    def title(self) -> str:
        """The status's standard phrase."""
        return PHRASES.get(self.status, "Error")


PHRASES = {int(status): status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Reason phrases as RFC 9110 has them; Python before 3.13 still knows those of its predecessors."""


class BadRequest(HTTPError):
    """The message cannot be understood: malformed JSON, percent-encoding, framing."""

    status = 400
    code = "bad-request"


class Unauthorized(HTTPError):
    """No or wrong credentials; pass `headers={"WWW-Authenticate": …}`."""

    status = 401
    code = "unauthorized"


class Forbidden(HTTPError):
    """The caller is known and may not."""

    status = 403
    code = "forbidden"


class NotFound(HTTPError):
    """No route or no such resource."""

    status = 404
    code = "not-found"


class MethodNotAllowed(HTTPError):
    """The path exists, the method does not; `Allow` names those that do (RFC 9110 §15.5.6)."""

    status = 405
    code = "method-not-allowed"


class Conflict(HTTPError):
    """The resource's state forbids it."""

    status = 409
    code = "conflict"


class ContentTooLarge(HTTPError):
    """The body, or a part or count in it, is over its limit."""

    status = 413
    code = "content-too-large"


class UnsupportedMediaType(HTTPError):
    """The body's Content-Type is not one the route takes."""

    status = 415
    code = "unsupported-media-type"


class ValidationFailed(HTTPError):
    """The message was understood, but fields of it are invalid; lists every one."""

    status = 422
    code = "validation-failed"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        count = len(errors)
        super().__init__(f"{count} invalid field{'s' if count != 1 else ''}", errors=list(errors))
        self.errors = list(errors)


class TooManyRequests(HTTPError):
    """The caller is over its limit; carries Retry-After."""

    status = 429
    code = "too-many-requests"


class ServiceUnavailable(HTTPError):
    """The server cannot take this now; carries Retry-After."""

    status = 503
    code = "service-unavailable"


class GatewayTimeout(HTTPError):
    """The deadline passed before there was an answer."""

    status = 504
    code = "deadline-exceeded"
