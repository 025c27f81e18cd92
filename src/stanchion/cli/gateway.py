"""Serve what upstreams answer: an API in any language, with a cache by its own header fields, limits, and shedding
before it. What it sends reaches the client as it is."""

import argparse
import os
from functools import partial

import msgspec

from stanchion.cli.announcing import announce
from stanchion.cli.arguments import add_settings, load_settings
from stanchion.cli.gateway_app import VARIABLE, Asked, app_of
from stanchion.settings import Settings

_APP = "stanchion.cli.gateway_app:app"
_EXAMPLES = """\
examples:
  stanchion gateway http://127.0.0.1:3000                          before an Express app
  stanchion gateway http://127.0.0.1:3000 http://127.0.0.1:3001    the better of two; one that fails is left alone
  stanchion gateway http://127.0.0.1:3000 --health /healthz        and none that says it is not well
  stanchion gateway http://127.0.0.1:3000 --limit 100/s            each client a hundred requests a second
  stanchion gateway http://127.0.0.1:3000 --workers auto --port 80
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The upstreams, what is asked of them, and a flag for each setting."""
    parser.usage = "stanchion gateway URL [URL ...] [OPTION ...] [SETTING ...]"
    parser.epilog = _EXAMPLES
    parser.add_argument("upstreams", metavar="URL", nargs="+", help="http://HOST:PORT, https://HOST, or unix:/PATH")
    parser.add_argument("--prefix", default="/", help="pass on only paths below this [/]")
    parser.add_argument(
        "--upstream-host", default="upstream", help="the Host they get: their own name, `client`, or a name [upstream]"
    )
    parser.add_argument("--health", metavar="PATH", help="ask each upstream for this every two seconds")
    parser.add_argument("--retries", type=int, default=1, help="further attempts, of what may be sent twice [1]")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="answer 504 after so long [no timeout]")
    parser.add_argument("--limit", metavar="RATE", help="requests of a client, such as 100/s; beyond it is 429 [none]")
    parser.add_argument("--no-cache", action="store_true", help="keep nothing, whatever the upstream allows")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve; returns when told to stop."""

    def load() -> Settings:
        return load_settings(arguments).settings

    load()
    asked = Asked(
        upstreams=arguments.upstreams,
        prefix=arguments.prefix,
        host=arguments.upstream_host,
        health=arguments.health,
        retries=arguments.retries,
        timeout=arguments.timeout,
        limit=arguments.limit,
        cache=not arguments.no_cache,
    )
    app_of(asked)  # what is wrong is told here, once, and not by each worker
    os.environ[VARIABLE] = msgspec.json.encode(asked).decode()
    from stanchion.cluster.supervisor import supervise

    announced = partial(announce, f"is the gateway to {', '.join(asked.upstreams)}")
    supervise(_APP, load, traceback=False, announce=announced)
    print("stopped")
    return 0
