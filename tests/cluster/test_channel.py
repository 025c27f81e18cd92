"""Messages between supervisor and worker: whole, in order, with their descriptors, and never a reason to wait."""

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cluster.channel import (
    Adopt,
    Asked,
    Channel,
    Checked,
    Configure,
    Drain,
    Failed,
    Message,
    Peer,
    Ready,
    Release,
    cut,
)

CONFIGURE = Configure(app="app:app", settings=b"{}", slot=1, seat=2, workers=3, traceback=False)
MESSAGES: list[Message] = [
    CONFIGURE,
    Peer(1),
    Adopt(2),
    Release(3),
    Drain(1.5, "peers"),
    Ready(docs=True),
    Failed("no database"),
    Asked(),
    Checked({"database": "", "cache": "TimeoutError: "}),
]


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    """The supervisor's and the worker's."""
    ours, theirs = Channel.pair()
    theirs.setblocking(False)
    pair = ours, Channel(theirs)
    yield pair
    for channel in pair:
        channel.close()


def test_every_message_arrives_as_it_was_sent(ends: tuple[Channel, Channel]) -> None:
    for sender, receiver in (ends, ends[::-1]):
        assert [sender.send(message) for message in MESSAGES] == [True] * len(MESSAGES)
        assert list(receiver.waiting()) == [(message, []) for message in MESSAGES]
        assert not receiver.closed


def test_descriptors_come_with_their_message(ends: tuple[Channel, Channel]) -> None:
    read_end, write_end = os.pipe()
    ends[0].send(CONFIGURE, [write_end])
    os.close(write_end)
    ((message, descriptors),) = ends[1].waiting()
    assert (message, len(descriptors)) == (CONFIGURE, 1)
    os.write(descriptors[0], b"through it")
    os.close(descriptors[0])
    assert os.read(read_end, 100) == b"through it"
    os.close(read_end)


def test_the_end_comes_after_what_was_sent_before_it(ends: tuple[Channel, Channel]) -> None:
    ends[1].send(Failed("last words"))
    ends[1].close()
    assert list(ends[0].waiting()) == [(Failed("last words"), [])]
    assert ends[0].closed
    assert not ends[0].send(Ready(docs=True))


def test_to_an_end_that_is_gone_nothing_is_sent(ends: tuple[Channel, Channel]) -> None:
    ends[1].close()
    assert not ends[0].send(Ready(docs=True))
    assert not ends[1].send(Ready(docs=True))


def test_an_end_that_does_not_read_is_not_waited_for(ends: tuple[Channel, Channel]) -> None:
    sent = 0
    while ends[0].send(Failed("x" * 8000)):
        sent += 1
    assert sent > 5
    assert len(list(ends[1].waiting())) == sent
    assert ends[0].send(Ready(docs=True))


def test_nothing_waits(ends: tuple[Channel, Channel]) -> None:
    assert list(ends[0].waiting()) == []
    with pytest.raises(BlockingIOError):
        ends[0].receive()


@given(st.text(max_size=20_000))
def test_a_cut_text_fits_a_message(text: str) -> None:
    ours, theirs = Channel.pair()
    with theirs:
        assert ours.send(Failed(cut(text)))
        assert len(theirs.recv(2**20, socket.MSG_DONTWAIT)) < 64 * 1024
    ours.close()


def test_a_short_text_is_not_cut() -> None:
    assert cut("no database") == "no database"
    assert cut("x" * 9000) == "x" * 8192 + " …"
