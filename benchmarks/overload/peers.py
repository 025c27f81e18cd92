"""The servers that are overloaded, each with one worker on one core."""

from benchmarks.peers import BY_NAME, UVICORN, Kind, Peer

OURS = "stanchion"
PATHS = {"inline": "/work", "task": "/task"}
"""Of every peer, by the kind of handler: one that computes for 2 ms, and one that waits for 5 ms before, as for a
database."""

PEERS = (
    Peer(
        name=OURS,
        title="Stanchion",
        kind=Kind.STANCHION,
        home="project",
        command=(
            *("{project}", "-m", "stanchion", "serve", "overload_stanchion:app", "--admin-port", "off"),
            *("--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
        ),
        cases="",
        packages=BY_NAME["stanchion"].packages,
    ),
    Peer(
        name="fastapi",
        title="FastAPI",
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "overload_fastapi:app"),
        cases="",
        packages=BY_NAME["fastapi"].packages,
    ),
    Peer(
        name="express",
        title="Express",
        kind=Kind.NODE,
        home="node",
        command=("{node}", "overload_express.js", "{port}"),
        cases="",
        packages=("express", "node"),
    ),
    Peer(
        name="fastify",
        title="Fastify + under-pressure",
        kind=Kind.NODE,
        home="node",
        command=("{node}", "overload_fastify.js", "{port}"),
        cases="",
        packages=("fastify", "@fastify/under-pressure", "node"),
    ),
)
