"""What the commands that speak to a running server have in common: which one is meant."""

import argparse

from stanchion.cluster.control import running
from stanchion.errors import ConfigurationError


def add_server(parser: argparse.ArgumentParser) -> None:
    """The server's control socket, for when there are several."""
    parser.add_argument(
        "--socket",
        metavar="PATH",
        help="the server's control socket; without, the only server of yours that runs",
    )


def servers(arguments: argparse.Namespace) -> list[str]:
    """The control sockets meant, at least one.

    Raises:
        ConfigurationError: no server runs.
    """
    found = [arguments.socket] if arguments.socket else running()
    if not found:
        raise ConfigurationError(
            "no server of yours runs here; start one with `stanchion serve`, or name its control socket with --socket"
        )
    return found


def the_server(arguments: argparse.Namespace) -> str:
    """The control socket of the one server meant.

    Raises:
        ConfigurationError: none runs, or several do.
    """
    found = servers(arguments)
    if len(found) > 1:
        raise ConfigurationError(
            f"{len(found)} servers run; name one: {', '.join(f'--socket {path}' for path in found)}"
        )
    return found[0]
