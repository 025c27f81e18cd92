"""What is measured, against whom, and what is promised."""

from collections.abc import Sequence

from benchmarks.cases import Case
from benchmarks.duel import Contender, Duel, Verdict
from benchmarks.peers import STANCHION, UVICORN, Kind, Peer

BODY = b"x" * 1024
MEMORY, MACHINE, STALE = "Stanchion, memory", "Stanchion, machine tier", "Stanchion, stale while revalidating"
GATEWAY, BEHIND = "Stanchion gateway", "Express behind Stanchion gateway"
NGINX_CACHE, NGINX = "nginx, proxy_cache", "nginx, proxy_pass"
EXPRESS, APICACHE, FASTIFY = "Express", "Express, apicache", "Fastify, @fastify/http-proxy"
FASTAPI = "FastAPI, Redis"
KEPT = Case(letter="k", title="a response of 1 KB that is kept", path="/kilobyte")
THROUGH = Case(letter="p", title="a response of 1 KB through a proxy", path="/through")


def duels(store: str, nginx_behind: str, express_behind: str) -> dict[str, Duel]:
    """All that is measured, by name; the arguments are the URLs of Redis and of the two upstreams."""
    memory = _stanchion(MEMORY, BENCH_TIERS="memory")
    machine = _stanchion(MACHINE, BENCH_TIERS="machine")
    stale = _stanchion(STALE, BENCH_TIERS="memory", BENCH_STALE="1")
    fastapi = Contender(title=FASTAPI, peer=_fastapi(), variables={"BENCH_STORE": store})
    plain = Contender(title=EXPRESS, peer=_node("caching-express", EXPRESS, "caching_express.js", "plain"))
    apicache = Contender(title=APICACHE, peer=_node("caching-apicache", APICACHE, "caching_express.js"))
    before_express = Contender(title=BEHIND, peer=_gateway(express_behind))
    behind = {"BENCH_UPSTREAM": nginx_behind}
    kept = Contender(title=NGINX_CACHE, peer=_nginx(), variables=behind, path="/cached/kilobyte")
    return {
        "memory": _duel(KEPT, (memory, kept, apicache), (MEMORY, NGINX_CACHE, 1.0, 1.3), (MEMORY, APICACHE, 8, 12)),
        "machine": _duel(KEPT, (machine, fastapi), (MACHINE, FASTAPI, 4, 8)),
        "stale": _duel(KEPT, (memory, stale), (MEMORY, STALE, 1 / 1.5, 1), by="p99_ms"),
        "through": _through(nginx_behind),
        "express": _duel(KEPT, (before_express, plain), (BEHIND, EXPRESS, 5, 5)),
    }


def _through(upstream: str) -> Duel:
    behind = {"BENCH_UPSTREAM": upstream}
    gateway = Contender(title=GATEWAY, peer=_gateway(upstream))
    nginx = Contender(title=NGINX, peer=_nginx(), variables=behind)
    fastify = Contender(title=FASTIFY, peer=_node("proxying-fastify", FASTIFY, "proxying_fastify.js"), variables=behind)
    return _duel(THROUGH, (gateway, nginx, fastify), (GATEWAY, NGINX, 0.25, 0.4), (GATEWAY, FASTIFY, 1.5, 3))


Promise = tuple[str, str, float, float]


def _duel(case: Case, contenders: Sequence[Contender], *promises: Promise, by: str = "per_processor_second") -> Duel:
    verdicts = [
        Verdict(ours=ours, theirs=theirs, floor=floor, goal=goal, by=by) for ours, theirs, floor, goal in promises
    ]
    return Duel(case=case, body=BODY, contenders=contenders, verdicts=verdicts)


def _stanchion(title: str, **variables: str) -> Contender:
    peer = Peer(
        name="caching-stanchion",
        title=title,
        kind=Kind.STANCHION,
        home="project",
        command=(*STANCHION, "caching_app:app"),
        cases="k",
        packages=("stanchion", "uvloop", "httptools", "lmdb"),
    )
    return Contender(title=title, peer=peer, variables=variables)


def _node(name: str, title: str, script: str, *further: str) -> Peer:
    packages = {
        "caching_express.js": ("node", "express", "apicache"),
        "proxying_fastify.js": ("node", "fastify", "@fastify/http-proxy"),
    }
    command = ("{node}", script, "{port}", *further)
    return Peer(
        name=name, title=title, kind=Kind.NODE, home="node", command=command, cases="k", packages=packages[script]
    )


def _fastapi() -> Peer:
    return Peer(
        name="caching-fastapi",
        title=FASTAPI,
        kind=Kind.PYTHON,
        home="python",
        command=(*UVICORN, "caching_fastapi:app"),
        cases="k",
        packages=("fastapi", "uvicorn", "redis", "hiredis"),
    )


def _nginx() -> Peer:
    command = ("{nginx}", "-p", "{work}", "-c", "{work}/proxying.conf")
    return Peer(
        name="proxying-nginx", title=NGINX, kind=Kind.BARE, home="apt", command=command, cases="k", packages=("nginx",)
    )


def _gateway(upstream: str) -> Peer:
    return Peer(
        name="stanchion-gateway",
        title=GATEWAY,
        kind=Kind.STANCHION,
        home="project",
        command=("{project}", "-m", "stanchion", "gateway", upstream, *STANCHION[4:]),
        cases="k",
        packages=("stanchion", "uvloop", "httptools"),
    )


def upstreams() -> tuple[Peer, Peer]:
    """What the proxies are put before: nginx, and an Express app."""
    command = ("{nginx}", "-p", "{work}", "-c", "{work}/kilobyte.conf")
    nginx = Peer(
        name="kilobyte", title="nginx", kind=Kind.BARE, home="apt", command=command, cases="k", packages=("nginx",)
    )
    return nginx, _node("caching-express", EXPRESS, "caching_express.js", "plain")
