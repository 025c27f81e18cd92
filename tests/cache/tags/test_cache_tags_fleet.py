"""Two hosts and a store that fail in every way: what was invalidated is never served by who has heard of it.

Each host is a board, and does what a worker does, step by step; between any two steps messages get lost, connections
end, replies do not arrive, a host starts anew, and the store loses its table. After every step each host stores an
entry under each cell, where all may find it. A list of those and of what was invalidated says which entries each host
must take for invalid from now on, for ever:

- the host that has invalidated, at once;
- a host that has heard the message, or has compared after the store knew of it.

One pair of faults is left out, as it is beyond repair: the store loses its table and, before all is whole again, the
one host that knew of an invalidation loses its board. In the end, when everything works again, both boards are equal,
and every entry is as the list says, on both.
"""

from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct

from stanchion.board.generations import Generations
from stanchion.board.locks import RecordLocks
from stanchion.cache.tags.replica import Change, Mark, Replica
from tests.cache.tags.stores import Model, Real, Store
from tests.limits.redis_server import RedisServer, needs_redis

COUNT = 2
CELLS = st.integers(0, COUNT - 1)
HOSTS = st.integers(0, 1)


class Invalidation(Struct, eq=False):
    cell: int
    at: int
    host: int
    number: int = 0
    """What the store has given for its mark, or for a later one of that host's cell; 0 while it does not know."""


class Entry(Struct, eq=False):
    cell: int
    number: int
    at: int
    dead: set[int] = set()
    """Hosts that must take it for invalid."""


class Host:
    """One machine."""

    def __init__(self, number: int, begin: int) -> None:
        self.number = number
        self.begin(begin)

    def begin(self, number: int) -> None:
        self.generations = Generations(memoryview(bytearray(8 * COUNT)).cast("Q"), 0, RecordLocks(None))
        self.generations.begin(number)
        self.replica = Replica(self.generations)
        self.connected = False
        self.inbox: list[list[Change]] = []


class Fleet(RuleBasedStateMachine):
    """See above."""

    make: ClassVar[type[Model] | None] = Model
    url: ClassVar[str] = ""

    @initialize()
    def start(self) -> None:
        self.store: Store = Model() if self.make else Real(self.url, COUNT)
        self.time = 0
        self.begun = 0
        self.lost = self.anew = False  # the table, a board, since all was whole
        self.hosts = [Host(0, self.new()), Host(1, self.new())]
        self.invalidations: list[Invalidation] = []
        self.entries: dict[tuple[int, int], Entry] = {}
        for host in self.hosts:
            self.connect(host)

    def new(self) -> int:
        self.begun += 1
        return self.begun * 1_000_003

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        for host in self.hosts * 2:
            self.connect(host)
        for host in self.hosts:
            self.compare(host)
        for host in self.hosts:
            assert not host.replica.marked()
        assert self.hosts[0].generations.numbers() == self.hosts[1].generations.numbers()
        for entry in self.entries.values():
            over = any(each.cell == entry.cell and each.at > entry.at for each in self.invalidations)
            for host in self.hosts:
                assert not (over and self.valid(host, entry)), f"stale on host {host.number}: {entry}"
        for cell in range(COUNT):  # and what is stored now is of use to both
            stamp = ((cell, self.hosts[0].generations.get(cell)),)
            assert self.hosts[1].generations.same(stamp)
        if isinstance(self.store, Real):
            self.store.close()

    # what the truth is

    def heard(self, host: Host, numbers: dict[int, int]) -> None:
        """The host has heard that these cells have these numbers."""
        for each in self.invalidations:
            if 0 < each.number <= numbers.get(each.cell, 0):
                self.bury(each, host.number)

    def bury(self, invalidation: Invalidation, host: int) -> None:
        for entry in self.entries.values():
            if entry.at < invalidation.at and entry.cell == invalidation.cell:
                entry.dead = entry.dead | {host}

    def valid(self, host: Host, entry: Entry) -> bool:
        return host.generations.same(((entry.cell, entry.number),))

    @invariant()
    def dead_is_dead(self) -> None:
        for entry in self.entries.values() if hasattr(self, "entries") else ():
            for host in entry.dead:
                assert not self.valid(self.hosts[host], entry), f"stale on host {host}: {entry}"

    @invariant()
    def store_entries(self) -> None:
        for host in self.hosts if hasattr(self, "entries") else ():
            for cell, number in enumerate(host.generations.numbers()):
                self.entries.setdefault((cell, number), Entry(cell, number, self.time))

    # what workers do

    def raise_marks(self, host: Host, marks: list[Mark], replies: bool = True) -> None:
        numbers = self.store.raise_marks(marks, host.replica.latest)
        if numbers is None:
            self.merge(host)
            numbers = self.store.raise_marks(marks, host.replica.latest)
        assert numbers is not None
        given = {cell: number for (cell, _), number in zip(marks, numbers, strict=True)}
        for each in self.invalidations:
            if each.host == host.number and not each.number:
                each.number = given.get(each.cell, 0)
        self.post()
        if replies:
            told = [(cell, number, mark) for (cell, mark), number in zip(marks, numbers, strict=True)]
            host.replica.settle(told)

    def merge(self, host: Host) -> None:
        host.replica.compare(self.store.merge(host.replica.known()))
        self.post()

    def post(self) -> None:
        for message in self.store.messages():
            for host in self.hosts:
                if host.connected:
                    host.inbox.append(message)

    def compare(self, host: Host) -> None:
        numbers = self.store.table()
        if numbers is None or host.replica.compare(numbers)[1]:
            self.merge(host)
        table = self.store.table()
        assert table is not None
        marked = dict(host.replica.marked())  # those are told of when somebody looks for them
        self.heard(host, {cell: number for cell, number in enumerate(table) if cell not in marked})

    def connect(self, host: Host) -> None:
        host.connected = True
        if marks := host.replica.marked():
            self.raise_marks(host, marks)
        self.compare(host)

    # what happens

    @rule(host=HOSTS, cells=st.sets(CELLS, min_size=1), replies=st.booleans(), killed=st.booleans())
    def invalidate(self, host: int, cells: set[int], replies: bool, killed: bool) -> None:
        self.time += 1
        here = self.hosts[host]
        marks = [(cell, here.generations.mark(cell)) for cell in sorted(cells)]
        for cell in cells:
            each = Invalidation(cell, self.time, host)
            self.invalidations.append(each)
            self.bury(each, host)
        if here.connected and not killed:
            self.raise_marks(here, marks, replies)

    @rule(host=HOSTS, lost=st.sampled_from([False, False, True]))
    def message(self, host: int, lost: bool) -> None:
        here = self.hosts[host]
        if not here.inbox:
            return
        message = here.inbox.pop(0)
        if lost:
            return
        if not message:
            self.compare(here)
        elif here.replica.settle(message):
            self.flush(host)
        self.heard(here, {cell: number for cell, number, _ in message})

    @rule(host=HOSTS)
    def flush(self, host: int) -> None:
        here = self.hosts[host]
        if here.connected and (marks := here.replica.marked()):
            self.raise_marks(here, marks)

    @rule(host=HOSTS)
    def compare_at_times(self, host: int) -> None:
        if self.hosts[host].connected:
            self.compare(self.hosts[host])

    @rule(host=HOSTS)
    def disconnect(self, host: int) -> None:
        self.hosts[host].connected = False
        self.hosts[host].inbox.clear()

    @rule(host=HOSTS)
    def reconnect(self, host: int) -> None:
        self.connect(self.hosts[host])

    @precondition(lambda self: not self.anew)
    @rule()
    def lose_the_table(self) -> None:
        self.lost = True
        self.store.lose()

    @rule()
    def be_whole(self) -> None:
        for host in self.hosts * 2:
            self.connect(host)
        self.lost = self.anew = False
        for host in self.hosts:
            self.compare(host)

    @precondition(lambda self: not self.lost)
    @rule(host=HOSTS)
    def start_anew(self, host: int) -> None:
        """A host loses its board, and with it what the store was not told."""
        self.anew = True
        self.hosts[host].begin(self.new())
        for each in [each for each in self.invalidations if each.host == host and not each.number]:
            self.invalidations.remove(each)
        for entry in self.entries.values():
            assert not self.valid(self.hosts[host], entry), f"of another board: {entry}"
            entry.dead = entry.dead - {host}  # it has to hear of everything again

    @rule(passed=st.integers(1, 3))
    def tick(self, passed: int) -> None:
        if isinstance(self.store, Model):
            self.store.now += passed


def test_a_fleet_with_a_model_of_the_store() -> None:
    bounds = settings(max_examples=500, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Fleet, settings=bounds)


@pytest.fixture
def real_fleet(shared_redis: RedisServer) -> type[Fleet]:
    return type("RealFleet", (Fleet,), {"make": None, "url": shared_redis.url})


@needs_redis
def test_a_fleet_with_the_real_store(real_fleet: type[Fleet]) -> None:
    checks = [HealthCheck.too_slow]
    bounds = settings(max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(real_fleet, settings=bounds)
