"""Tables of the guides that repeat what the source says: they have to say the same."""

import re

from stanchion.settings.fields import SETTINGS
from tests.docs.codes import codes
from tests.docs.pages import GUIDES, ROOT, name_of, pages, rows

ERRORS = (GUIDES / "responses-and-errors.md").read_text(encoding="utf-8")
SOURCE = codes(ROOT / "src" / "stanchion")


def named(cell: str) -> list[str]:
    """The names in a cell: what stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_code_a_client_can_get_is_listed_with_its_status() -> None:
    listed = [(code, int(status)) for cell, status, _ in rows(ERRORS, "code") for code in named(cell)]
    assert sorted(listed) == sorted(pair for pair in SOURCE if pair[1] is not None)


def test_every_start_up_code_is_listed() -> None:
    listed = [code for cell, *_ in rows(ERRORS, "start-up code") for code in named(cell)]
    assert sorted(listed) == sorted(code for code, status in SOURCE if status is None)
