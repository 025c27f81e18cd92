"""Connections that begin with the PROXY protocol, on a real server."""

import socket
import time
from contextlib import suppress

from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.wire.http1.proxied import Proxied, packet_of, taken_over
from tests.wire.client import get
from tests.wire.conftest import Serve
from tests.wire.live import until

LINE = b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 80\r\n"


def who(request: Request) -> Response:
    host, port = request.client or ("-", 0)
    return Response(f"{request.client_ip} {host} {port}".encode())


def test_the_client_is_the_one_that_was_named(serve: Serve) -> None:
    live = serve({"/": who}, protocol=Proxied, proxy_protocol=True)
    with live.connect() as client:
        client.send(LINE + get())
        assert client.answer().body == b"198.51.100.1 198.51.100.1 4711"
        assert client.send(get()).answer().body == b"198.51.100.1 198.51.100.1 4711"
    with live.connect() as client:
        client.dribble(LINE + get(), 0.001)
        assert client.answer().body == b"198.51.100.1 198.51.100.1 4711"


def test_a_local_connection_is_its_own_end(serve: Serve) -> None:
    with serve({"/": who}, protocol=Proxied, proxy_protocol=True).connect() as client:
        assert client.send(b"PROXY UNKNOWN\r\n" + get()).answer().body.startswith(b"127.0.0.1 127.0.0.1 ")


def test_who_does_not_speak_it_is_dropped(serve: Serve) -> None:
    live = serve({"/": who}, protocol=Proxied, proxy_protocol=True)
    for wrong in (get(), b"PROXY TCP4 x\r\n" + get(), b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0"):
        with socket.create_connection(live.address) as end:
            end.sendall(wrong)
            with suppress(ConnectionResetError):
                assert end.recv(100) == b""
    until(lambda: live.connections() == 0)


def test_a_late_preamble_ends_the_connection(serve: Serve) -> None:
    live = serve({"/": who}, protocol=Proxied, proxy_protocol=True, header_timeout=0.05)
    for begin in (b"", LINE[:9]):
        with socket.create_connection(live.address) as end:
            end.sendall(begin)
            end.settimeout(5)
            began = time.monotonic()
            assert b"header-timeout" in end.recv(1000)
            assert time.monotonic() - began < 4


def test_the_address_goes_along_to_another_worker(serve: Serve) -> None:
    live = serve({"/": who}, protocol=Proxied, proxy_protocol=True)
    with live.connect() as client:
        client.send(LINE + get()).answer()
        (connection,) = live.call(lambda: list(live.server.connections))
        assert isinstance(connection, Proxied)
        assert live.call(lambda: connection.movable)
        packet = packet_of(connection)
        assert packet == b"a198.51.100.1 4711"
        heir = live.call(lambda: taken_over(live.server, packet))
        assert isinstance(heir, Proxied)
        assert heir.address == ("198.51.100.1", 4711)
        assert heir.taken_over
    with live.connect() as client:
        until(lambda: live.connections() == 1)
        (connection,) = live.call(lambda: list(live.server.connections))
        assert not live.call(lambda: connection.movable)
        assert packet_of(connection) == b"c"
        client.send(b"PROXY UNKNOWN\r\n" + get()).answer()
        assert packet_of(connection)[:1] == b"a"
