"""An open-loop load generator: requests go out when they are due, whatever has become of those before.

A latency counts from the moment a request was due, so that a server which stops reading cannot hide what its clients
wait (coordinated omission). One thread and one epoll send 20,000 requests a second, four times what is asked of it.
"""

import gc
import random
import select
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from time import perf_counter

_READ = 64 * 1024
_LINGER = 8.0
"""Seconds to wait for answers after the last request; those that come later count as unanswered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """Requests of one kind: `rate` a second at random intervals (a Poisson process), to `path`."""

    path: str
    rate: float
    until: float = inf
    """Seconds after the start from which no more are due."""


@dataclass(slots=True)
class Outcome:
    """Of one kind of request, those due in the time that counts; latencies in seconds."""

    due: int = 0
    accepted: list[float] = field(default_factory=list)
    """Latencies of 2xx."""
    refused: list[float] = field(default_factory=list)
    """Latencies of all other answers."""
    broken: int = 0
    """The connection ended instead of an answer."""
    answered: list[tuple[float, float | None]] = field(default_factory=list)
    """When each that was answered was due, in seconds since the start, and its latency if it was a 2xx."""

    @property
    def unanswered(self) -> int:
        """Not answered by the end."""
        return self.due - len(self.accepted) - len(self.refused) - self.broken

    def in_time(self, objective: float) -> int:
        """Those answered 2xx within `objective` seconds."""
        return sum(latency <= objective for latency in self.accepted)

    def fates(self, objective: float) -> list[tuple[float, bool]]:
        """When each was due, and whether it was answered 2xx within `objective` seconds."""
        return [(due, latency is not None and latency <= objective) for due, latency in self.answered]


class _Connection:
    __slots__ = ("buffer", "due", "kind", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.kind = 0
        self.due = 0.0


class Run:
    """One run against the server on a port."""

    def __init__(self, port: int, connections: int) -> None:
        self._address = ("127.0.0.1", port)
        self._epoll = select.epoll()
        self._idle: deque[_Connection] = deque()
        self._by_number: dict[int, _Connection] = {}
        for _ in range(connections):
            self._idle.append(self._open())

    def open_loop(self, streams: Sequence[Stream], *, seconds: float, warm: float, seed: int = 1) -> list[Outcome]:
        """Send for `warm + seconds`; what is due in the first `warm` seconds is sent and not counted."""
        schedule = _schedule(streams, warm + seconds, seed)
        messages = [f"GET {stream.path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode() for stream in streams]
        outcomes = [Outcome() for _ in streams]
        waiting: deque[tuple[float, int]] = deque()
        busy = position = 0
        gc.collect()
        gc.disable()  # a collection would be a stall of its own, which latencies would count as the server's
        began = perf_counter()
        for due, kind in schedule:
            outcomes[kind].due += due >= warm
        while True:
            now = perf_counter() - began
            while position < len(schedule) and schedule[position][0] <= now:
                waiting.append(schedule[position])
                position += 1
            while waiting and self._idle:
                connection = self._idle.popleft()
                connection.due, connection.kind = waiting.popleft()
                busy += 1
                if not _sent(connection, messages[connection.kind]):
                    busy -= self._failed(connection, outcomes, warm)
            done = position == len(schedule)
            if (done and not (busy or waiting)) or now > warm + seconds + _LINGER:
                gc.enable()
                return outcomes
            pause = 0.05 if done else min(0.05, max(0.0, schedule[position][0] - (perf_counter() - began)))
            for number, _ in self._epoll.poll(pause):
                busy -= self._read(self._by_number[number], outcomes, perf_counter() - began, warm)

    def closed_loop(self, path: str, *, seconds: float) -> float:
        """Answers a second with each connection asking again as soon as it is answered: the capacity."""
        message = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        outcome = [Outcome()]
        began = perf_counter()
        while (now := perf_counter() - began) < seconds:
            while self._idle:
                connection = self._idle.popleft()
                connection.due, connection.kind = now, 0
                _sent(connection, message)
            for number, _ in self._epoll.poll(0.05):
                self._read(self._by_number[number], outcome, perf_counter() - began, 0.0)
        return len(outcome[0].accepted) / now

    def close(self) -> None:
        """Close every connection."""
        for connection in self._by_number.values():
            connection.socket.close()
        self._epoll.close()

    def _open(self) -> _Connection:
        connection = _Connection(self._address)
        self._by_number[connection.socket.fileno()] = connection
        self._epoll.register(connection.socket, select.EPOLLIN)
        return connection

    def _failed(self, connection: _Connection, outcomes: list[Outcome], warm: float) -> int:
        outcomes[connection.kind].broken += connection.due >= warm
        self._renew(connection)
        return 1

    def _renew(self, connection: _Connection) -> None:
        del self._by_number[connection.socket.fileno()]
        connection.socket.close()
        self._idle.append(self._open())

    def _read(self, connection: _Connection, outcomes: list[Outcome], now: float, warm: float) -> int:
        """Take what has arrived; 1 when that ends a request, else 0."""
        try:
            data = connection.socket.recv(_READ)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if not data:
            if connection in self._idle:
                self._idle.remove(connection)
                self._renew(connection)
                return 0
            return self._failed(connection, outcomes, warm)
        buffer = connection.buffer = connection.buffer + data
        head = buffer.find(b"\r\n\r\n")
        if head < 0 or len(buffer) < head + 4 + _length(buffer[:head]):
            return 0
        connection.buffer = b""
        outcome = outcomes[connection.kind]
        if connection.due >= warm:
            latency = now - connection.due
            if buffer[9:10] == b"2":
                outcome.accepted.append(latency)
                outcome.answered.append((connection.due, latency))
            else:
                outcome.refused.append(latency)
                outcome.answered.append((connection.due, None))
        if b"connection: close" in buffer[:head].lower():
            self._renew(connection)
        else:
            self._idle.append(connection)
        return 1


def _schedule(streams: Sequence[Stream], seconds: float, seed: int) -> list[tuple[float, int]]:
    """When each request is due, and of which kind it is."""
    chance = random.Random(seed)
    schedule = []
    for kind, stream in enumerate(streams):
        due = chance.expovariate(stream.rate)
        while due < min(seconds, stream.until):
            schedule.append((due, kind))
            due += chance.expovariate(stream.rate)
    return sorted(schedule)


def _sent(connection: _Connection, message: bytes) -> bool:
    try:
        return connection.socket.send(message) == len(message)
    except OSError:
        return False


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    return 0 if at < 0 else int(lower[at + 15 :].split(b"\r\n", 1)[0])
