"""What the guides repeat of the source has to be what the source says: codes, defaults, flags, the first app."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from stanchion.settings.fields import SETTINGS
from stanchion.settings.sources import FILE_VARIABLE
from tests.docs.codes import codes
from tests.docs.pages import GUIDES, ROOT, blocks, name_of, pages, rows

ERRORS = (GUIDES / "responses-and-errors.md").read_text(encoding="utf-8")
LIMITS = (GUIDES / "limits-and-timeouts.md").read_text(encoding="utf-8")
SOURCE = codes(ROOT / "src" / "stanchion")
NO_LIMITS = {"cache_store", "instances", "workers", "reload", "docs", "request_ids", "repeated_statements"}
"""Settings that bound nothing; besides them those of addresses and of the log."""
NO_LIMITS |= {"host", "port", "unix_socket", "admin_host", "admin_port", "admin_socket", "control_socket"}
NO_LIMITS |= {"trusted_proxies", "forwarded_header", "proxy_protocol"}
NO_LIMITS |= {"cache_directory", "secret"}
NO_LIMITS |= {"log_level", "log_format", "access_log", "access_log_sample", "traces", "traces_sampled"}


def named(cell: str) -> list[str]:
    """The names in a cell: what stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_code_a_client_can_get_is_listed_with_its_status() -> None:
    listed = [(code, int(status)) for cell, status, _ in rows(ERRORS, "code") for code in named(cell)]
    assert sorted(listed) == sorted((code, status) for code, status in SOURCE if status is not None)


def test_every_start_up_code_is_listed() -> None:
    listed = [code for cell, *_ in rows(ERRORS, "start-up code") for code in named(cell)]
    assert sorted(listed) == sorted(code for code, status in SOURCE if status is None)


def test_every_limit_is_listed_with_its_default() -> None:
    listed = {name: default for cell, default, *_ in rows(LIMITS, "setting") for name in named(cell)}
    limits = {name: setting.show(setting.default) for name, setting in SETTINGS.items()}
    assert listed == {name: default for name, default in limits.items() if name not in NO_LIMITS}


def test_a_limits_answer_is_a_code_with_its_status() -> None:
    answers = [re.findall(r"(\d{3}) `([a-z-]+)`", over) for _, _, over, _ in rows(LIMITS, "setting")]
    told = {(code, int(status)) for found in answers for status, code in found}
    assert len(told) >= 10
    assert told <= SOURCE


def spelt(page: Path) -> set[str]:
    """The variables a page names, and the flags on its lines with a `stanchion` command."""
    text = page.read_text(encoding="utf-8").replace("STANCHION_MAX_BODDY", "")  # a mistake that is shown
    commands = re.findall(r"stanchion (?:serve|settings|routes) .*", text)
    flags = {flag for command in commands for flag in re.findall(r"(?<!\S)--[a-z-]+", command)}
    return flags | set(re.findall(r"STANCHION_[A-Z_]+", text))


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_flags_and_variables_are_there(page: Path) -> None:
    known = {spelling for s in SETTINGS.values() for spelling in (s.flag, s.no_flag, s.variable)}
    assert spelt(page) <= known | {FILE_VARIABLE, "--config", "--json", "--reference", "--source"}


def test_the_first_page_shows_the_app_that_new_writes() -> None:
    skeleton = (files("stanchion.cli") / "skeleton" / "app.py.txt").read_text(encoding="utf-8")
    first, *_ = blocks((ROOT / "docs" / "README.md").read_text(encoding="utf-8"))
    assert first.text == skeleton.replace("__NAME__", "shop")
