"""A page of metrics as it is written: families and their samples, in either format. See `exposition`."""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from itertools import accumulate

from stanchion.telemetry.histogram import bucket_of
from stanchion.telemetry.snapshot import Series, Tally

_BOUNDS = [(bucket_of(1 << power), str((1 << power) / 1e6)) for power in range(7, 27)]
"""Powers of two from 128 µs to 67 s, as the bucket that begins there and as seconds. They are the histogram's own
bounds, so that nothing is estimated; all its 105 would be five times the page for what a graph does not show."""


class Page:
    """Lines, and how the format at hand announces a family and writes a sample."""

    def __init__(self, openmetrics: bool) -> None:
        self.lines: list[str] = []
        self._openmetrics = openmetrics
        self._name = ""

    def family(self, name: str, kind: str, about: str) -> None:
        """Announce the family whose samples follow."""
        name = f"stanchion_{name}"
        suffix = {"counter": "_total", "info": "_info"}.get(kind, "")
        self._name = name + suffix
        if not self._openmetrics:
            name, kind = self._name, "gauge" if kind == "info" else kind
        self.lines += (f"# HELP {name} {about}", f"# TYPE {name} {kind}")
        unit = name.rpartition("_")[2]
        if self._openmetrics and unit in ("seconds", "bytes"):
            self.lines.append(f"# UNIT {name} {unit}")

    def sample(self, value: float, **labels: str) -> None:
        """A sample of the family."""
        self.lines.append(f"{self._name}{_braced(_labels(labels.items()))} {value}")

    def histogram(self, series: Series) -> None:
        """A series' durations as cumulative counts.

        A duration is kept in whole microseconds, rounded down, so those below a bound are those up to it.
        """
        labels = _labels((("method", series.method), ("route", series.route)))
        below = [0, *accumulate(series.buckets)]
        for bucket, bound in _BOUNDS:
            self.lines.append(f'{self._name}_bucket{{{labels},le="{bound}"}} {below[bucket]}')
        self.lines.append(f'{self._name}_bucket{{{labels},le="+Inf"}} {below[-1]}')
        self.lines.append(f"{self._name}_sum{{{labels}}} {series.microseconds / 1e6}")
        self.lines.append(f"{self._name}_count{{{labels}}} {below[-1]}")


def outcomes(page: Page, label: str, tallies: Sequence[Tally], cells: Mapping[str, IntEnum]) -> None:
    """Each tally's share of the family that has begun, by outcome."""
    for tally in tallies:
        for outcome, cell in cells.items():
            page.sample(tally.cells[cell], **{label: tally.name, "outcome": outcome})


def totals(page: Page, label: str, tallies: Sequence[Tally], families: Iterable[tuple[str, IntEnum, str]]) -> None:
    """A family for each of what the tallies count besides."""
    for name, cell, about in families:
        page.family(name, "counter", about)
        for tally in tallies:
            page.sample(tally.cells[cell], **{label: tally.name})


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _escaped(value: str) -> str:
    r"""A label's value: a backslash, a quote and a line feed become `\\`, `\"` and `\n`."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
