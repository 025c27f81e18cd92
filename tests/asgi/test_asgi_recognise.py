"""What is an ASGI 3 app, and what only looks like one."""

import functools
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from stanchion.asgi.recognise import ASGI2, ASGI3, WSGI, kind_of


async def app3(scope: Any, receive: Any, send: Any) -> None: ...


async def with_more(scope: Any, receive: Any, send: Any, extra: int = 0) -> None: ...


def decorated(scope: Any, receive: Any, send: Any) -> Any:
    return app3(scope, receive, send)


def app2(scope: Any) -> Any: ...


class Class2:
    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


class Object3:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def wsgi(environ: Any, start_response: Any) -> Any: ...


class FlaskLike:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (app3, ASGI3),
        (with_more, ASGI3),
        (decorated, ASGI3),
        (functools.partial(with_more, extra=1), ASGI3),
        (Object3(), ASGI3),
        (FastAPI(), ASGI3),
        (Starlette(), ASGI3),
        (app2, ASGI2),
        (Class2, ASGI2),
        (wsgi, WSGI),
        (FlaskLike(), WSGI),
        (Object3, ""),
        (dict, ""),
        (len, ""),
        (print, ""),
        (7, ""),
        (None, ""),
        (lambda: app3, ""),
        (lambda a, b, c: a, ""),
    ],
)
def test_kinds(found: object, kind: str) -> None:
    assert kind_of(found) == kind
