"""Records of `logging`: what a line of them looks like, and whose set-up holds."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from stanchion.telemetry.log_lines import LONGEST_RECORD, ConsoleFormatter, Handler, JSONFormatter, LineWriter

Logged = Callable[..., str]
PROGRAM = """\
import logging, os, sys
from stanchion.telemetry.log_lines import LineWriter, configure
exec(sys.argv[1])
configure("warning", "json", LineWriter(1))
logging.getLogger("shop").info("too mild")
logging.getLogger("shop").warning("worth it", extra={"order": 7})
"""


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """One of its own, that nobody else hears."""
    logger = logging.Logger("shop")
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)


@pytest.fixture
def logged(logger: logging.Logger) -> Iterator[Logged]:
    """`logged(formatter, "text", extra=…)`: the line on the pipe of one error record."""
    read_end, write_end = os.pipe()
    handler = Handler(LineWriter(write_end))
    logger.addHandler(handler)

    def log(formatter: logging.Formatter, message: object, *arguments: object, **options: object) -> str:
        handler.setFormatter(formatter)
        logger.error(message, *arguments, **options)  # type: ignore[arg-type]
        return os.read(read_end, 1 << 20).decode()

    yield log
    os.close(read_end)
    os.close(write_end)


def failure() -> ValueError:
    """An exception with a traceback."""
    try:
        raise ValueError("first\n2026-01-01 00:00:00,000 INFO shop: forged")
    except ValueError as error:
        return error


def test_a_console_line_is_as_logging_makes_it(logged: Logged) -> None:
    line = logged(ConsoleFormatter(), "order %d", 7)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ERROR shop: order 7\n", line)


def test_only_the_first_line_of_a_console_record_begins_at_the_margin(logged: Logged) -> None:
    line = logged(ConsoleFormatter(), "one\ntwo\r\x1b[2J\u2028\x85", exc_info=failure())
    first, *others = line.rstrip("\n").split("\0")
    assert first.endswith("ERROR shop: one")
    assert others[0] == "  two\\u000d\\u001b[2J\\u2028\\u0085"
    assert others[1] == "  Traceback (most recent call last):"
    assert others[-1] == "  2026-01-01 00:00:00,000 INFO shop: forged"
    assert all(other.startswith("  ") for other in others)


def test_a_json_line_has_the_extras(logged: Logged) -> None:
    extra = {"request_id": "9f2c", "path": "/a\nb", "level": "forged", "tags": ["a"], "peer": object}
    line = logged(JSONFormatter(), "order %s", "7\x85\u2028\x9b", extra=extra)
    assert line.isprintable() or line.rstrip("\n").isprintable()
    entry = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert entry == {
        "level": "error",
        "logger": "shop",
        "message": "order 7\x85\u2028\x9b",
        "pid": os.getpid(),
        "request_id": "9f2c",
        "path": "/a\nb",
        "tags": ["a"],
        "peer": "<class 'object'>",
    }


def test_a_json_line_has_traceback_and_stack_as_text(logged: Logged) -> None:
    entry = json.loads(logged(JSONFormatter(), "failed", exc_info=failure(), stack_info=True))
    assert entry["exception"].startswith("Traceback (most recent call last):\n")
    assert entry["exception"].endswith("forged")
    assert entry["stack"].startswith("Stack (most recent call last):\n")


@pytest.mark.parametrize("odd", ["\ud800", {("a", "b"): 1}, {1: {2: float("nan")}}])
def test_an_extra_that_is_not_json_does_not_lose_the_record(logged: Logged, odd: object) -> None:
    entry = json.loads(logged(JSONFormatter(), "kept", extra={"odd": odd}))
    assert entry["message"] == "kept"
    assert "odd" in entry


def test_an_extra_within_itself_does_not_lose_the_record(logged: Logged) -> None:
    endless: list[object] = []
    endless.append(endless)
    assert json.loads(logged(JSONFormatter(), "kept", extra={"odd": endless}))["odd"] == "[[...]]"


def test_a_very_long_record_is_cut_and_says_so(logged: Logged) -> None:
    console = logged(ConsoleFormatter(), "x" * 100_000)
    assert len(console) < LONGEST_RECORD + 100
    assert re.search(r"x\0  … \d+ characters more\n$", console)
    assert json.loads(logged(JSONFormatter(), "x" * 100_000))["message"].endswith("characters more")


def test_a_record_that_cannot_be_formatted_is_reported_as_logging_does(
    logged: Logged, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.error("%d", "seven")
    assert "--- Logging error ---" in capsys.readouterr().err
    assert logged(ConsoleFormatter(), "next").endswith("next\n")


def ran(before: str) -> subprocess.CompletedProcess[str]:
    """The program, with what an app does before logging is configured."""
    return subprocess.run([sys.executable, "-c", PROGRAM, before], capture_output=True, text=True, check=True)


def test_without_a_set_up_of_the_apps_records_go_to_the_writer() -> None:
    ended = ran("")
    (line,) = ended.stdout.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"], entry["order"]) == ("warning", "shop", "worth it", 7)
    assert ended.stderr == ""


def test_an_app_that_has_set_up_logging_keeps_it() -> None:
    ended = ran("logging.basicConfig(level='INFO', format='mine: %(message)s')")
    assert (ended.stdout, ended.stderr) == ("", "mine: too mild\nmine: worth it\n")
