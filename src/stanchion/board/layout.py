"""Where everything is on the board, declared once.

    header          magic, layout version, the five sizes, how many series and tallies have a name, a secret
    names           256 bytes a series, then as many a tally
    generations     a cell each
    exact           a cell each
    clients         sets of eight entries of four cells: key, expiry and two numbers
    rows            one a seat, then one more: what retired seats have counted

A row is 16 gauges, 48 counters, the tallies' blocks and the series' blocks. All is native unsigned 64-bit cells at
multiples of eight bytes: CPython reads and writes one as a single move, so no reader ever sees half a number.
"""

from enum import IntEnum

from msgspec import Struct

from stanchion.errors import ConfigurationError

MAGIC = int.from_bytes(b"stanchio", "little")
"""As a native integer, so that a board of another byte order is not taken for one of ours."""

VERSION = 3
"""Raised with every change to what this file declares."""

CELL = 8
"""Bytes of a cell."""

HEADER = 16
"""Cells of the header, of which the first eleven are used."""

NAMED = 7
"""The header's cell that says how many series have a name."""

TALLIED = 8
"""The header's cell that says how many tallies have a name."""

SECRET = 9
"""The first of two cells of chance, made with the board: keys what clients must not be able to foresee."""

NAME = 256
"""Bytes of a series' name: method and route, each with its length before it."""

GENERATIONS = 16_384
"""Cells of tags. A tag that is invalidated takes along what shares its cell: with 100 invalidations in a second, an
entry of three tags falls to a stranger's after 55 s on average. It is the same for all boards, since those of a fleet
agree on their cells."""

OUTCOMES = 6
"""Ways a request ends: 0, its client left before the answer; 1 to 5, the class of the answer's status."""

BUCKETS = 105
"""Of the latency histogram: four to a power of two from 4 µs to 2^27 µs (134 s), exact below 8 µs, and a last one
for all above. 105 makes a block of a series 14 cache lines, with none to spare."""

MICROSECONDS = OUTCOMES
"""The block's cell with the sum of all durations."""

HISTOGRAM = OUTCOMES + 1
"""The block's first bucket."""

BLOCK = HISTOGRAM + BUCKETS
"""Cells of a series in a row: 112, which is 896 bytes."""

WAYS = 8
"""Entries of a set of the clients' table."""

SET = 4 * WAYS
"""Cells of a set: 256 bytes."""

TALLIES = 64
"""Tallies that are told apart, the reserved first one among them: it gets those beyond."""

TALLY = 8
"""Cells of a tally in a row."""

FIRST_COUNTER = 16
ROW_HEAD = 64
_ALIGN = 8  # cells of a cache line: no two writers share one

RESERVED = ("(other)", "(unmatched)", "(malformed)")
"""Routes of the first three series, without a method: requests of routes beyond the board's `series`, those no route
answers, and those that were no HTTP."""

OTHER, UNMATCHED, MALFORMED = range(len(RESERVED))


class Gauge(IntEnum):
    """A cell of a row that its writer sets."""

    PID = 0
    """The writer's process; 0 where the seat is free."""
    SLOT = 1
    """Which of the cluster's places the worker fills; two share one while the new replaces the old."""
    STATE = 2
    """Whatever the cluster takes it to mean."""
    STARTED = 3
    """Unix time in nanoseconds."""
    BEAT = 4
    """CLOCK_MONOTONIC in nanoseconds when the process last showed that it lives."""
    LOOP_TICK = 5
    """CLOCK_MONOTONIC in nanoseconds of the event loop's last tick."""
    LOOP_LAG = 6
    """How late that tick was, in nanoseconds."""
    RSS = 7
    """Resident memory in bytes."""
    CONNECTIONS = 8
    """Open connections."""
    LIMIT = 9
    """Requests that may be in flight, as admission estimates it; 0 without admission."""
    WAITING = 10
    """Requests that wait to be admitted."""
    ADMITTED = 11
    """Requests in flight that count against the limit."""
    THREADS_BUSY = 12
    """From here on as in `telemetry.decisions`."""
    PROCESSES_BUSY = 13
    POOL_WAITING = 14
    CACHE_BYTES = 15


class Counter(IntEnum):
    """A cell of a row that only grows."""

    TASKS_BEGUN = 16
    """Requests served by a task. One answered at once is never in flight when anybody looks, so it is not counted."""
    TASKS_ENDED = 17
    ACCEPTED = 18
    """Connections taken."""
    REFUSED = 19
    """Connections turned away."""
    HANDED_OVER = 20
    """Connections passed on to another worker."""
    TAKEN_OVER = 21
    """Connections got from another worker."""
    RECEIVED = 22
    """Bytes from clients."""
    SENT = 23
    """Bytes to clients."""
    GC_PAUSES = 24
    GC_PAUSE_NS = 25
    LOG_LINES = 26
    LOG_DROPPED = 27
    QUEUED = 28
    """Requests that had to wait for admission."""
    SHED_CRITICAL_WAITED = 29
    """Turned away by admission, by priority and reason; see `limits.admission_queue`."""
    SHED_CRITICAL_EXPIRED = 30
    SHED_CRITICAL_CROWDED = 31
    SHED_NORMAL_WAITED = 32
    SHED_NORMAL_EXPIRED = 33
    SHED_NORMAL_CROWDED = 34
    SHED_BACKGROUND_WAITED = 35
    SHED_BACKGROUND_EXPIRED = 36
    SHED_BACKGROUND_CROWDED = 37
    BULKHEAD_REFUSED = 38
    """From here on as in `telemetry.decisions`."""
    POOL_DONE = 39
    POOL_REFUSED = 40
    POOL_CRASHED = 41
    DEPENDENCY_CALLS = 42
    DEPENDENCY_REFUSED = 43
    RETRIES = 44
    RETRIES_DENIED = 45
    LOOP_BLOCKED = 46


def tally_base(index: int) -> int:
    """The first cell of a tally in every row."""
    return ROW_HEAD + index * TALLY


def series_base(index: int) -> int:
    """The first cell of a series' block in every row."""
    return ROW_HEAD + TALLIES * TALLY + index * BLOCK


class Layout(Struct, frozen=True, kw_only=True):
    """The sizes a board was made with, and the offsets, in cells, that follow.

    Raises:
        ConfigurationError: a size is too small to be of use.
    """

    seats: int
    series: int
    """Those that can be named, the reserved ones not counted."""
    generations: int
    exact: int
    clients: int
    """Entries of the clients' table; rounded up to whole sets."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value < 1:
                raise ConfigurationError(f"{name}={value!r}: a board has at least one; give a whole number from 1 up")

    @property
    def blocks(self) -> int:
        """Series of a row, the reserved ones among them."""
        return len(RESERVED) + self.series

    @property
    def names_at(self) -> int:
        return HEADER

    @property
    def tally_names_at(self) -> int:
        return self.names_at + self.blocks * NAME // CELL

    @property
    def generations_at(self) -> int:
        return self.tally_names_at + TALLIES * NAME // CELL

    @property
    def exact_at(self) -> int:
        return self.generations_at + self.generations

    @property
    def clients_at(self) -> int:
        return -(-(self.exact_at + self.exact) // _ALIGN) * _ALIGN

    @property
    def rows_at(self) -> int:
        return self.clients_at + -(-self.clients // WAYS) * SET

    @property
    def row_cells(self) -> int:
        return series_base(self.blocks)

    def row_at(self, seat: int) -> int:
        """The first cell of a seat's row; that of `seats` is the totals'."""
        return self.rows_at + seat * self.row_cells

    @property
    def cells(self) -> int:
        """Of the whole board."""
        return self.row_at(self.seats + 1)

    def header(self) -> list[int]:
        """The cells that let another process find out all of the above."""
        return [MAGIC, VERSION, self.seats, self.series, self.generations, self.exact, self.clients]


def layout_of(header: list[int], size: int) -> Layout:
    """What a board of `size` bytes says of itself in its first cells.

    Raises:
        ConfigurationError: it is none, is cut off, or is of another version.
    """
    if len(header) < NAMED or header[0] != MAGIC:
        raise ConfigurationError("the inherited descriptor is not a board; start workers through `stanchion serve`")
    if header[1] != VERSION:
        raise ConfigurationError(
            f"the board has layout {header[1]}, this process reads layout {VERSION}: supervisor and worker run"
            " different versions of Stanchion; restart the supervisor"
        )
    sizes = zip(Layout.__struct_fields__, header[2:NAMED], strict=True)
    layout = Layout(**dict(sizes))
    if layout.cells * CELL != size:
        raise ConfigurationError(
            f"the board has {size} bytes, its sizes make {layout.cells * CELL}: it is damaged; restart the supervisor"
        )
    return layout
