"""Every relative link of every page leads to a file of the repository, and to a heading if it names one."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import ROOT, anchors, links, name_of, pages


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page.read_text(encoding="utf-8")) if not leads(page, link)] == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    page = ROOT / "docs" / "why" / "README.md"
    assert leads(page, "own-wire.md#the-http11-layer-is-ours")
    assert leads(page, "../reference/settings.md#max_body")
    assert not leads(page, "own-wire.md#nowhere")
    assert not leads(page, "nowhere.md")
    assert not leads(page, "../../../outside.md")


def test_links_in_code_are_none() -> None:
    text = '[a](b.md) `[c](d.md)`\n\n```text\n[e](f.md)\n```\n\n[g](<h.md> "title")\n'
    assert list(links(text)) == ["b.md", "h.md"]


def leads(page: Path, link: str) -> bool:
    """Whether a link is somebody else's to keep, or leads to a file and a heading here."""
    if link.startswith(("http://", "https://", "mailto:")):
        return True
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or ROOT not in (target, *target.parents):
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target.read_text(encoding="utf-8")))
