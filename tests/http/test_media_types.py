import pytest

from stanchion.http.media_types import media_type_of


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("/a.b/notes.TXT", "text/plain; charset=utf-8"),
        ("data.json", "application/json"),
        ("font.woff2", "font/woff2"),
        ("photo.webp", "image/webp"),
        ("module.wasm", "application/wasm"),
        ("backup.tar.gz", "application/gzip"),
        ("Makefile", "application/octet-stream"),
        ("x.unheard-of", "application/octet-stream"),
        (".gitignore", "application/octet-stream"),
    ],
)
def test_media_type_by_last_suffix(path: str, expected: str) -> None:
    assert media_type_of(path) == expected
