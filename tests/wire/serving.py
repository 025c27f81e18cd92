"""A served app that closes its clients at the end."""

from typing import Any

from stanchion.app import App
from stanchion.settings import Settings
from tests.asgi.served import ServedApp
from tests.wire.client import Client
from tests.wire.live import LOOPS


class Serving(ServedApp):
    """On the loop of that name."""

    def __init__(self, loop: str, app: App, **settings: Any) -> None:
        super().__init__(LOOPS[loop], app, Settings(**settings))
        self._clients: list[Client] = []

    def connect(self, **options: Any) -> Client:
        client = super().connect(**options)
        self._clients.append(client)
        return client

    def stop(self, timeout: float = 5) -> list[str]:
        for client in self._clients:
            client.close()
        return super().stop(timeout)
