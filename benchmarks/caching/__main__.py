"""`python -m benchmarks.caching`."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks import caching
from benchmarks.caching.duels import KEPT, duels, upstreams
from benchmarks.campaign import Campaign, run
from benchmarks.duel import Duel
from benchmarks.redis_server import redis
from benchmarks.server import Launcher


def begin(stack: ExitStack, beside: Launcher) -> Mapping[str, Duel]:
    """Redis, and the upstreams."""
    store = stack.enter_context(redis(beside.core))
    urls = []
    for peer in upstreams():
        server = stack.enter_context(beside.serving(peer))
        server.wait_until_ready(KEPT.path)
        urls.append(f"http://127.0.0.1:{server.port}")
    return duels(store, *urls)


CAMPAIGN = Campaign(
    name="caching",
    title="Cached and proxied responses",
    about=caching.__doc__,
    plan=duels("", "", ""),
    begin=begin,
)

if __name__ == "__main__":
    sys.exit(run(CAMPAIGN))
