"""Sizes in bytes and durations in seconds, as people write them: `64KiB`, `500ms`.

Sizes are powers of 1024 with the IEC names only: `KB` means 1000 to some and 1024 to others, so it is
refused.
"""

import re
from collections.abc import Mapping
from typing import Final

KiB: Final = 1 << 10
MiB: Final = 1 << 20
GiB: Final = 1 << 30
TiB: Final = 1 << 40

_SIZES: Final = {"TiB": TiB, "GiB": GiB, "MiB": MiB, "KiB": KiB, "B": 1}
_MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_NUMBER = re.compile(r"(\d+)(\.\d+)? ?([a-z]*)", re.ASCII | re.IGNORECASE)


def parse_size(text: str) -> int:
    """Bytes from `65536`, `64KiB`, `1 MiB`; the unit's case does not matter.

    Raises:
        ValueError: it is none of these.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None or match[2]:
        raise ValueError(f"not a size: {text!r}")
    return int(match[1]) * _scale(match[3] or "B", _SIZES)


def parse_duration(text: str) -> float:
    """Seconds from `10`, `2.5`, `500ms`, `10s`, `5m`, `1h`.

    Raises:
        ValueError: it is none of these.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    return float(match[1] + (match[2] or "")) * _scale(match[3] or "s", _MILLISECONDS) / 1_000


def show_size(size: int) -> str:
    """The shortest exact spelling that `parse_size` reads back."""
    return _show(size, _SIZES)


def show_duration(seconds: float) -> str:
    """The shortest exact spelling that `parse_duration` reads back, down to a millisecond."""
    milliseconds = float(seconds) * 1_000
    return _show(int(milliseconds), _MILLISECONDS) if milliseconds.is_integer() else f"{seconds}s"


def _scale(unit: str, scales: Mapping[str, int]) -> int:
    for name, scale in scales.items():
        if name.lower() == unit.lower():
            return scale
    raise ValueError(f"not a unit: {unit!r}")


def _show(value: int, scales: Mapping[str, int]) -> str:
    for name, scale in scales.items():
        if value and value % scale == 0:
            return f"{value // scale}{name}"
    return "0"
