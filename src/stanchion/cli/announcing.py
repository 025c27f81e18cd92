"""What a command that serves prints once it does."""

import sys
from typing import TYPE_CHECKING

from stanchion.cli import version
from stanchion.cli.terminal import paint

if TYPE_CHECKING:
    from stanchion.cluster.supervisor import Addresses


def announce(what: str, addresses: "Addresses") -> None:
    """Print `what` it is, and where it answers."""
    print(f"stanchion {version()} {what}; Ctrl+C stops it")
    for url in addresses.urls:
        print(f"  {paint(url, 'cyan')}")
        if addresses.docs and url.startswith("http"):
            print(f"  {paint(f'{url}/docs', 'cyan')}  its reference")
    if addresses.admin is not None:
        print(f"  {paint(addresses.admin, 'cyan')}  /livez /readyz /metrics /status.json")
    sys.stdout.flush()
