"""Correctness first: what a server must answer before anybody measures how fast it answers."""

import http.client
import json

from benchmarks import payload
from benchmarks.cases import JSON, Case


class WrongAnswer(Exception):
    """A server answered, and not what the case asks for."""


def check(case: Case, port: int) -> None:
    """One real request of `case`, and for a case with a body also bad ones; raises `WrongAnswer`."""
    status, kind, body = ask(port, case.method, case.path, case.body)
    if status != case.status:
        raise WrongAnswer(f"{case.method} {case.path} gave {status}, {case.status} wanted: {body[:120]!r}")
    if case.answer is not None:
        _same(case, kind, body)
    if case.body is not None:
        for title, wrong in payload.refused_orders().items():
            status, _, _ = ask(port, case.method, case.path, wrong)
            if not 400 <= status < 500:
                raise WrongAnswer(f"{title} was not refused: {case.method} {case.path} gave {status}, 4xx wanted")


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, str, bytes]:
    """One request over its own connection: status, media type, body. Raises `WrongAnswer` when none comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, {"Content-Type": JSON} if body is not None else {})
        response = connection.getresponse()
        media_type = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
        return response.status, media_type, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise WrongAnswer(f"{method} {path} got no answer: {error!r}") from error
    finally:
        connection.close()


def _same(case: Case, kind: str, body: bytes) -> None:
    if kind != JSON:
        raise WrongAnswer(f"{case.method} {case.path} gave the media type {kind or 'none'}, {JSON} wanted")
    try:
        answer = json.loads(body)
    except ValueError:
        raise WrongAnswer(f"{case.method} {case.path} gave what is not JSON: {body[:120]!r}") from None
    if answer != case.answer:
        raise WrongAnswer(f"{case.method} {case.path} gave {body[:200]!r}, {json.dumps(case.answer)} wanted")
