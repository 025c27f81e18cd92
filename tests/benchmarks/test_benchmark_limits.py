"""The benchmark of rate limits: who takes part, and what is promised."""

from benchmarks.limits import EXACT, EXPRESS, duels


def test_all_do_the_same_work_but_for_the_limit() -> None:
    duel = duels("redis://x")["limit"]
    express, *ours = duel.contenders
    assert "redis://x" in express.peer.command
    assert len({contender.title for contender in ours}) == len(ours) == 4
    assert len({contender.peer.command for contender in ours}) == 1


def test_the_exact_limit_is_judged_against_express() -> None:
    [verdict] = duels("")["limit"].verdicts
    assert (verdict.ours, verdict.theirs, verdict.floor, verdict.goal) == (EXACT, EXPRESS, 5, 10)
