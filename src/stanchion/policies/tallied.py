"""Counts of what has a name, as plain integers that a worker brings to the board."""

from collections.abc import Sequence
from functools import cache

from stanchion.policies.runtime import Runtime
from stanchion.telemetry.decisions import Decisions


def tallied(runtime: Runtime, kind: str, name: str, counts: Sequence[int]) -> None:
    """Have `counts` be the tally of this kind and name, ten times a second; see `telemetry.tallies` for their order.

    The place on the board is taken when a worker first asks, so that an app which nobody serves needs no board.
    """

    @cache
    def place() -> tuple[memoryview, int]:
        return runtime.tally(kind, name)

    def bring(decisions: Decisions) -> None:
        cells, base = place()
        for offset, count in enumerate(counts):
            cells[base + offset] = count

    runtime.measured(bring)
