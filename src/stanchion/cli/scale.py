"""Have a running server use another number of workers, without dropping a request."""

import argparse

from stanchion.cli.controlling import add_server, the_server
from stanchion.cluster.control import ask

_EXAMPLES = """\
examples:
  stanchion scale 4                          until the server stops; a reload goes back to its settings if they change
  stanchion scale 2 --socket /run/app.ctl    the server with this control socket
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """How many, and which server."""
    parser.epilog = _EXAMPLES
    parser.add_argument("workers", type=int, metavar="N", help="worker processes there should be")
    add_server(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask for it and wait for its outcome."""
    print(ask(the_server(arguments), "POST", "/scale", {"workers": arguments.workers}, timeout=600)["done"])
    return 0
