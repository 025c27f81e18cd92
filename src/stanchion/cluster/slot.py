"""A slot: a place for one worker, and what outlives the workers that take it."""

import asyncio
import socket
from collections.abc import Sequence

from stanchion.cluster.backoff import Backoff
from stanchion.cluster.channel import PACKETS
from stanchion.cluster.process import Process


class Slot:
    """`current` serves, `incoming` is starting to take its place; `wanted` is false once it was scaled away."""

    def __init__(self, index: int, listeners: Sequence[socket.socket]) -> None:
        self.index = index
        self.listeners = listeners
        self.inbox, self.outbox = socket.socketpair(socket.AF_UNIX, PACKETS)
        self.backoff = Backoff()
        self.lock = asyncio.Lock()
        self.current: Process | None = None
        self.incoming: Process | None = None
        self.wanted = True
        self.restart_at: float | None = None

    def __repr__(self) -> str:
        return f"<Slot {self.index}: {self.current}, {self.incoming}>"

    @property
    def served(self) -> bool:
        """Somebody accepts from its sockets for itself."""
        return self.current is not None and self.current.serves
