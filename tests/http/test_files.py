"""Files as responses: what is sent, with which head, and that no descriptor is left behind."""

import asyncio
import os
import socket
import threading
from pathlib import Path

import pytest

from stanchion.errors import HTTPError, NotFound
from stanchion.http import files
from stanchion.http.conditional import http_date
from stanchion.http.files import CHUNK, SMALL, File, FilePlan, content_disposition, prepare
from stanchion.http.response import Response

MODIFIED = 1_700_000_000
SMALL_CONTENT = bytes(range(256)) * 4
LARGE_CONTENT = os.urandom(2 * CHUNK + 77)


@pytest.fixture(params=[SMALL_CONTENT, LARGE_CONTENT], ids=["small", "large"])
def content(request: pytest.FixtureRequest) -> bytes:
    return request.param


@pytest.fixture
def path(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(content)
    os.utime(path, ns=(0, MODIFIED * 10**9 + 5))
    return path


def answer(file: File, request) -> tuple[Response | FilePlan, bytes]:
    """The plan or response, and the content that would be sent."""

    async def main() -> tuple[Response | FilePlan, bytes]:
        plan = await prepare(file, request)
        if isinstance(plan, Response):
            return plan, plan.body
        sent = b"".join([chunk async for chunk in plan.chunks()])
        assert plan.file.closed
        assert len(sent) == plan.count
        return plan, sent

    return asyncio.run(main())


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_the_whole_file_with_its_validators(request_of, path: Path, content: bytes) -> None:
    plan, sent = answer(File(path), request_of())
    assert sent == content
    assert isinstance(plan, Response) is (len(content) <= SMALL)
    assert (plan.status, plan.media_type) == (200, "application/octet-stream")
    assert plan.headers == {
        "ETag": f'"{MODIFIED * 10**9 + 5:x}-{len(content):x}"',
        "Last-Modified": http_date(MODIFIED),
        "Accept-Ranges": "bytes",
    }


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=1000-", 1000, None),
        ("bytes=-7", -7, None),
        ("bytes=10-999999999", 10, None),
    ],
)
def test_one_range(request_of, path: Path, content: bytes, asked: str, start: int, stop: int | None) -> None:
    plan, sent = answer(File(path), request_of("GET", "/", {"Range": asked}))
    expected = content[start:stop]
    first = start % len(content)
    assert plan.status == 206
    assert sent == expected
    assert plan.headers is not None
    assert plan.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(content)}"


def test_a_range_outside_is_416(request_of, path: Path, content: bytes) -> None:
    before = open_descriptors()
    with pytest.raises(HTTPError) as caught:
        answer(File(path), request_of("GET", "/", {"Range": f"bytes={len(content)}-"}))
    assert caught.value.status == 416
    assert caught.value.headers == {"Content-Range": f"bytes */{len(content)}"}
    assert open_descriptors() == before


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=x", "items=0-1"])
def test_several_ranges_or_malformed_ones_get_the_whole(request_of, path: Path, content: bytes, asked: str) -> None:
    plan, sent = answer(File(path), request_of("GET", "/", {"Range": asked}))
    assert (plan.status, sent) == (200, content)


def test_if_range_by_tag_and_by_date(request_of, path: Path, content: bytes) -> None:
    whole, _ = answer(File(path), request_of())
    assert whole.headers is not None
    for validator in (whole.headers["ETag"], whole.headers["Last-Modified"]):
        plan, _ = answer(File(path), request_of("GET", "/", {"Range": "bytes=0-1", "If-Range": validator}))
        assert plan.status == 206
    for validator in ('"older"', http_date(MODIFIED - 1)):
        plan, sent = answer(File(path), request_of("GET", "/", {"Range": "bytes=0-1", "If-Range": validator}))
        assert (plan.status, sent) == (200, content)


def test_a_known_copy_is_304_with_its_validators(request_of, path: Path) -> None:
    file = File(path, headers={"Cache-Control": "max-age=60"}, download_as="x")
    whole, _ = answer(file, request_of())
    assert whole.headers is not None
    for known in (
        {"If-None-Match": whole.headers["ETag"]},
        {"If-Modified-Since": whole.headers["Last-Modified"]},
    ):
        plan, sent = answer(file, request_of("GET", "/", known | {"Range": "bytes=0-1"}))
        assert (plan.status, sent, plan.media_type) == (304, b"", None)
        assert plan.headers == {
            "Cache-Control": "max-age=60",
            "ETag": whole.headers["ETag"],
            "Last-Modified": whole.headers["Last-Modified"],
        }


def test_a_failed_precondition_is_412(request_of, path: Path) -> None:
    with pytest.raises(HTTPError) as caught:
        answer(File(path), request_of("GET", "/", {"If-Match": '"other"'}))
    assert (caught.value.status, caught.value.code) == (412, "precondition-failed")


def test_head_plans_the_whole_and_ignores_a_range(request_of, path: Path, content: bytes) -> None:
    plan, sent = answer(File(path), request_of("HEAD", "/", {"Range": "bytes=0-1"}))
    assert (plan.status, len(sent)) == (200, len(content))


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("GET", 404)])
def test_conditions_are_for_reading_what_is_there(
    request_of, path: Path, content: bytes, method: str, status: int
) -> None:
    conditions = {"If-None-Match": "*", "Range": "bytes=0-1"}
    plan, sent = answer(File(path, status=status), request_of(method, "/", conditions))
    assert (plan.status, sent) == (status, content)


def test_the_given_head_is_kept_but_not_its_validators(request_of, path: Path) -> None:
    file = File(
        path,
        media_type="image/png",
        headers={"Cache-Control": "no-cache", "etag": '"mine"'},
        more_headers=[("Link", "</a>"), ("Link", "</b>")],
    )
    plan, _ = answer(file, request_of())
    assert plan.media_type == "image/png"
    assert plan.headers is not None
    assert plan.headers["Cache-Control"] == "no-cache"
    assert "etag" not in plan.headers
    assert plan.more_headers == [("Link", "</a>"), ("Link", "</b>")]


@pytest.mark.parametrize(
    "name",
    ["absent", "a-file/below", "", "nul\0", "\ud800", "x" * 300, "directory", "pipe", "socket", "loop"],
)
def test_only_a_regular_file_is_served(request_of, tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        before = open_descriptors()
        with pytest.raises(NotFound) as caught:
            answer(File(f"{tmp_path}/{name}"), request_of())
    assert str(tmp_path) not in caught.value.detail
    assert open_descriptors() == before - 1


def test_a_root_confines_the_path(request_of, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "index.html").write_text("hello")
    (tmp_path / "secret").write_text("secret")
    plan, sent = answer(File("", root=tmp_path / "root"), request_of())
    assert (plan.media_type, sent) == ("text/html; charset=utf-8", b"hello")
    with pytest.raises(NotFound):
        answer(File("../secret", root=tmp_path / "root"), request_of())


def test_an_empty_file(request_of, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    plan, sent = answer(File(tmp_path / "empty"), request_of("GET", "/", {"Range": "bytes=0-"}))
    assert (plan.status, sent) == (200, b"")


def test_a_file_that_shrinks_while_it_is_sent_breaks_off(request_of, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LARGE_CONTENT)

    async def main() -> None:
        plan = await prepare(File(path), request_of())
        assert isinstance(plan, FilePlan)
        os.truncate(path, 10)
        chunks = plan.chunks()
        assert await anext(chunks) == LARGE_CONTENT[:10]
        with pytest.raises(OSError, match="ended at byte 10"):
            await anext(chunks)
        assert plan.file.closed

    asyncio.run(main())


def test_a_cancelled_request_leaves_no_descriptor(request_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large"
    path.write_bytes(LARGE_CONTENT)
    opened, go_on = threading.Event(), threading.Event()

    def gate(path: str) -> str:
        opened.set()
        go_on.wait(10)
        return "text/plain"

    monkeypatch.setattr(files, "media_type_of", gate)

    async def main() -> int:
        preparing = asyncio.create_task(prepare(File(path), request_of()))
        while not opened.is_set():
            await asyncio.sleep(0)
        while_open = open_descriptors()
        preparing.cancel()
        await asyncio.wait([preparing])
        assert preparing.cancelled()
        go_on.set()
        await asyncio.get_running_loop().shutdown_default_executor()
        await asyncio.sleep(0)
        return while_open - open_descriptors()

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("my report.pdf", 'attachment; filename="my report.pdf"'),
        ("Übersicht.pdf", "attachment; filename=\"_bersicht.pdf\"; filename*=UTF-8''%C3%9Cbersicht.pdf"),
        ('a"b\\c%41', "attachment; filename=\"a_b_c_41\"; filename*=UTF-8''a%22b%5Cc%2541"),
        ("a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
        ("\ud800", "attachment; filename=\"_\"; filename*=UTF-8''%3F"),
    ],
)
def test_content_disposition(name: str, field: str) -> None:
    assert content_disposition(name) == field


def test_download_as_reaches_the_head(request_of, path: Path) -> None:
    plan, _ = answer(File(path, download_as="a.bin"), request_of())
    assert plan.headers is not None
    assert plan.headers["Content-Disposition"] == 'attachment; filename="a.bin"'
