"""An uploaded file: read, sought, saved, and gone with its form."""

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.spool import Spool
from stanchion.http.uploads import Upload

CONTENT = bytes(range(256)) * 300
Use = Callable[[Spool, Upload], Coroutine[Any, Any, None]]


def with_upload(memory: int, use: Use) -> None:
    """Run `use` on an upload of CONTENT that has a neighbour on either side in its spool."""

    async def main() -> None:
        spool = Spool(memory)
        await write(spool, b"before")
        upload = Upload(spool, spool.size, len(CONTENT), "data.bin", "application/octet-stream")
        await write(spool, CONTENT)
        await write(spool, b"after")
        await spool.seal()
        try:
            await use(spool, upload)
        finally:
            spool.close()

    async def write(spool: Spool, content: bytes) -> None:
        for start in range(0, len(content), 1000):
            spool.write(content[start : start + 1000])
            if spool.due:
                await spool.flush()

    asyncio.run(main())


both_places = pytest.mark.parametrize("memory", [1 << 20, 4096, 0], ids=["memory", "disk", "disk-at-once"])


@both_places
def test_reads_all_in_pieces_and_after_a_seek(memory: int) -> None:
    async def use(spool: Spool, upload: Upload) -> None:
        assert await upload.read() == CONTENT
        assert await upload.read() == b""
        await upload.seek(0)
        assert [await upload.read(10), await upload.read(10)] == [CONTENT[:10], CONTENT[10:20]]
        await upload.seek(upload.size - 3)
        assert await upload.read(10) == CONTENT[-3:]
        await upload.seek(-5)
        assert await upload.read(1) == CONTENT[:1]
        await upload.seek(1 << 40)
        assert await upload.read(1) == b""

    with_upload(memory, use)


@both_places
def test_saves_the_whole_and_nothing_else(memory: int, tmp_path: Path) -> None:
    async def use(spool: Spool, upload: Upload) -> None:
        await upload.read(100)
        (tmp_path / "saved").write_bytes(b"old" * 100_000)
        await upload.save(tmp_path / "saved")
        assert (tmp_path / "saved").read_bytes() == CONTENT
        assert await upload.read(1) == CONTENT[100:101]

    with_upload(memory, use)


@both_places
def test_a_closed_form_s_files_say_so(memory: int, tmp_path: Path) -> None:
    async def use(spool: Spool, upload: Upload) -> None:
        spool.close()
        spool.close()
        with pytest.raises(ValueError, match="the form is closed"):
            await upload.read()
        with pytest.raises(ValueError, match="the form is closed"):
            await upload.save(tmp_path / "never")
        assert not (tmp_path / "never").exists()

    with_upload(memory, use)


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    async def use(spool: Spool, upload: Upload) -> None:
        with pytest.raises(FileNotFoundError):
            await upload.save(tmp_path / "absent" / "file")

    with_upload(0, use)


def test_the_disk_is_touched_in_threads_only_and_by_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    opened_by = []
    create = tempfile.TemporaryFile

    def noting(*args: Any, **options: Any) -> Any:
        opened_by.append(threading.current_thread())
        return create(*args, **options)

    monkeypatch.setattr(tempfile, "TemporaryFile", noting)

    async def use(spool: Spool, upload: Upload) -> None:
        assert await upload.read() == CONTENT

    with_upload(0, use)
    assert len(opened_by) == 1
    assert opened_by[0] is not threading.main_thread()


def test_closing_while_a_write_is_under_way_leaves_no_descriptor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cancelled request closes its form while a thread still writes for it."""
    entered, go_on = threading.Event(), threading.Event()
    create = tempfile.TemporaryFile
    made = []

    def slow(*args: Any, **options: Any) -> Any:
        entered.set()
        go_on.wait(10)
        made.append(create(*args, **options))
        return made[0]

    monkeypatch.setattr(tempfile, "TemporaryFile", slow)

    async def main() -> None:
        spool = Spool(0)
        spool.write(b"x" * 1000)
        flushing = asyncio.create_task(spool.flush())
        while not entered.is_set():
            await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.wait([flushing])
        spool.close()
        go_on.set()

    asyncio.run(main())  # joins the threads at its end
    assert made[0].closed


def test_tells_what_it_is() -> None:
    async def use(spool: Spool, upload: Upload) -> None:
        assert repr(upload) == f"<Upload 'data.bin', application/octet-stream, {len(CONTENT)} bytes>"
        assert repr(spool) == f"<Spool {len(CONTENT) + 11} bytes, disk>"

    with_upload(0, use)


def named(filename: str) -> Upload:
    return Upload(Spool(0), 0, 0, filename, "")


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
        ("/", "upload"),
        ("..", "upload"),
        ("", "upload"),
        (".htaccess", "htaccess"),
        ("a\0b\r\n.txt", "ab.txt"),
        ("\u202egpj.exe", "gpj.exe"),
        ("Müller 照片.png", "Müller 照片.png"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
    ],
)
def test_safe_name(filename: str, expected: str) -> None:
    assert named(filename).safe_name == expected


@given(st.text(st.characters(codec="utf-8")) | st.text("./\\ü\0 ", min_size=200))
def test_any_safe_name_is_one_plain_component(filename: str) -> None:
    name = named(filename).safe_name
    assert name
    assert name[0] not in ". "
    assert len(os.fsencode(name)) <= 255
    assert os.path.basename(name) == name
