"""A CDN's API on the loopback that writes down what it is sent, and fails as it is told to."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from msgspec import Struct


class Received(Struct):
    at: float
    """Seconds of CLOCK_MONOTONIC."""
    method: str
    path: str
    fields: dict[str, str]
    body: bytes


class Told(Struct):
    """How it answers one request."""

    status: int = 200
    fields: dict[str, str] = {}
    body: bytes = b'{"status":"ok"}'
    after: float = 0.0
    """Seconds before the answer."""


NOTHING = Told(status=0)
"""It closes the connection instead."""


class Recorder:
    """Answers as `told`, in order, and then well."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: list[Told] = []
        self.received: list[Received] = []
        self.lock = threading.Lock()

    def note(self, received: Received) -> Told:
        with self.lock:
            self.received.append(received)
            return self.told.pop(0) if self.told else Told()


class _Handler(BaseHTTPRequestHandler):
    recorder: Recorder

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields = {name.lower(): value for name, value in self.headers.items()}
        told = self.recorder.note(Received(time.monotonic(), self.command, self.path, fields, body))
        time.sleep(told.after)
        if not told.status:
            return
        self.send_response(told.status)
        for name, value in told.fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        self.wfile.write(told.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is to be shown."""


CERTIFICATE = Path(__file__).parent / "loopback.pem"
"""Of 127.0.0.1, with its key, signed by itself."""


@contextmanager
def recording(tls: bool = False) -> Iterator[Recorder]:
    """One on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
    recorder = Recorder(f"http{'s' * tls}://127.0.0.1:{server.server_address[1]}")
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.RequestHandlerClass.recorder = recorder  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
