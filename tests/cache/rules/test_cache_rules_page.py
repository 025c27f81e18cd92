"""The page of requirements is what the tests say."""

from collections import Counter

from tests.cache.rules.page import PAGE, render
from tests.cache.rules.requirements import held


def test_the_page_is_made_from_the_tests() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run `python -m tests.cache.rules.page`"


def test_every_section_with_requirements_for_caches_has_tests() -> None:
    sections = Counter(requirement.section for requirement, _, _ in held() if requirement.rfc == 9111)
    wanted = "1.2.2 3 3.1 3.2 3.3 3.5 4 4.1 4.2.1 4.2.2 4.2.3 4.2.4 4.3.1 4.3.2 4.3.4 4.3.5 4.4 5.1 5.2 5.3 5.4"
    assert not set(wanted.split()) - set(sections)
    directives = {section for section in sections if section.startswith("5.2.")}
    assert {f"5.2.1.{number}" for number in (1, 2, 3, 4, 5, 7)} <= directives
    assert {f"5.2.2.{number}" for number in (2, 3, 4, 5, 7, 9)} <= directives
