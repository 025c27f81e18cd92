"""RFC 9457 problem documents."""

import logging
from datetime import UTC, datetime

import msgspec
import pytest

from stanchion.errors import FieldError, HTTPError, MethodNotAllowed, NotFound, ValidationFailed
from stanchion.http.problem import problem, unexpected


def members(response) -> dict:
    return msgspec.json.decode(response.body)


def test_every_member_of_a_client_s_error(request_of) -> None:
    response = problem(NotFound("no airport XXX"), request_of("GET", "/airports/XXX?secret=1"))
    assert (response.status, response.media_type) == (404, "application/problem+json")
    assert response.headers == {}
    assert members(response) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no airport XXX",
        "code": "not-found",
        "instance": "/airports/XXX",
    }


def test_no_detail_and_no_request_leave_their_members_out() -> None:
    assert members(problem(HTTPError(status=503, code="busy"), None)) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "busy",
    }


def test_a_server_s_error_carries_the_request_id(request_of) -> None:
    request = request_of("GET", "/", {"X-Request-Id": "r-1"})
    response = problem(HTTPError(status=502), request)
    assert members(response)["request_id"] == "r-1"
    assert response.headers == {"X-Request-Id": "r-1"}


def test_the_error_s_headers_are_added_and_not_changed(request_of) -> None:
    given = {"Allow": "GET, HEAD"}
    error = MethodNotAllowed(headers=given)
    assert problem(error, request_of()).headers == given
    problem(HTTPError(status=500, headers=given), request_of())
    assert given == {"Allow": "GET, HEAD"}


def test_extensions_become_members(request_of) -> None:
    error = ValidationFailed([FieldError(location="query.page", expected="integer", received='"x"')])
    document = members(problem(error, request_of()))
    assert document["errors"] == [{"location": "query.page", "expected": "integer", "received": '"x"'}]
    assert document["detail"] == "1 invalid field"


def test_an_error_with_a_page_of_its_own_names_it(request_of) -> None:
    error = HTTPError(
        status=403,
        type="https://example.com/credit",
        title="No credit",
        until=datetime(2030, 1, 1, tzinfo=UTC),
    )
    document = members(problem(error, request_of()))
    assert (document["type"], document["title"]) == ("https://example.com/credit", "No credit")
    assert document["until"] == "2030-01-01T00:00:00Z"


def test_an_unknown_status_has_a_title() -> None:
    assert members(problem(HTTPError(status=499), None))["title"] == "Error"


@pytest.mark.parametrize("extension", [object(), {(): 1}, "\ud800"])
def test_an_extension_that_is_not_json_is_a_logged_500(request_of, caplog, extension: object) -> None:
    response = problem(HTTPError(status=400, extension=extension), request_of())
    assert response.status == 500
    assert members(response)["code"] == "internal-error"
    assert len(caplog.records) == 1


def test_an_unexpected_error_is_logged_once_and_not_shown(request_of, caplog) -> None:
    request = request_of("PUT", "/orders/7?token=hush", {"X-Request-Id": "r-2", "Authorization": "Bearer hush"})
    try:
        raise LookupError("the password is hush")
    except LookupError as error:
        response = unexpected(request, error)
    assert b"hush" not in response.body
    assert (response.status, response.headers) == (500, {"X-Request-Id": "r-2"})
    assert members(response)["code"] == "internal-error"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("stanchion.error", logging.ERROR)
    assert record.getMessage() == "PUT /orders/7 failed, request r-2"
    assert (record.request_id, record.method, record.path) == ("r-2", "PUT", "/orders/7")
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_an_unexpected_error_without_a_request(caplog) -> None:
    assert unexpected(None, ZeroDivisionError()).status == 500
    assert caplog.records[0].getMessage() == "- - failed, request -"
