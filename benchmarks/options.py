"""What the command line asked for; whatever is wrong with it is one line and exit code 2."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from benchmarks.cases import LETTERS
from benchmarks.peers import BY_NAME, PEERS, Peer

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """`whole` is a run of every case and every peer: only that may replace the committed results."""

    cases: str
    peers: tuple[Peer, ...]
    rounds: int
    seconds: int
    connections: int
    json: bool
    output: Path
    check: bool

    @property
    def whole(self) -> bool:
        """Whether nothing was left out by choice."""
        return self.cases == "".join(LETTERS) and self.peers == PEERS


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, without the usage that argparse prints before it."""
        self.exit(2, f"{self.prog}: {message}\n")


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; ends the process when they make no sense."""
    given = _parser().parse_args(arguments)
    options = Options(
        cases=given.case,
        peers=given.peer,
        rounds=given.rounds,
        seconds=given.seconds,
        connections=given.connections,
        json=given.json,
        output=given.output or RESULTS,
        check=given.check,
    )
    if given.output is None and not options.whole:
        return _elsewhere(options)
    return options


def _elsewhere(options: Options) -> Options:
    """A partial run goes to results/partial (ignored by git): it must not replace the whole run's results."""
    return replace(options, output=RESULTS / "partial")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m benchmarks",
        description="Measures Stanchion beside its peers: one core serves, another makes the load.",
        allow_abbrev=False,
    )
    letters, names = ",".join(LETTERS), ", ".join(BY_NAME)
    parser.add_argument("--case", type=_cases, default=letters, metavar=letters, help="default: all")
    parser.add_argument("--peer", type=_peers, default=PEERS, metavar="NAME,...", help=f"default: all ({names})")
    parser.add_argument("--rounds", type=_number(1, 50), default=3, help="interleaved rounds, 1 to 50, default 3")
    parser.add_argument(
        "--seconds",
        type=_number(1, 120),
        default=5,
        help="seconds a measure, 1 to 120, default 5; at most twice as many as warm-up",
    )
    parser.add_argument(
        "--connections", type=_number(1, 4096), default=64, help="wrk's connections, 1 to 4096, default 64"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON, without progress")
    parser.add_argument("--output", type=_folder, metavar="DIR", help="folder for latest.json, .md and .svg")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is missed")
    return parser


def _cases(text: str) -> str:
    """`a,c` as "ac", in the table's order. Case (c) is compared with (a), so it brings (a) along."""
    chosen = set(filter(None, text.split(",")))
    unknown = sorted(chosen.difference(LETTERS))
    if unknown or not chosen:
        raise argparse.ArgumentTypeError(
            f"no such case: {', '.join(unknown) or text!r} (there are {', '.join(LETTERS)})"
        )
    if "c" in chosen:
        chosen.add("a")
    return "".join(letter for letter in LETTERS if letter in chosen)


def _peers(text: str) -> tuple[Peer, ...]:
    chosen = set(filter(None, text.split(",")))
    unknown = sorted(chosen.difference(BY_NAME))
    if unknown or not chosen:
        raise argparse.ArgumentTypeError(
            f"no such peer: {', '.join(unknown) or text!r} (there are {', '.join(BY_NAME)})"
        )
    return tuple(peer for peer in PEERS if peer.name in chosen)


def _folder(text: str) -> Path:
    """A folder that is there or can be made; found out before a long run and not after it."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be a folder: {error.strerror}") from None
    return path


def _number(least: int, most: int) -> Callable[[str], int]:
    """A whole number between two bounds, as an argparse type."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return number
