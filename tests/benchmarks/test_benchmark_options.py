"""The command line: what it chooses, and one line with exit code 2 for what it cannot mean."""

from pathlib import Path

import pytest

from benchmarks.bench import settled
from benchmarks.options import RESULTS, parse
from benchmarks.peers import PEERS
from benchmarks.rounds import rotated, steps


def test_everything_is_the_default_and_only_that_replaces_the_committed_results() -> None:
    options = parse([])

    assert options.whole
    assert options.output == RESULTS
    assert parse(["--peer", "fastify"]).output == RESULTS / "partial"


def test_an_explicit_folder_is_used_for_a_partial_run_too(tmp_path: Path) -> None:
    assert parse(["--case", "a", "--output", str(tmp_path / "new")]).output == tmp_path / "new"


def test_case_c_brings_the_case_it_is_compared_with() -> None:
    assert parse(["--case", "f,c"]).cases == "acf"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--case", "z"],
        ["--case", ""],
        ["--peer", "nobody"],
        ["--rounds", "0"],
        ["--seconds", "five"],
        ["--connections", "-1"],
        ["--output", "/dev/null/folder"],
        ["--unknown"],
        ["stray"],
    ],
)
def test_a_bad_argument_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse(arguments)

    assert exit_.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_each_round_starts_with_another_peer_and_leaves_none_out() -> None:
    orders = [rotated(PEERS, number) for number in range(3)]

    assert len({order[0].name for order in orders}) == 3
    assert all(sorted(peer.name for peer in order) == sorted(peer.name for peer in PEERS) for order in orders)
    assert rotated([], 1) == []


def test_the_number_of_steps_counts_only_the_cases_a_peer_takes_part_in() -> None:
    peers = [peer for peer in PEERS if peer.name in {"nginx", "fastify"}]

    assert steps(peers, "abcdef", 2) == 2 * (2 + 4)


def test_warm_up_ends_when_two_seconds_brought_nothing() -> None:
    assert not settled([100, 100])
    assert settled([100, 104, 98])
    assert not settled([60, 80, 100])
    assert not settled([100, 90, 120])
    assert settled([60, 100, 101, 99])
