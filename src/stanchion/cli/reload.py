"""Replace a running server's workers by new ones, one at a time, without dropping a request.

The settings and the app's code are read again. A new worker that does not become ready leaves the old one serving, and
this command says why."""

import argparse

from stanchion.cli.controlling import add_server, the_server
from stanchion.cluster.control import ask

_EXAMPLES = """\
examples:
  stanchion reload                          after a deployment; SIGHUP to the server does the same
  stanchion reload --socket /run/app.ctl    the server with this control socket
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which server, and how long to wait."""
    parser.epilog = _EXAMPLES
    add_server(parser)
    parser.add_argument(
        "--timeout", type=float, default=600.0, metavar="SECONDS", help="how long to wait for the outcome [600]"
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask for it and wait for its outcome."""
    print(ask(the_server(arguments), "POST", "/reload", timeout=arguments.timeout)["done"])
    return 0
