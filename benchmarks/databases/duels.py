"""What is measured, against whom, and what is promised."""

from benchmarks.cases import Case
from benchmarks.databases.stores import ROWS
from benchmarks.duel import Contender, Duel, Verdict
from benchmarks.peers import STANCHION, UVICORN, Kind, Peer

READ = Case(letter="q", title="a random row of 100,000 by its key", path="/items/%d", keys=ROWS)
INSERT = Case(
    letter="w",
    title="a durable insert",
    path="/orders",
    keys=ROWS,
    body=b'{"item": %d, "name": "item %d", "quantity": 3}',
)
BESIDE = Case(letter="n", title="a route without the database", path="/plain/%d", keys=ROWS)
OURS, FASTIFY, EXPRESS, FASTAPI = "Stanchion", "Fastify, pg", "Express, pg", "FastAPI, asyncpg"
AIOSQLITE = "FastAPI, aiosqlite"
IDLE, EXHAUSTED = "Stanchion, idle pool", "Stanchion, exhausted pool"


def duels(postgresql: str, sqlite: str) -> dict[str, Duel]:
    """All that is measured, by name; the arguments are the databases' URLs."""
    told = {"BENCH_DATABASE": postgresql}
    ours = Contender(title=OURS, peer=_stanchion(), variables=told)
    fastify = Contender(title=FASTIFY, peer=_node(FASTIFY, "databases_fastify.js", "fastify"), variables=told)
    express = Contender(title=EXPRESS, peer=_node(EXPRESS, "databases_express.js", "express"), variables=told)
    fastapi = Contender(title=FASTAPI, peer=_fastapi(), variables=told)
    file = {"BENCH_DATABASE": sqlite}
    return {
        "read": Duel(
            case=READ,
            body=None,
            contenders=(ours, fastify, express, fastapi),
            verdicts=(_over(FASTIFY, 1.8, 2.5), _over(EXPRESS, 5, 7), _over(FASTAPI, 8, 12)),
        ),
        "insert": Duel(case=INSERT, body=None, contenders=(ours, fastify, fastapi), verdicts=(_over(FASTIFY, 1.5, 3),)),
        "sqlite": Duel(
            case=READ,
            body=None,
            contenders=(
                Contender(title=OURS, peer=_stanchion(), variables=file),
                Contender(title=AIOSQLITE, peer=_fastapi(), variables=file),
            ),
            verdicts=(_over(AIOSQLITE, 8, 20),),
        ),
        "exhausted": Duel(
            case=BESIDE,
            body=None,
            contenders=(
                Contender(title=IDLE, peer=_stanchion(), variables=told),
                Contender(title=EXHAUSTED, peer=_stanchion(), variables={**told, "BENCH_EXHAUSTED": "1"}),
            ),
            verdicts=(Verdict(ours=IDLE, theirs=EXHAUSTED, floor=1 / 1.2, goal=1, by="p99_ms"),),
        ),
    }


def _over(theirs: str, floor: float, goal: float) -> Verdict:
    return Verdict(ours=OURS, theirs=theirs, floor=floor, goal=goal)


def _stanchion() -> Peer:
    return Peer(
        name="databases-stanchion",
        title=OURS,
        kind=Kind.STANCHION,
        home="project",
        command=(*STANCHION, "databases_stanchion:app"),
        cases="qwn",
        packages=("stanchion", "uvloop", "httptools", "msgspec", "asyncpg"),
    )


def _node(title: str, script: str, package: str) -> Peer:
    return Peer(
        name=f"databases-{package}",
        title=title,
        kind=Kind.NODE,
        home="node",
        command=("{node}", script, "{port}"),
        cases="qw",
        packages=("node", package, "pg"),
    )


def _fastapi() -> Peer:
    return Peer(
        name="databases-fastapi",
        title=FASTAPI,
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "databases_fastapi:app"),
        cases="qw",
        packages=("fastapi", "pydantic", "uvicorn", "asyncpg", "aiosqlite"),
    )
