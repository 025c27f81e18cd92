"""An unmodified FastAPI app through the real wire, without policies and behind one."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.asgi.conftest import Serve
from tests.asgi.served import ServedApp
from tests.wire.client import chunked, get, post
from tests.wire.live import until

MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"x" * 300_000 + b"\r\n--b--\r\n"
)


@pytest.fixture(params=[{}, {"timeout": 5}], ids=["alone", "behind a policy"])
def policies(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def server(serve_app: Serve, whole: ModuleType, policies: Any) -> ServedApp:
    return serve_app(whole.app, "/v1", **policies)


def test_parameters_dependencies_state_and_paths(server: ServedApp, whole: ModuleType) -> None:
    with server.connect() as client:
        answer = client.send(get("/v1/items/7?q=1")).answer()
    assert json.loads(answer.body) == {
        "number": 7,
        "state": "open",
        "session": "session",
        "url": "http://a/v1/items/7?q=1",
    }
    until(lambda: whole.EVENTS == ["up", "session", "session over"])
    server.stop()
    assert whole.EVENTS[-1] == "down"


def test_requests_follow_each_other_on_a_connection(server: ServedApp) -> None:
    with server.connect() as client:
        client.send(get("/v1/thread") + get("/v1/items/1") + get("/v1/stream") + get("/v1/thread"))
        answers = client.answers(4)
    assert [answer.status for answer in answers] == [200] * 4
    assert answers[2].body == b"0\n1\n2\n"
    assert answers[3].body == b'"from a thread"'


def test_a_declared_length_frames_a_stream(server: ServedApp, whole: ModuleType) -> None:
    with server.connect() as client:
        answer = client.send(get("/v1/stream")).answer()
    assert (answer.headers["content-length"], "transfer-encoding" in answer.headers) == ("6", False)
    until(lambda: "stream over" in whole.EVENTS)


def test_repeated_fields_stay_apart(server: ServedApp) -> None:
    with server.connect() as client:
        head = client.send(get("/v1/cookies")).until(b"\r\n\r\n")
    assert head.lower().count(b"\r\nset-cookie: ") == 2


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/v1/raise", 418, b'{"broken":"/v1/raise"}'),
        ("/v1/refuse", 404, b'{"detail":"not here"}'),
        ("/v1/none", 404, b'{"detail":"Not Found"}'),
        ("/v1/empty", 204, b""),
        ("/v1/plain/leaf/x", 200, b'"x"'),
        ("/v1/of/a%20b/leaf/x", 200, b'"x"'),
    ],
)
def test_the_app_s_own_answers(server: ServedApp, path: str, status: int, body: bytes) -> None:
    with server.connect() as client:
        answer = client.send(get(path)).answer()
    assert (answer.status, answer.body) == (status, body)


def test_a_bug_is_answered_and_logged_once(server: ServedApp) -> None:
    with server.connect() as client:
        assert client.send(get("/v1/bug")).answer().status == 500
    until(lambda: server.running() == 0)
    [line] = server.logged()
    assert line.startswith("GET /v1/bug failed")


def test_an_upload(server: ServedApp) -> None:
    with server.connect() as client:
        fields = "content-type: multipart/form-data; boundary=b"
        answer = client.send(post("/v1/upload", MULTIPART, fields)).answer()
    assert json.loads(answer.body) == {"name": "a.txt", "size": 300_000}


@pytest.mark.parametrize("options", [{"body_limit": 1000}, {"body_limit": 1000, "timeout": 5}])
def test_a_body_over_the_limit(serve_app: Serve, whole: ModuleType, options: Any) -> None:
    server = serve_app(whole.app, "/v1", **options)
    for message in (post("/v1/upload", MULTIPART), chunked("/v1/upload", b"x" * 600, b"x" * 600)):
        with server.connect() as client:
            answer = client.send(message).answer()
        assert (answer.status, json.loads(answer.body)["code"]) == (413, "content-too-large")
    until(lambda: server.running() == 0)


def test_a_file(server: ServedApp, whole: ModuleType) -> None:
    content = Path(whole.__file__ or "").read_bytes()
    with server.connect() as client:
        whole_file = client.send(get("/v1/file")).answer()
        part = client.send(get("/v1/file", "range: bytes=3-9")).answer()
        head = client.send(get("/v1/file", method="HEAD")).answer("HEAD")
    assert (whole_file.status, whole_file.body, whole_file.headers["x-own"]) == (200, content, "1")
    assert (part.status, part.body) == (206, content[3:10])
    assert head.status == 405


def test_background_tasks_run_after_the_answer_and_a_drain_waits(server: ServedApp, whole: ModuleType) -> None:
    with server.connect() as client:
        client.send(get("/v1/later") + get("/v1/thread"))
        assert [answer.status for answer in client.answers(2)] == [200, 200]
        assert server.running() >= 1
    assert server.stop() == []
    assert whole.EVENTS == ["up", "worked", "down"]


def test_a_client_that_leaves_ends_a_stream(server: ServedApp, whole: ModuleType) -> None:
    with server.connect() as client:
        client.send(get("/v1/endless")).until(b"\r\n\r\n")
    until(lambda: server.running() == 0 and "endless over" in whole.EVENTS)


def test_a_stream_that_breaks_breaks_the_connection(server: ServedApp) -> None:
    with server.connect() as client:
        client.send(get("/v1/breaks"))
        assert b"0\r\n\r\n" not in client.rest_or_reset()
    until(lambda: server.running() == 0)
    [line] = server.logged()
    assert line.startswith("GET /v1/breaks failed")


def test_a_deadline_cancels_the_app_and_answers_504(serve_app: Serve, whole: ModuleType) -> None:
    server = serve_app(whole.app, "/v1", timeout=0.3)
    with server.connect() as client:
        answer = client.send(get("/v1/slow")).answer()
    assert (answer.status, json.loads(answer.body)["code"]) == (504, "deadline-exceeded")
    until(lambda: whole.EVENTS == ["up", "cancelled"])


def test_the_end_of_a_drain_cancels_the_app(server: ServedApp, whole: ModuleType) -> None:
    with server.connect() as client:
        client.send(get("/v1/slow"))
        until(lambda: server.running() == 1)
        assert server.stop(timeout=0) == []
        assert client.answer().status == 503
    assert whole.EVENTS == ["up", "cancelled", "down"]


def test_a_client_that_leaves_does_not_cancel_the_app(server: ServedApp, whole: ModuleType) -> None:
    with server.connect() as client:
        client.send(get("/v1/slow"))
        until(lambda: server.running() == 1)
    until(lambda: len(server.server.connections) == 0)
    assert (server.running(), whole.EVENTS) == (1, ["up"])
    server.run(server.compiled.drain(0))
    assert (server.running(), whole.EVENTS) == (0, ["up", "cancelled"])


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/v1/items/7", "/v1/items/{number}"),
        ("/v1/api/users/ann/books/3", "/v1/api/users/{user}/books/{book}"),
        ("/v1/plain/leaf/x", "/v1/plain/leaf/{leaf}"),
        ("/v1/of/acme/leaf/x", "/v1/of/{tenant}/leaf/{leaf}"),
        ("/v1/none/at/all", "/v1/{path}"),
    ],
)
def test_metrics_are_told_by_the_app_s_routes(server: ServedApp, path: str, label: str) -> None:
    with server.connect() as client:
        client.send(get(path)).answer()
    assert list(server.server.meter._series) == [("GET", label)]
