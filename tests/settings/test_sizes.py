import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.settings.sizes import TiB, parse_duration, parse_size, show_duration, show_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("65536", 65536), ("64KiB", 65536), ("1 MiB", 1 << 20), ("2gib", 2 << 30), ("0", 0), (" 7B ", 7)],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["1MB", "64k", "-1", "1.5MiB", "", "MiB", "1e6", "٣"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10", 10), ("2.5", 2.5), ("500ms", 0.5), ("10s", 10), ("5m", 300), ("1 h", 3600)]
)
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["-1s", "1d", "s", "", "1s500ms", "nan", "inf", ".5s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=TiB))
def test_a_shown_size_reads_back(size: int) -> None:
    assert parse_size(show_size(size)) == size


@given(st.integers(min_value=0, max_value=86_400_000))
def test_a_shown_duration_reads_back(milliseconds: int) -> None:
    assert parse_duration(show_duration(milliseconds / 1000)) == milliseconds / 1000


def test_shown_with_the_largest_unit_that_is_exact() -> None:
    assert [show_size(n) for n in (0, 240, 8192, 1 << 20, 1536)] == ["0", "240B", "8KiB", "1MiB", "1536B"]
    assert [show_duration(n) for n in (0, 0.01, 75, 300, 3600)] == ["0", "10ms", "75s", "5m", "1h"]
