"""A thousand malformed connections later the server serves on, and has nothing to say about them."""

from tests.wire.client import get
from tests.wire.conftest import Serve
from tests.wire.handlers import echo
from tests.wire.live import ANY, until
from tests.wire.messages import spoil
from tests.wire.reader import Reader

CONNECTIONS = 1000


def statuses(received: bytes) -> list[int]:
    """Of all answers on a connection, the last of which may be cut off."""
    reader = Reader(lambda: b"")
    reader.data = received
    found = []
    while reader.data.startswith(b"HTTP/1.1 "):
        found.append(int(reader.data[9:12]))
        head = reader.until(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        if length and reader.data and not reader.data.startswith(b"HTTP/1.1 "):  # else it was for HEAD
            reader.exactly(int(length))
    assert reader.data == b""
    return found


def test_malformed_requests_leave_the_server_serving(serve: Serve) -> None:
    live = serve({ANY: echo}, header_timeout=0.5, body_grace=0.5)
    refused = 0
    with live.connect() as steady:
        for seed in range(CONNECTIONS):
            with live.connect() as client:
                found = statuses(client.send(spoil(seed)).end().rest_or_reset())
            assert [status for status in found if status >= 500 and status not in (501, 505)] == []
            refused += any(status >= 400 for status in found)
            if seed % 100 == 0:
                assert steady.send(get()).answer().status == 200
        assert steady.send(get()).answer().status == 200
    assert refused > CONNECTIONS / 2
    until(lambda: live.connections() == 0)
    assert (live.tasks(), live.logged()) == ([], [])
