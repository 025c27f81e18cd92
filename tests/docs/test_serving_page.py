"""The configurations of the page on serving do what it says."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stanchion.settings.sources import load
from tests.cli.processes import printed, serving
from tests.docs.pages import GUIDES, blocks

PAGE = (GUIDES / "serving.md").read_text(encoding="utf-8")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
NGINX = shutil.which("nginx", path=PATH)
HAPROXY = shutil.which("haproxy", path=PATH)
APP = """\
from stanchion import App, Request

app = App("shop")

@app.get("/seen")
async def seen(request: Request) -> dict[str, object]:
    return {"id": request.id, "host": request.headers["host"], "client": request.client}
"""
FRAME = """\
user root;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
access_log off;
{paths}
{servers}
}}
"""


def block(language: str) -> str:
    """The page's one block in a language."""
    (found,) = (block.text for block in blocks(PAGE) if block.language == language)
    return found


def test_the_settings_file_is_one(tmp_path: Path) -> None:
    file = tmp_path / "stanchion.toml"
    file.write_text(block("toml"), encoding="utf-8")
    settings = load(environ={}, file=str(file)).settings
    assert (settings.port, settings.workers, settings.drain_timeout, settings.docs) == (8080, "auto", 25.0, False)


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_the_nginx_configuration_leads_to_the_app(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    with serving(tmp_path, "--unix-socket", str(tmp_path / "shop.sock")) as process:
        printed(process, "unix:")
        with nginx(tmp_path) as front:
            answer = ask(front, "/seen")
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert '"host":"api.example.org","client":null' in answer
    assert '"id":"-"' not in answer


@pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")
def test_haproxy_takes_its_configuration(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(f"global\n    maxconn 1000\n{block('haproxy')}", encoding="utf-8")
    done = subprocess.run([str(HAPROXY), "-c", "-f", str(file)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


@contextmanager
def nginx(folder: Path) -> Iterator[Path]:
    """nginx with the page's configuration, its paths moved into `folder`; the socket it listens on."""
    front = folder / "front.sock"
    servers = block("nginx").replace("/run/shop/", f"{folder}/").replace("listen 80;", f"listen unix:{front};")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(FRAME.format(folder=folder, paths=paths, servers=servers), encoding="utf-8")
    with subprocess.Popen([str(NGINX), "-e", f"{folder}/error.log", "-c", str(config)]) as process:
        try:
            yield front
        finally:
            process.terminate()


def ask(path: Path, target: str) -> str:
    """The whole answer to a GET, on a connection of its own; waits until somebody listens."""
    head = f"GET {target} HTTP/1.1\r\nHost: api.example.org\r\nConnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        end = time.monotonic() + 20
        while connection.connect_ex(str(path)):  # it may be there, and bound, before anybody listens
            assert time.monotonic() < end
            time.sleep(0.05)
        connection.sendall(head.encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
