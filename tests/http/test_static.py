"""A request's path stays under its directory, however it is spelt."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.static import resolve

PIECES = [
    "",
    ".",
    "..",
    "...",
    "a.txt",
    "sub",
    "b.txt",
    "secret.txt",
    ".env",
    "out",
    "%2e%2e",
    "\\..\\",
    "\0",
    "/",
    "~",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with files inside, a secret beside it, and links both ways."""
    base = tmp_path_factory.mktemp("base")
    root = base / "root"
    (root / "sub").mkdir(parents=True)
    (root / ".well-known").mkdir()
    (base / "root-beside").mkdir()
    for path in ("a.txt", "sub/b.txt", "sub/index.html", "index.html", ".env", ".well-known/c.txt", "%2e%2e"):
        (root / path).write_text(path)
    (base / "secret.txt").write_text("secret")
    (base / "root-beside" / "secret.txt").write_text("secret")
    (root / "out").symlink_to(base)
    (root / "beside").symlink_to(base / "root-beside")
    (root / "out.txt").symlink_to(base / "secret.txt")
    (root / "in.txt").symlink_to(root / "sub" / "b.txt")
    (root / "relative.txt").symlink_to("../secret.txt")
    (root / "loop").symlink_to(root / "loop")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("a.txt", "a.txt"),
        ("sub/b.txt", "sub/b.txt"),
        ("in.txt", "sub/b.txt"),
        ("", "index.html"),
        ("sub/", "sub/index.html"),
        (".well-known/c.txt", ".well-known/c.txt"),
        ("%2e%2e", "%2e%2e"),
    ],
)
def test_finds_what_is_inside(root: Path, path: str, file: str) -> None:
    assert resolve(root, path) == os.path.realpath(root / file)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "sub/../../secret.txt",
        "sub/../a.txt",
        "/etc/passwd",
        "//etc/passwd",
        "sub//b.txt",
        "./a.txt",
        "..\\secret.txt",
        "../root-beside/secret.txt",
        "out/secret.txt",
        "beside/secret.txt",
        "out.txt",
        "relative.txt",
        "a.txt\0.png",
        ".env",
        "out/",
        "loop",
        "pipe",
        "sub",
        "absent",
        "a.txt/",
        "a.txt/b",
        "x" * 5000,
        "\ud800",
    ],
)
def test_refuses_everything_else(root: Path, path: str) -> None:
    assert resolve(root, path) is None


def test_the_root_itself_may_be_reached_by_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert resolve(tmp_path / "link", "a.txt") == os.path.realpath(root / "a.txt")


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("/".join))
def test_no_path_leaves_the_root(root: Path, path: str) -> None:
    found = resolve(root, path)
    assert found is None or found.startswith(os.path.realpath(root) + os.sep)
