"""The machine's tier: bounded, shared by processes, and none the worse for those that are killed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion import App, Cache
from stanchion.cache.tiers.machine import Machine
from stanchion.cache.tiers.place import private_directory, taken
from stanchion.settings import Settings
from stanchion.testing import Client

MiB = 1 << 20
WRITER = Path(__file__).with_name("killed_writer.py")


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine(None, MiB)
    yield made
    made.close()


def test_what_is_put_is_there_until_dropped(machine: Machine) -> None:
    assert machine.get(b"key") is None
    assert machine.put(b"key", b"value", 60)
    assert machine.get(b"key") == b"value"
    assert machine.put(b"key", b"other", 60)
    assert machine.put(b"", b"nameless", 60)
    assert machine.put(b"long" * 1000, b"far", 60)
    assert [machine.get(key) for key in (b"key", b"", b"long" * 1000)] == [b"other", b"nameless", b"far"]
    machine.drop(b"key")
    assert machine.get(b"key") is None
    machine.clear()
    assert machine.statistics()["entries"] == 0
    assert machine.statistics()["hits"] == 4


def test_an_entry_ends_with_its_time() -> None:
    now = 1000.0
    machine = Machine(None, MiB, clock=lambda: now)
    machine.put(b"key", b"value", 10)
    now = 1009.9
    assert machine.get(b"key") == b"value"
    now = 1010.0
    assert machine.get(b"key") is None
    machine.close()


def test_the_oldest_make_room(machine: Machine) -> None:
    for number in range(2000):
        assert machine.put(b"%d" % number, bytes(1000), 60)
    counted = machine.statistics()
    assert counted["evicted"] + counted["entries"] == 2000
    held = [machine.get(b"%d" % number) is not None for number in range(2000)]
    assert held == [False] * counted["evicted"] + [True] * counted["entries"]
    assert counted["entries"] > 200


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_is_put_the_file_is_bounded_and_takes_the_next(seed: int) -> None:
    random = Random(seed)
    machine = Machine(None, MiB)
    try:
        for _ in range(300):
            key, size = b"%d" % random.randrange(50), random.choice((0, 100, 5000, 40_000, 130_000))
            value = random.randbytes(size)
            assert machine.put(key, value, 60)
            assert machine.get(key) == value
        assert not machine.put(b"large", bytes(MiB // 8 + 1), 60)
        assert taken(str(machine._path)) <= MiB
        assert machine.statistics()["failed"] == 0
    finally:
        machine.close()


def test_processes_share_it(tmp_path: Path) -> None:
    machine = Machine(str(tmp_path), MiB)
    code = f"from stanchion.cache.tiers.machine import Machine; Machine({str(tmp_path)!r}, {MiB}).put(b'k', b'v', 60)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    assert machine.get(b"k") == b"v"
    machine.close()


def test_writers_killed_at_any_moment_leave_nothing_half_written(tmp_path: Path) -> None:
    machine = Machine(str(tmp_path), 2 * MiB)
    random = Random(5)
    read = 0
    for kill in range(100):
        command = [sys.executable, str(WRITER), str(tmp_path), str(2 * MiB), str(kill)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"begun\n"
            end = time.monotonic() + random.uniform(0.0, 0.02)
            while time.monotonic() < end:
                key = b"%d" % random.randrange(200)
                value = machine.get(key)
                if value is not None:
                    read += 1
                    assert value[: len(key)] == key
                    assert set(value[len(key) :]) == {len(key)}
            writer.kill()
        assert machine.put(b"mine", b"%d" % kill, 60)  # the mutex was left by the dead
        assert machine.get(b"mine") == b"%d" % kill
    assert read > 1000
    assert machine.statistics()["failed"] == 0
    machine.close()


def test_a_damaged_file_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "data.mdb").write_bytes(os.urandom(64 * 1024))
    machine = Machine(str(tmp_path), MiB)
    assert machine.put(b"key", b"value", 60)
    assert machine.get(b"key") == b"value"
    assert ["damaged and begins anew" in record.message for record in caplog.records] == [True]
    machine.close()


def test_a_place_that_cannot_be_is_a_miss_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    machine = Machine(str(tmp_path / "file" / "below"), MiB)
    assert not caplog.records
    assert [machine.put(b"key", b"value", 60), machine.get(b"key")] == [False, None]
    assert machine.statistics()["failed"] == 3
    assert len(caplog.records) == 1
    machine.close()


def test_its_directory_is_private_and_those_of_the_dead_go(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(30)
    dead = tmp_path / f"stanchion-cache-{process.pid}-abc"
    other = tmp_path / "stanchion-cache-other"
    dead.mkdir()
    other.mkdir()
    made = Path(private_directory(str(tmp_path), MiB))
    assert made.stat().st_mode & 0o777 == 0o700
    assert sorted(tmp_path.iterdir()) == sorted([made, other])
    own = Machine(None, MiB)
    own.open()
    path = own._path
    assert path is not None
    assert os.path.exists(path)
    own.close()
    assert not os.path.exists(path)


def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    machine = Machine(str(tmp_path / "cache"), MiB)
    assert machine.statistics()["entries"] == 0
    assert not (tmp_path / "cache").exists()
    machine.open()
    assert (tmp_path / "cache" / "data.mdb").exists()
    machine.close()
    assert not machine.put(b"key", b"value", 60)  # closed for good


def test_an_app_that_is_compiled_touches_nothing(tmp_path: Path) -> None:
    app = App("pages")

    @app.get("/", cache=Cache(ttl=1, tiers=("machine",)))
    async def page() -> str:
        return "page"

    settings = Settings(cache_directory=str(tmp_path / "cache"))
    app.compile(settings)
    assert not (tmp_path / "cache").exists()
    with Client(app, settings):
        assert (tmp_path / "cache" / "data.mdb").exists()
