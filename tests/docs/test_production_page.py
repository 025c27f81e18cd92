"""What the page on production tells of metrics, alerts and waits is so."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec import structs

from stanchion.settings.fields import SETTINGS
from stanchion.telemetry.exposition import Supervision, render
from stanchion.telemetry.snapshot import Tally
from stanchion.telemetry.tallies import (
    BULKHEAD,
    CACHE,
    CACHE_TIER,
    DATABASE,
    DATABASE_POOL,
    DEPENDENCY,
    LIMIT,
    POOL,
    REPLICATION,
    STATEMENT,
    TRACES,
)
from tests.docs.pages import GUIDES, blocks, rows
from tests.telemetry.pages import EXTRA, snapshot

PAGE = (GUIDES / "production.md").read_text(encoding="utf-8")
YAML = [block.text for block in blocks(PAGE) if block.language == "yaml"]
PROMTOOL = shutil.which("promtool")


def families() -> set[str]:
    """The names of the page of metrics, as Prometheus' text format has them."""
    known = Supervision(**{**{name: getattr(EXTRA, name) for name in EXTRA.__struct_fields__}, "memory_limit": 1})
    kinds = (
        LIMIT,
        BULKHEAD,
        DEPENDENCY,
        POOL,
        CACHE,
        CACHE_TIER,
        DATABASE,
        DATABASE_POOL,
        REPLICATION,
        STATEMENT,
        TRACES,
    )
    tallies = [Tally(kind=kind, name="main select orders", cells=[0] * 8) for kind in kinds]
    page = render(structs.replace(snapshot([]), tallies=tallies), known, openmetrics=False).decode()
    return set(re.findall(r"^# TYPE stanchion_(\w+)", page, re.MULTILINE))


def test_every_family_is_listed() -> None:
    listed = {name for cell, *_ in rows(PAGE, "family") for name in re.findall(r"`(\w+)`", cell)}
    assert listed == families()


def test_alerts_name_families_that_are_there() -> None:
    named = set(re.findall(r"stanchion_(\w+?)(?:_bucket)?\b", YAML[2]))
    assert len(named) == 6
    assert named <= families()


@pytest.mark.skipif(PROMTOOL is None and not os.environ.get("CI"), reason="promtool is missing: apt install prometheus")
@pytest.mark.parametrize(("kind", "text"), [("config", YAML[1]), ("rules", YAML[2])], ids=["config", "rules"])
def test_prometheus_takes_it(kind: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / f"{kind}.yaml"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([str(PROMTOOL), "check", kind, str(file)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_the_manifest_leaves_time_to_drain() -> None:
    (grace,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", YAML[0])
    texts = dict(re.findall(r'\{name: (STANCHION_\w+), value: "([^"]+)"\}', YAML[0]))
    given = {s.name: s.parse(texts[s.variable]) for s in SETTINGS.values() if s.variable in texts}
    assert len(given) == len(texts)
    assert given["drain_delay"] + given["drain_timeout"] + 1 < int(grace)
