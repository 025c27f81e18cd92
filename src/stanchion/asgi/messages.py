"""What ASGI calls things, and the two errors of a conversation with an app."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_LONGEST = 200


class ClientLeft(OSError):
    """`send` after the client has gone: an OSError, as spec 2.4 has it."""

    def __init__(self) -> None:
        super().__init__("the client has gone away")


class InvalidMessage(RuntimeError):
    """An app sent what it may not, or not now."""


def invalid(message: object, expected: str) -> InvalidMessage:
    """The error that shows the app's author the message and what it should have been."""
    shown = repr(message)
    shown = shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"
    return InvalidMessage(f"the ASGI app sent {shown}; expected {expected}")


def of_leaving(error: BaseException | None) -> bool:
    """Whether an app failed only because its client had gone: `ClientLeft`, what came of it, or a group of those."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ClientLeft):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(map(of_leaving, error.exceptions))
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def name_of(app: object) -> str:
    """`fastapi.applications.FastAPI`, or a function's module and name."""
    named = app if hasattr(app, "__qualname__") else type(app)
    return f"{named.__module__}.{getattr(named, '__qualname__', '')}"


async def until_open(opened: "asyncio.Future[None]") -> None:
    """Wait until a WebSocket is open, as told by the future that is cancelled when it will not be.

    Raises:
        ClientLeft: it will not be, for a policy has refused, or the client has gone.
    """
    try:
        await asyncio.shield(opened)
    except asyncio.CancelledError:
        if opened.cancelled():
            raise ClientLeft from None
        raise
