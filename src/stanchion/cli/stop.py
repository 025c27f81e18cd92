"""Stop a running server: it drains, as at SIGTERM."""

import argparse

from stanchion.cli.controlling import add_server, the_server
from stanchion.cluster.control import ask

_EXAMPLES = """\
examples:
  stanchion stop                          the only server of yours that runs
  stanchion stop --socket /run/app.ctl    the server with this control socket
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which server."""
    parser.epilog = _EXAMPLES
    add_server(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask for it; the server ends once its requests are answered."""
    print(ask(the_server(arguments), "POST", "/stop")["done"])
    return 0
