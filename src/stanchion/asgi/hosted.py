"""A Stanchion app under another server (uvicorn, Granian, Hypercorn): what `App.__call__` does."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from stanchion.asgi.hosted_socket import serve_websocket
from stanchion.asgi.inbound import Inbound
from stanchion.asgi.messages import Receive, Scope, Send
from stanchion.asgi.visitor import Served
from stanchion.errors import ConfigurationError


class Living(Served, Protocol):
    """A compiled app with its lifespan."""

    def lifespan(self) -> AbstractAsyncContextManager[None]: ...


class Hosted:
    """Compiles at `lifespan.startup`, or at the first request of a server that sends none."""

    def __init__(self, compile: Callable[[], Living], lifespans: Sequence[Callable[..., Any]]) -> None:
        self._compile = compile
        self._lifespans = lifespans
        self._served: Living | None = None

    def __repr__(self) -> str:
        return f"<Hosted {'waits for its start' if self._served is None else 'serves'}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope.

        Raises:
            ConfigurationError: the app has lifespans, and the server runs none.
        """
        match scope["type"]:
            case "http":
                await Inbound(self._started(), scope, receive, send).run()
            case "websocket":
                await serve_websocket(self._started(), scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case other:
                raise ConfigurationError(f"the server asks for {other!r}; an App serves http, websocket and lifespan")

    def _started(self) -> Living:
        if self._served is None:
            if self._lifespans:
                names = ", ".join(function.__name__ for function in self._lifespans)
                raise ConfigurationError(
                    f"the app's lifespan {names} has not run, for the server sends no lifespan events; turn them on"
                    " (uvicorn --lifespan on), or serve it with `stanchion serve`"
                )
            self._served = self._compile()
        return self._served

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        step = "startup"
        try:
            served = self._compile()
            async with served.lifespan():
                self._served = served
                await send({"type": "lifespan.startup.complete"})
                await receive()
                step = "shutdown"
        except Exception as error:
            reason = str(error) if isinstance(error, ConfigurationError) else f"{type(error).__name__}: {error}"
            await send({"type": f"lifespan.{step}.failed", "message": reason})
        else:
            await send({"type": "lifespan.shutdown.complete"})
