"""What supervisor and worker say to each other: one packet a message, descriptors attached.

Packets (`SOCK_SEQPACKET`) keep messages whole without framing, and their end tells each side that the other is gone.
macOS has none for Unix sockets: datagrams do there, and the worker looks at its parent's pid as well.
"""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, Self

import msgspec
from msgspec import Struct

from stanchion.cache.orders import Order
from stanchion.data.statements.exported import Recall

PACKETS = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
_LARGEST = 64 * 1024
_MOST_DESCRIPTORS = 64
_LONGEST_TEXT = 8 * 1024

Heir = Literal["successor", "peers", "nobody"]

PACKET = 128
"""The most bytes that go with a connection from one worker to another: an address and a port."""


class Configure(Struct, frozen=True, kw_only=True, tag="configure"):
    """The first message to a worker. Descriptors: the board, the log pipe, its inbox, its listening sockets."""

    app: str
    settings: bytes
    """As JSON."""
    slot: int
    seat: int
    workers: int
    """How many there are, this one among them."""
    traceback: bool
    mends: bool = False
    """It is in the place of one that crashed or was killed, perhaps before it could tell what it had just written."""


class Peer(Struct, frozen=True, tag="peer"):
    """Another slot's inbox, to send connections to. Descriptor: that inbox."""

    slot: int


class Adopt(Struct, frozen=True, tag="adopt"):
    """Accept for a slot that nobody serves. Descriptors: its listening sockets."""

    slot: int


class Release(Struct, frozen=True, tag="release"):
    """The slot is served again: accept for it no more."""

    slot: int


class Resize(Struct, frozen=True, tag="resize"):
    """There are so many workers now: keep to a share among as many."""

    workers: int


class Drain(Struct, frozen=True, tag="drain"):
    """Take no more, finish what is owed within `timeout` seconds, and end. Said again, the shorter time holds."""

    timeout: float
    to: Heir
    """Who goes on with the connections that owe nothing."""


class Question(Struct, frozen=True, tag="question"):
    """Something asked of the worker's caches or databases. Descriptor: a stream socket for the answer, see
    `cluster.asking`."""

    order: Order | Recall


class Answered(Struct, frozen=True):
    """What goes back on that socket, and then its end: an answer, or why there is none."""

    answer: Any = None
    why: str | None = None


class Ready(Struct, frozen=True, tag="ready"):
    """The worker serves; `docs` says whether the app has a page at /docs."""

    docs: bool


class Failed(Struct, frozen=True, tag="failed"):
    """The worker cannot start, for a reason the operator can mend."""

    message: str


class Asked(Struct, frozen=True, tag="asked"):
    """The worker itself has been sent SIGTERM: it wants to be replaced."""


class Checked(Struct, frozen=True, tag="checked"):
    """Outcomes of the app's readiness checks by name; empty text is a success."""

    results: dict[str, str]


Message = Configure | Peer | Adopt | Release | Resize | Drain | Question | Ready | Failed | Asked | Checked
_decode = msgspec.json.Decoder(Message).decode


class Channel:
    """One end. Sending never blocks: a worker too stuck to read its messages is one to be killed, not waited for."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.closed = False

    def __repr__(self) -> str:
        return f"<Channel {self._end.fileno()}{' closed' if self.closed else ''}>"

    @classmethod
    def pair(cls) -> tuple[Self, socket.socket]:
        """The supervisor's end, and the socket that the worker inherits."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, PACKETS)
        ours.setblocking(False)
        return cls(ours), theirs

    def fileno(self) -> int:
        """For the loop to watch."""
        return self._end.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> bool:
        """Whether the message is on its way; False where the other end is gone or does not read."""
        if self.closed:
            return False
        try:
            socket.send_fds(self._end, [msgspec.json.encode(message)], descriptors)
        except OSError:
            return False
        return True

    def receive(self) -> tuple[Message, list[int]] | None:
        """The next message and its descriptors; None at the other's end.

        Raises:
            BlockingIOError: there is none yet, where the end does not block.
        """
        data, descriptors, _, _ = socket.recv_fds(self._end, _LARGEST, _MOST_DESCRIPTORS)
        return (_decode(data), descriptors) if data else None

    def waiting(self) -> Iterator[tuple[Message, list[int]]]:
        """What has arrived; `closed` afterwards if the other end is gone."""
        with suppress(BlockingIOError):
            while True:
                try:
                    found = self.receive()
                except ConnectionError:
                    found = None
                if found is None:
                    self.closed = True
                    return
                yield found

    def set_blocking(self, blocking: bool) -> None:
        """As for a socket."""
        self._end.setblocking(blocking)

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        self._end.close()


def cut(text: str) -> str:
    """A text short enough for a message."""
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " …"
