"""The same API twice: with what Stanchion puts before a dependency, and with a loop that tries again."""

from benchmarks.peers import BY_NAME, STANCHION, UVICORN, Kind, Peer

OURS = "stanchion"

PEERS = (
    Peer(
        name=OURS,
        title="Stanchion, app.dependency",
        kind=Kind.STANCHION,
        home="project",
        command=(*STANCHION, "storm_stanchion:app"),
        cases="",
        packages=BY_NAME["stanchion"].packages,
    ),
    Peer(
        name="fastapi",
        title="FastAPI, a loop of retries",
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "storm_fastapi:app"),
        cases="",
        packages=BY_NAME["fastapi"].packages,
    ),
)
