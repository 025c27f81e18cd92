"""The table of peers: how each is started, which cases it takes part in, which versions it is said to be.

Commands are templates; `server.py` fills in `{port}`, `{work}` (a folder of the process's own) and the
programs that `install.py` found. Each peer has one worker, no access log, its production settings, and lets
an idle connection stand for at least 60 s, so that case (e) measures memory and not a time-out. `README.md`
argues each setting.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a peer is, which decides whom a floor compares with and what must be installed."""

    STANCHION = "stanchion"
    PYTHON = "python framework"
    NODE = "node framework"
    BARE = "bare server"
    GUEST = "ASGI app on stanchion"


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """One server under measure.

    `home` is the environment that holds it: project, python, robyn, node or apt. `packages` are what its
    versions are told of, `imports` the module whose import time case (f) takes (empty: none).
    """

    name: str
    title: str
    kind: Kind
    home: str
    command: tuple[str, ...]
    cases: str
    packages: tuple[str, ...]
    imports: str = ""


UVICORN = (
    *("{python}", "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    *("--timeout-keep-alive", "120"),
)
GRANIAN = (
    *("{python}", "-m", "granian", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
    *("--loop", "uvloop", "--runtime-mode", "st", "--http", "1", "--no-ws", "--no-access-log"),
    *("--log-level", "warning", "--backlog", "2048", "--backpressure", "16384"),
    *("--http1-header-read-timeout", "60000"),
)
STANCHION = (
    *("{project}", "-m", "stanchion", "serve"),
    *("--host", "127.0.0.1", "--port", "{port}", "--workers", "1", "--admin-port", "off"),
)

PEERS = (
    Peer(
        name="stanchion",
        title="Stanchion",
        kind=Kind.STANCHION,
        home="project",
        command=(*STANCHION, "stanchion_app:app"),
        cases="abcdef",
        packages=("stanchion", "uvloop", "httptools", "msgspec"),
        imports="stanchion.app",
    ),
    Peer(
        name="nginx",
        title="nginx",
        kind=Kind.BARE,
        home="apt",
        command=("{nginx}", "-p", "{work}", "-c", "{work}/nginx.conf"),
        cases="ad",
        packages=("nginx",),
    ),
    Peer(
        name="protocol",
        title="asyncio Protocol",
        kind=Kind.BARE,
        home="python",
        command=("{python}", "protocol_app.py", "{port}"),
        cases="ade",
        packages=("uvloop", "httptools", "msgspec"),
    ),
    Peer(
        name="node",
        title="Node http",
        kind=Kind.BARE,
        home="node",
        command=("{node}", "node_app.js", "{port}"),
        cases="ad",
        packages=("node",),
    ),
    Peer(
        name="uvicorn",
        title="uvicorn, bare ASGI",
        kind=Kind.BARE,
        home="python",
        command=(*UVICORN, "asgi_app:app"),
        cases="ade",
        packages=("uvicorn", "uvloop", "httptools", "msgspec"),
    ),
    Peer(
        name="asgi-stanchion",
        title="Stanchion, bare ASGI",
        kind=Kind.GUEST,
        home="project",
        command=(*STANCHION, "asgi_app:app"),
        cases="ad",
        packages=("stanchion", "uvloop", "httptools", "msgspec"),
    ),
    Peer(
        name="granian",
        title="Granian, bare RSGI",
        kind=Kind.BARE,
        home="python",
        command=(*GRANIAN, "--interface", "rsgi", "rsgi_app:app"),
        cases="ade",
        packages=("granian", "uvloop", "msgspec"),
    ),
    Peer(
        name="fastify",
        title="Fastify",
        kind=Kind.NODE,
        home="node",
        command=("{node}", "fastify_app.js", "{port}"),
        cases="abcdef",
        packages=("fastify", "node"),
        imports="fastify",
    ),
    Peer(
        name="express",
        title="Express",
        kind=Kind.NODE,
        home="node",
        command=("{node}", "express_app.js", "{port}"),
        cases="abcdef",
        packages=("express", "ajv", "node"),
        imports="express",
    ),
    Peer(
        name="fastapi",
        title="FastAPI",
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "fastapi_app:app"),
        cases="abcdf",
        packages=("fastapi", "pydantic", "uvicorn", "uvloop", "httptools"),
        imports="fastapi",
    ),
    Peer(
        name="fastapi-stanchion",
        title="FastAPI on Stanchion",
        kind=Kind.GUEST,
        home="project",
        command=(*STANCHION, "fastapi_app:app"),
        cases="abcd",
        packages=("fastapi", "pydantic", "stanchion", "uvloop", "httptools"),
    ),
    Peer(
        name="starlette",
        title="Starlette",
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "starlette_app:app"),
        cases="abcdf",
        packages=("starlette", "msgspec", "uvicorn", "uvloop", "httptools"),
        imports="starlette.applications",
    ),
    Peer(
        name="litestar",
        title="Litestar",
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "litestar_app:app"),
        cases="abcd",
        packages=("litestar", "msgspec", "uvicorn", "uvloop", "httptools"),
    ),
    Peer(
        name="blacksheep",
        title="BlackSheep on uvicorn",
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "blacksheep_app:app"),
        cases="abcd",
        packages=("blacksheep", "pydantic", "msgspec", "uvicorn", "uvloop", "httptools"),
    ),
    Peer(
        name="blacksheep-granian",
        title="BlackSheep on Granian",
        kind=Kind.PYTHON,
        home="python",
        command=(*GRANIAN, "--interface", "asgi", "blacksheep_app:app"),
        cases="abcd",
        packages=("blacksheep", "pydantic", "msgspec", "granian", "uvloop"),
    ),
    Peer(
        name="falcon",
        title="Falcon",
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "falcon_app:app"),
        cases="abcd",
        packages=("falcon", "msgspec", "uvicorn", "uvloop", "httptools"),
    ),
    Peer(
        name="robyn",
        title="Robyn",
        kind=Kind.PYTHON,
        home="robyn",
        command=("{robyn}", "robyn_app.py", "--processes", "1", "--workers", "1", "--log-level", "WARNING"),
        cases="abcd",
        packages=("robyn", "pydantic", "uvloop"),
    ),
)

BY_NAME = {peer.name: peer for peer in PEERS}
