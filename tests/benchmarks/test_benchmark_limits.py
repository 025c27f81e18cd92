"""The benchmark of rate limits: its medians and its verdict."""

import pytest

from benchmarks.limits import EXACT, EXPRESS, FLOOR, Figure, report, runners


def figures(*rates: float) -> list[Figure]:
    return [Figure(per_second=rate / 2, per_processor_second=rate) for rate in rates]


def test_medians_are_judged_by_processor_time(capsys: pytest.CaptureFixture[str]) -> None:
    found = {EXPRESS: figures(1000, 9000, 2000), EXACT: figures(2000 * FLOOR, 0, 90_000)}
    assert report(found, check=True) == 0
    assert "against express-rate-limit: 5.00 (floor 5, goal 10)" in capsys.readouterr().out
    assert report({**found, EXACT: figures(2000 * FLOOR - 1)}, check=True) == 1
    assert report({**found, EXACT: figures(1)}, check=False) == 0


def test_all_do_the_same_work_but_for_the_limit() -> None:
    express, *ours = runners("redis://x")
    assert "redis://x" in express.peer.command
    assert len({runner.peer.title for runner in ours}) == len(ours) == 4
    assert len({runner.peer.command for runner in ours}) == 1
