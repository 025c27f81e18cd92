"""Other ways to an upstream than TCP: a Unix socket, and TLS."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from stanchion.upstream.failures import UpstreamUnreachable
from stanchion.upstream.pool import Pool
from stanchion.upstream.target import parse_target
from tests.upstream.raw import get, run, whole

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"

    async def work() -> None:
        server = await asyncio.start_unix_server(answer, path)
        pool = Pool(parse_target(f"unix:{path}"))
        for _ in range(2):
            assert await whole(await pool.send(get())) == b"ok"
        assert pool.statistics()["connects"] == 1
        await pool.close()
        server.close()
        with pytest.raises(UpstreamUnreachable):
            await Pool(parse_target(f"unix:{path}.none")).send(get())

    run(work)


@needs_openssl
def test_tls_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout {key} -out {certificate}"
    )
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True, timeout=30)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def work() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UpstreamUnreachable):
            await Pool(parse_target(f"https://localhost:{port}")).send(get())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        pool = Pool(parse_target(f"https://localhost:{port}"))
        for _ in range(2):
            assert await whole(await pool.send(get())) == b"ok"
        assert pool.statistics()["connects"] == 1
        with pytest.raises(UpstreamUnreachable):
            await Pool(parse_target(f"https://127.0.0.1:{port}")).send(get())  # the certificate is another name's
        await pool.close()
        server.close()

    run(work)
