"""The picture of cases (a) and (b): a bar a peer, written by hand as SVG so that the runner needs no library.

It brings its own ground: a page's theme is not known to an image (GitHub's switch does not reach it), so text
must never depend on what is behind it. Ground and text change together where the viewer prefers dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.cases import LOADS
from benchmarks.floors import OURS
from benchmarks.results import Figure, Report, ratio
from benchmarks.tables import times

WIDTH = 860
MARGIN = 28
NAMES = 190
BARS = 430
ROW, BAR = 26, 16
HEAD, PANEL_HEAD, PANEL_GAP, FOOT = 74, 52, 22, 44

_STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de }
  .bar { fill: #9aa7b5 } .ours { fill: #d9480f } .bare { fill: #d3dae1 }
  .track { fill: #f3f5f8 }
  text { fill: #1f2328; font-family: -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif }
  .title { font-size: 20px; font-weight: 600 } .case { font-size: 14px; font-weight: 600 }
  .name, .value { font-size: 13px } .soft, .ratio { font-size: 12px; fill: #59636e }
  .strong { font-weight: 700 } .accent { fill: #c2410c; font-weight: 700 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d }
    .bar { fill: #5b6876 } .ours { fill: #ff8a3d } .bare { fill: #39424d }
    .track { fill: #161b22 }
    text { fill: #e6edf3 } .soft, .ratio { fill: #9198a1 } .accent { fill: #ffa15c }
  }
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One line of a panel."""

    title: str
    value: float
    ratio: str
    look: str


def render(report: Report, bare: Sequence[str]) -> str:
    """The whole picture; peers named in `bare` are no frameworks and drawn paler."""
    panels = [(LOADS[letter].title, _bars(report, letter, bare)) for letter in "ab"]
    panels = [(title, bars) for title, bars in panels if bars]
    height = HEAD + FOOT + sum(PANEL_HEAD + ROW * len(bars) + PANEL_GAP for _, bars in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Requests per second by peer">',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
        _text("title", MARGIN, 40, "Requests per second, one core each"),
        _text("soft", MARGIN, 60, _subtitle(report)),
    ]
    top = HEAD
    for title, bars in panels:
        parts.extend(_panel(title, bars, top))
        top += PANEL_HEAD + ROW * len(bars) + PANEL_GAP
    parts.append(_text("soft", MARGIN, height - 20, _foot(report)))
    return "\n".join([*parts, "</svg>"]) + "\n"


def has_figures(report: Report) -> bool:
    """Whether there is anything to draw: a run need not hold case (a) or (b)."""
    return bool(report.of_case("a") or report.of_case("b"))


def _bars(report: Report, letter: str, bare: Sequence[str]) -> list[Bar]:
    figures = [figure for figure in report.of_case(letter) if figure.valid]
    ours = next((figure for figure in figures if figure.peer == OURS), None)
    return [_bar(report, figure, ours, bare) for figure in figures]


def _bar(report: Report, figure: Figure, ours: Figure | None, bare: Sequence[str]) -> Bar:
    compared = times(ratio(ours.per_second, figure.per_second)) if ours else ""
    return Bar(
        title=report.titles[figure.peer],
        value=figure.per_second,
        ratio=compared,
        look="ours" if figure.peer == OURS else "bare" if figure.peer in bare else "bar",
    )


def _panel(title: str, bars: Sequence[Bar], top: int) -> list[str]:
    """One case: its title, then a row a peer with name, bar, requests/s and how Stanchion compares."""
    most = max(bar.value for bar in bars)
    value_at, ratio_at = MARGIN + NAMES + BARS + 84, WIDTH - MARGIN
    parts = [
        _text("case", MARGIN, top + 22, title[:1].upper() + title[1:]),
        _text("soft", value_at, top + 42, "requests/s", anchor="end"),
        _text("soft", ratio_at, top + 42, "Stanchion is", anchor="end"),
    ]
    for place, bar in enumerate(bars):
        y = top + PANEL_HEAD + ROW * place
        middle = y + BAR - 3.5
        left = MARGIN + NAMES
        strong = " strong" if bar.look == "ours" else ""
        parts += [
            _text(f"name{strong}", MARGIN + NAMES - 12, middle, bar.title, anchor="end"),
            f'<rect class="track" x="{left}" y="{y}" width="{BARS}" height="{BAR}" rx="3"/>',
            f'<rect class="{bar.look}" x="{left}" y="{y}" width="{BARS * bar.value / most:.1f}" '
            f'height="{BAR}" rx="3"/>',
            _text(f"value{strong}", value_at, middle, f"{bar.value:,.0f}", anchor="end"),
            _text("accent ratio" if strong else "ratio", ratio_at, middle, bar.ratio, anchor="end"),
        ]
    return parts


def _subtitle(report: Report) -> str:
    settings = ", ".join(f"{value} {name}" for name, value in report.settings.items())
    return f"Server and load generator pinned to a core each; medians of interleaved rounds ({settings})."


def _foot(report: Report) -> str:
    day = report.date.partition("T")[0]
    parts = (day, report.machine.get("CPU"), report.machine.get("kernel"), "faint bars: bare servers")
    return " · ".join(part for part in parts if part)


def _text(look: str, x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text class="{look}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
