"""What the sweep, the drain and the cluster need of a connection, whatever protocol it speaks."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from stanchion.errors import HTTPError


class Connection(Protocol):
    """What the sweep and the drain need of a connection."""

    phase: int
    since: float
    body_since: float
    body_mark: int
    unsent: int
    taken_over: bool
    transport: asyncio.Transport

    def body_progress(self) -> int | None: ...

    def refuse(self, error: HTTPError) -> None: ...

    @property
    def movable(self) -> bool: ...

    def wind_down(self) -> None: ...

    def shut(self) -> None: ...

    def cancel_for_shutdown(self) -> None: ...


Move = Callable[[Connection], bool]
"""Gives a connection to another worker; False where none takes it now."""
