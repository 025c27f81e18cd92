"""What a worker lends to policies that need more than the request: the board, and a place for what they share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from stanchion.board import Board
from stanchion.settings import Settings
from stanchion.telemetry.decisions import Decisions

T = TypeVar("T")
_log = logging.getLogger("stanchion")


class Runtime:
    """One a worker, given to `App.compile`. Without a cluster, as in tests and under other servers, it has a private
    board, made when the first policy asks for it."""

    def __init__(
        self, settings: Settings | None = None, *, board: Board | None = None, seat: int = 0, workers: int = 1
    ) -> None:
        """`seat` is this worker's row of `board`; `workers` are how many there are, this one among them."""
        self.settings = settings or Settings()
        self.workers = workers
        self._board = board
        self._seat = seat
        self._shared: dict[Hashable, Any] = {}
        self._beginnings: list[Callable[[], Awaitable[None]]] = []
        self._endings: list[Callable[[], Awaitable[None]]] = []
        self._measures: list[Callable[[Decisions], None]] = []
        self._opened = False
        self._late: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Runtime with {len(self._shared)} shared, {self._board or 'no board yet'}>"

    @property
    def board(self) -> Board:
        """Shared by all workers of the server."""
        if self._board is None:
            settings = self.settings
            self._board = Board.private(series=settings.max_series, clients=settings.limit_clients)
        return self._board

    @property
    def key(self) -> bytes:
        """What to sign with that a client only brings back: the setting `secret`, else the server's own."""
        return self.shared("key", self._key)

    def _key(self) -> bytes:
        settings = self.settings
        if settings.secret is not None:
            return settings.secret.encode()
        if settings.instances > 1:
            _log.warning(
                "what one of the %d instances signs, such as a page's cursor, the others will refuse; "
                "give all of them the same setting `secret`",
                settings.instances,
            )
        return self.board.secret

    def tally(self, kind: str, name: str) -> tuple[memoryview, int]:
        """The row's cells, and the first of eight that are for `name`; this worker alone writes them."""
        board = self.board
        return board.row(self._seat).cells, board.tally_base(board.tallies.intern(kind, name))

    def shared(self, key: Hashable, make: Callable[[], T]) -> T:
        """The one object of this key in this worker, made when it is first asked for."""
        if key not in self._shared:
            self._shared[key] = make()
        return cast(T, self._shared[key])

    def at_start(self, beginning: Callable[[], Awaitable[None]]) -> None:
        """Await `beginning()` before the app's first request; where that has come already, at once, in a task. A server
        that sends no lifespan events skips it."""
        if not self._opened:
            self._beginnings.append(beginning)
            return
        task = asyncio.ensure_future(beginning())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def at_end(self, ending: Callable[[], Awaitable[None]]) -> None:
        """Await `ending()` when the app ends, after its last request; the last registered is the first to run."""
        self._endings.append(ending)

    def measured(self, measure: Callable[[Decisions], None]) -> None:
        """Call `measure` ten times a second, before the app's decisions go to the board: it brings up to date what it
        counts elsewhere, there or in its tallies."""
        self._measures.append(measure)

    def measure(self, decisions: Decisions) -> None:
        """Have what was registered brought up to date."""
        for measure in self._measures:
            measure(decisions)

    async def open(self) -> None:
        """Begin what was registered."""
        self._opened = True
        for beginning in self._beginnings:
            await beginning()

    async def close(self) -> None:
        """End what was registered."""
        while self._endings:
            await self._endings.pop()()
