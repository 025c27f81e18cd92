"""Connections from one worker to another, with their sockets: their clients notice nothing.

Every slot has an inbox, a pair of packet sockets that the supervisor keeps: whoever serves the slot reads it, every
worker can write to it. A connection whose whole state is in its socket (nothing owed, nothing half received) is sent
there as a descriptor and dropped here without being closed. That is how a reload keeps idle connections, and how
workers share connections evenly although the kernel spreads them by chance.
"""

import socket
from contextlib import suppress

from stanchion.board import Board, Counter, Gauge, Row
from stanchion.cluster.balance import recipient, surplus
from stanchion.cluster.channel import PACKET
from stanchion.cluster.states import SERVING
from stanchion.tasks import Tasks
from stanchion.wire.connection import Connection
from stanchion.wire.http1.proxied import packet_of, taken_over
from stanchion.wire.server import Server

_MOST_AT_ONCE = 64
"""Connections taken in before the loop does something else."""


class Handover:
    """A worker's part: whom to give connections to, and those it is given."""

    def __init__(self, server: Server, board: Board, slot: int, inbox: socket.socket) -> None:
        self._server = server
        self._board = board
        self._slot = slot
        self._inbox = inbox
        self._inboxes: dict[int, socket.socket] = {}
        self._rows: dict[int, Row] = {}
        self._sent: dict[int, tuple[int, int]] = {}  # by slot: connections sent, and taken over there before the first
        self._spare = 0
        self._balancing = True
        self._tasks = Tasks()
        inbox.setblocking(False)
        server.loop.add_reader(inbox, self._receive)

    def __repr__(self) -> str:
        return f"<Handover of slot {self._slot} to {sorted(self._rows)}>"

    def add_peer(self, slot: int, inbox: socket.socket) -> None:
        """Know another slot's inbox."""
        inbox.setblocking(False)
        known = self._inboxes.pop(slot, None)
        if known is not None:
            known.close()
        self._inboxes[slot] = inbox

    def refresh(self) -> None:
        """Look who serves now, and give away what is more than this worker's share; once a second."""
        rows = map(self._board.row, range(self._board.seats))
        self._rows = {row.cells[Gauge.SLOT]: row for row in rows if row.cells[Gauge.STATE] == SERVING}
        self._sent.clear()
        slots, counts = self._counts()
        if not self._balancing or self._slot not in slots or len(slots) < 2:
            return
        self._spare = surplus(counts, slots.index(self._slot))
        self._server.parting = self._part if self._spare else None  # for those that are busy now
        for connection in list(self._server.connections) if self._spare else ():
            self._part(connection)

    def _part(self, connection: Connection) -> None:
        """Give away a connection that is too many here, as soon as it owes nothing."""
        if self._spare and connection.movable and self.place(connection):
            self._spare -= 1
        if not self._spare:
            self._server.parting = None

    def place(self, connection: Connection) -> bool:
        """Give the connection to a worker that has clearly fewer, if there is one."""
        slots, counts = self._counts()
        if self._slot not in slots or len(slots) < 2:
            return False
        to = recipient(counts, slots.index(self._slot))
        return to is not None and self._give(connection, slots[to])

    def stop(self) -> None:
        """Give away nothing more for the sake of balance, but all there is to those who serve now."""
        self._balancing = False
        self._spare = 0
        self._server.place = self._server.parting = None
        self.refresh()

    def to_successor(self, connection: Connection) -> bool:
        """Give the connection to the new worker of this slot."""
        return self._give(connection, self._slot)

    def to_peers(self, connection: Connection) -> bool:
        """Give the connection to the worker that has fewest."""
        slots, counts = self._counts()
        others = sorted((count, slot) for slot, count in zip(slots, counts, strict=True) if slot != self._slot)
        return bool(others) and self._give(connection, others[0][1])

    def retire(self) -> None:
        """Take in no more: the inbox is the successor's."""
        self._server.loop.remove_reader(self._inbox)

    def _counts(self) -> tuple[list[int], list[int]]:
        """Serving slots and their connections; what is on its way to one is counted until the board shows it."""
        slots = [slot for slot, row in self._rows.items() if row.cells[Gauge.STATE] == SERVING]  # not killed meanwhile
        return slots, [self._rows[slot].cells[Gauge.CONNECTIONS] + self._on_the_way(slot) for slot in slots]

    def _on_the_way(self, slot: int) -> int:
        """Connections sent to a slot that have not been taken over there yet, as far as can be told from here."""
        if slot not in self._sent:
            return 0
        sent, before = self._sent[slot]
        return max(0, sent - (self._rows[slot].cells[Counter.TAKEN_OVER] - before))

    def _give(self, connection: Connection, slot: int) -> bool:
        transport = connection.transport
        inbox = self._inboxes.get(slot)
        end = transport.get_extra_info("socket")
        if inbox is None or end is None:
            return False
        transport.pause_reading()  # at once: what arrives from here on is for the other worker
        try:
            socket.send_fds(inbox, [packet_of(connection)], [end.fileno()])
        except OSError:  # the inbox is full, or its slot is no more
            transport.resume_reading()
            return False
        transport.abort()  # our descriptor only: the connection lives on in the packet
        self._server.cells[Counter.HANDED_OVER] += 1
        sent, before = self._sent.get(slot) or (0, self._taken_over_by(slot))
        self._sent[slot] = sent + 1, before
        return True

    def _taken_over_by(self, slot: int) -> int:
        row = self._rows.get(slot)
        return 0 if row is None else row.cells[Counter.TAKEN_OVER]

    def _receive(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                packet, descriptors, _, _ = socket.recv_fds(self._inbox, PACKET, 1)
            except BlockingIOError:
                return
            for descriptor in descriptors:
                self._take(socket.socket(fileno=descriptor), packet)

    def _take(self, end: socket.socket, packet: bytes) -> None:
        end.setblocking(False)
        self._server.cells[Counter.TAKEN_OVER] += 1
        self._tasks.begin(_accepted(self._server, end, packet))


async def _accepted(server: Server, end: socket.socket, packet: bytes) -> None:
    with suppress(OSError):  # the client has gone meanwhile
        await server.loop.connect_accepted_socket(lambda: taken_over(server, packet), end)
