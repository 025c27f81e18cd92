"""The board as its users see it: made by the supervisor, attached by workers, or private to one process."""

import os
from contextlib import suppress
from mmap import mmap

from msgspec import Struct

from stanchion.board import segment
from stanchion.board.clients import ClientTable
from stanchion.board.exact import ExactCells
from stanchion.board.generations import Generations
from stanchion.board.layout import (
    CELL,
    GENERATIONS,
    HEADER,
    OTHER,
    RESERVED,
    SECRET,
    TALLIED,
    Gauge,
    Layout,
    layout_of,
    series_base,
    tally_base,
)
from stanchion.board.locks import RecordLocks
from stanchion.board.registry import SeriesRegistry
from stanchion.board.totals import Totals, moved, summed


class Row(Struct, frozen=True, kw_only=True, eq=False):
    """A seat's cells. One thread of one process writes a cell; anybody may read it.

    `row.cells[Gauge.RSS] = 1 << 20`, `row.cells[Counter.SENT] += 512`, and a series' block from
    `board.series_base(index)` on.
    """

    seat: int
    cells: memoryview


class Board:
    """Shared memory of a cluster. A process has one, and closes it last: see `board.locks`.

    Raises:
        ConfigurationError: from `create`, `attach` and `private`, when there can be no board.
    """

    def __init__(self, layout: Layout, memory: mmap, descriptor: int | None) -> None:
        self.seats = layout.seats
        self._layout = layout
        self._memory = memory
        self._descriptor = descriptor
        self._views: list[memoryview] = [memoryview(memory)]
        self._cells = self._kept(self._views[0].cast("Q"))
        header = self._slice(0, HEADER)
        names = self._kept(self._slice(layout.names_at, layout.tally_names_at).cast("B"))
        tallies = self._kept(self._slice(layout.tally_names_at, layout.generations_at).cast("B"))
        generations = self._slice(layout.generations_at, layout.exact_at)
        exact = self._slice(layout.exact_at, layout.exact_at + layout.exact)
        # A mutex a section: a sum that takes a millisecond keeps no limit waiting.
        self.series = SeriesRegistry(header, names, RecordLocks(descriptor))
        self.tallies = SeriesRegistry(header, tallies, RecordLocks(descriptor), TALLIED)
        self.generations = Generations(generations, layout.generations_at, RecordLocks(descriptor))
        self.exact = ExactCells(exact, layout.exact_at, RecordLocks(descriptor))
        clients = self._slice(layout.clients_at, layout.rows_at)
        self.clients = ClientTable(clients, layout.clients_at, RecordLocks(descriptor))
        self._totals_locks = RecordLocks(descriptor)
        self._rows: dict[int, Row] = {}

    @classmethod
    def create(
        cls, *, seats: int, series: int, generations: int = GENERATIONS, exact: int = 65536, clients: int = 65536
    ) -> "Board":
        """A new board, for a supervisor: `descriptor` is then passed on to workers.

        `seats` are the processes that may write at one time, `series` the routes that are told apart, each with its
        method, `clients` those that limits remember. It takes memory as it is used: 896 bytes for each seat and series
        in use, 32 for a client.
        """
        layout = Layout(seats=seats, series=series, generations=generations, exact=exact, clients=clients)
        size = layout.cells * CELL
        descriptor = segment.create(size)
        return cls(layout, segment.shared(descriptor, size), descriptor)._begun()

    @classmethod
    def attach(cls, descriptor: int) -> "Board":
        """The board that this process has inherited. Processes started from here do not inherit it in their turn."""
        header, size = segment.peek(descriptor)
        layout = layout_of(header, size)
        os.set_inheritable(descriptor, False)
        return cls(layout, segment.shared(descriptor, size), descriptor)

    @classmethod
    def private(cls, *, series: int = 64, clients: int = 65536) -> "Board":
        """A board of one seat for this process alone, without a descriptor: 0.02 ms."""
        layout = Layout(seats=1, series=series, generations=GENERATIONS, exact=65536, clients=clients)
        return cls(layout, segment.anonymous(layout.cells * CELL), None)._begun()

    def _begun(self) -> "Board":
        for cell, value in enumerate(self._layout.header()):
            self._cells[cell] = value
        secret = memoryview(os.urandom(2 * CELL)).cast("Q")
        self._cells[SECRET], self._cells[SECRET + 1] = secret
        self.series.reserve()
        self.tallies.reserve(RESERVED[OTHER : OTHER + 1])
        return self

    def __repr__(self) -> str:
        if not self._views:
            return "<Board closed>"
        used = self.statistics()
        return (
            f"<Board {used['taken']} of {used['seats']} seats taken, {used['series']} of {self._layout.blocks} series,"
            f" {'private' if self._descriptor is None else f'descriptor {self._descriptor}'}>"
        )

    def statistics(self) -> dict[str, int]:
        """Seats and how many are taken, series that have a name, and the bytes of the mapping, touched or not."""
        taken = sum(self.row(seat).cells[Gauge.PID] != 0 for seat in range(self.seats))
        return {
            "seats": self.seats,
            "taken": taken,
            "series": len(self.series),
            "bytes": self._layout.cells * CELL,
        }

    @property
    def descriptor(self) -> int:
        """The file descriptor to inherit.

        Raises:
            ValueError: the board is private.
        """
        if self._descriptor is None:
            raise ValueError("a private board has no descriptor; make one to share with Board.create")
        return self._descriptor

    def row(self, seat: int) -> Row:
        """The row of a seat, from 0 to `seats - 1`.

        Raises:
            IndexError: there is no such seat.
        """
        if not 0 <= seat < self.seats:
            raise IndexError(f"seat {seat}: the board has {self.seats}, from 0")
        return self._row(seat)

    def series_base(self, index: int) -> int:
        """The first cell, in any row, of the series with this index."""
        return series_base(index)

    def tally_base(self, index: int) -> int:
        """The first of eight cells, in any row, of the tally with this index."""
        return tally_base(index)

    @property
    def secret(self) -> bytes:
        """16 bytes of chance that all processes of this board share and no client knows."""
        return self._cells[SECRET : SECRET + 2].tobytes()

    def retire(self, seat: int) -> None:
        """Move what a dead worker has counted into the totals and free its seat; for the supervisor alone.

        The writer must have been waited for. Gauges go to zero, counters live on in `totals`.
        """
        row = self.row(seat).cells
        totals = self._row(self.seats).cells
        self._totals_locks.acquire(self._layout.row_at(self.seats))
        try:
            moved(row, totals, len(self.series))
        finally:
            self._totals_locks.release()

    def totals(self) -> Totals:
        """What all workers have counted since the board was made, the retired ones too: it never goes back."""
        rows = [self._row(seat).cells for seat in range(self.seats + 1)]
        self._totals_locks.acquire(self._layout.row_at(self.seats))
        try:
            return summed(rows, len(self.series), len(self.tallies))
        finally:
            self._totals_locks.release()

    def close(self) -> None:
        """Give the mapping and the descriptor back; cells handed out raise ValueError from now on."""
        while self._views:
            self._views.pop().release()
        with suppress(BufferError):  # a view that somebody sliced further keeps the mapping as long as it lives
            self._memory.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _row(self, seat: int) -> Row:
        if seat not in self._rows:
            start = self._layout.row_at(seat)
            self._rows[seat] = Row(seat=seat, cells=self._slice(start, start + self._layout.row_cells))
        return self._rows[seat]

    def _slice(self, start: int, end: int) -> memoryview:
        return self._kept(self._cells[start:end])

    def _kept(self, view: memoryview) -> memoryview:
        self._views.append(view)
        return view
