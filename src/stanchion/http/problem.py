"""Errors as problem documents (RFC 9457).

`type` is `about:blank`: the stable identifier of a problem is its `code`, which needs no registered URI and
reads the same in a log and a dashboard. An error that has a page of its own passes `type=…` and `title=…` as
extensions.
"""

import logging
from typing import Any

import msgspec

from stanchion.errors import HTTPError
from stanchion.http.request import Request
from stanchion.http.response import Response

MEDIA_TYPE = "application/problem+json"

_logger = logging.getLogger("stanchion.error")


def problem(error: HTTPError, request: Request | None) -> Response:
    """The response to `error`; `request` is None where the message was too malformed to become one.

    Members: `type`, `title`, `status`, `detail` where there is one, `instance` (the path as sent), `code`,
    for a 5xx `request_id` (also sent as X-Request-Id), and the error's extensions.
    """
    try:
        return _response(error, request)
    except (TypeError, ValueError, RecursionError) as failure:  # an extension is not JSON: the raiser's bug
        return unexpected(request, failure)


def unexpected(request: Request | None, error: BaseException) -> Response:
    """The 500 to an exception nobody foresaw: logged once with its traceback, not shown to the client.

    The record on logger `stanchion.error` names the request id, method and path, neither query nor headers,
    which may hold secrets.
    """
    asked = {"request_id": "-", "method": "-", "path": "-"}
    if request is not None:
        asked = {"request_id": request.id, "method": request.method, "path": request.path}
    _logger.error("%(method)s %(path)s failed, request %(request_id)s", asked, exc_info=error, extra=asked)
    detail = "The server failed to answer; report it with the request id."
    return _response(HTTPError(detail, status=500, code="internal-error"), request)


def _response(error: HTTPError, request: Request | None) -> Response:
    document: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status}
    headers = dict(error.headers or {})
    if error.detail:
        document["detail"] = error.detail
    document["code"] = error.code
    if request is not None:
        document["instance"] = request.path
        if error.status >= 500:
            document["request_id"] = headers["X-Request-Id"] = request.id
    body = msgspec.json.encode(document | error.extensions)
    return Response(body, error.status, MEDIA_TYPE, headers)
