"""`python -m benchmarks.databases`."""

import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks import databases
from benchmarks.campaign import Campaign, run
from benchmarks.databases.duels import duels
from benchmarks.databases.stores import postgresql, sqlite_file
from benchmarks.duel import Duel
from benchmarks.server import Launcher


def begin(stack: ExitStack, beside: Launcher) -> Mapping[str, Duel]:
    """PostgreSQL, and a file."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stanchion-bench-")))
    return duels(stack.enter_context(postgresql(beside.core)), sqlite_file(folder))


CAMPAIGN = Campaign(
    name="databases",
    title="Reads and writes of a database",
    about=databases.__doc__,
    plan=duels("", ""),
    begin=begin,
)

if __name__ == "__main__":
    sys.exit(run(CAMPAIGN))
