"""What a rate limit costs, beside express-rate-limit: `python -m benchmarks.limits`.

The same JSON route with a limit by address that is never reached: Express with express-rate-limit and rate-limit-redis,
and Stanchion with the limit in Redis exact, in Redis leased, on the board, and without one. One core has the server,
the other wrk and Redis.
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.campaign import Campaign, run
from benchmarks.cases import Case
from benchmarks.duel import Contender, Duel, Verdict
from benchmarks.peers import STANCHION, Kind, Peer
from benchmarks.redis_server import redis
from benchmarks.server import Launcher

ITEM = Case(letter="r", title="a rate limit by address", path="/items/7")
BODY = b'{"id":7,"name":"item 7","price":7.5,"tags":["blue","small"],"in_stock":true}'
EXPRESS, EXACT = "Express, express-rate-limit, Redis", "Stanchion, Redis, exact"


def duels(store: str) -> dict[str, Duel]:
    """The one there is; `store` is Redis' URL."""
    stored = {"BENCH_LIMIT": "1", "BENCH_STORE": store}
    contenders = (
        Contender(title=EXPRESS, peer=_express(store)),
        _stanchion(EXACT, **stored),
        _stanchion("Stanchion, Redis, leased", **stored, BENCH_LEASE="100"),
        _stanchion("Stanchion, the board", BENCH_LIMIT="1"),
        _stanchion("Stanchion, no limit"),
    )
    verdict = Verdict(ours=EXACT, theirs=EXPRESS, floor=5, goal=10)
    return {"limit": Duel(case=ITEM, body=BODY, contenders=contenders, verdicts=(verdict,))}


def begin(stack: ExitStack, beside: Launcher) -> Mapping[str, Duel]:
    """Redis."""
    return duels(stack.enter_context(redis(beside.core)))


def _express(store: str) -> Peer:
    return Peer(
        name="limits-express",
        title=EXPRESS,
        kind=Kind.NODE,
        home="node",
        command=("{node}", "limits_express.js", "{port}", store),
        cases="r",
        packages=("node", "express", "express-rate-limit", "rate-limit-redis", "redis"),
    )


def _stanchion(title: str, **variables: str) -> Contender:
    peer = Peer(
        name="limits-stanchion",
        title=title,
        kind=Kind.STANCHION,
        home="project",
        command=(*STANCHION, "limits_app:app", "--limit-store-timeout", "1s"),
        cases="r",
        packages=("stanchion", "uvloop", "redis", "hiredis"),
    )
    return Contender(title=title, peer=peer, variables=variables)


CAMPAIGN = Campaign(name="limits", title="What a rate limit costs", about=__doc__, plan=duels(""), begin=begin)

if __name__ == "__main__":
    sys.exit(run(CAMPAIGN))
