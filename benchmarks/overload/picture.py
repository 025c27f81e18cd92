"""The goodput curves: for each peer, the share of its capacity that was answered in time, over the load."""

from collections.abc import Sequence
from math import log
from xml.sax.saxutils import escape

from benchmarks.overload.measure import Curve
from benchmarks.overload.peers import OURS
from benchmarks.overload.report import Report

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 250, 84, 60
_COLOURS = ("#3f7fbf", "#4c9a5b", "#8a63b8", "#9aa7b5")
_DOES = {"inline": "takes", "task": "waits for 5 ms, then takes"}
_STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de } .grid { stroke: #e4e8ec } .line { fill: none; stroke-width: 2 }
  .ours { stroke-width: 3.5 }
  text { fill: #1f2328; font-family: -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif }
  .title { font-size: 20px; font-weight: 600 } .soft { font-size: 12px; fill: #59636e } .name { font-size: 13px }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d } .grid { stroke: #21262d } text { fill: #e6edf3 }
    .soft { fill: #9198a1 }
  }
"""


def render(report: Report) -> str:
    """The whole picture, as SVG."""
    multiples = sorted({point.multiple for curve in report.curves for point in curve.points})
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'role="img" aria-label="Answers in time under overload">',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>',
        _text("title", 28, 40, "Answers in time, as a share of capacity"),
        _text(
            "soft",
            28,
            60,
            f"A request {_DOES[report.handler]} 2 ms of processor; in time is within 500 ms of when it was due.",
        ),
        *_grid(multiples),
    ]
    colours = iter(_COLOURS)
    for place, curve in enumerate(_ordered(report.curves)):
        colour = "#d9480f" if curve.peer == OURS else next(colours)
        parts += _line(curve, report.titles[curve.peer], colour, multiples, place)
    parts.append(_text("soft", 28, HEIGHT - 16, f"{report.date.partition('T')[0]} · {report.machine.get('CPU', '')}"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _ordered(curves: Sequence[Curve]) -> list[Curve]:
    return sorted(curves, key=lambda curve: -curve.points[-1].in_time / curve.capacity)


def _x(multiple: float, multiples: Sequence[float]) -> float:
    span = log(multiples[-1] / multiples[0]) or 1.0
    return LEFT + (WIDTH - LEFT - RIGHT) * log(multiple / multiples[0]) / span


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.1, share) / 1.1


def _grid(multiples: Sequence[float]) -> list[str]:
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(share)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(_text("soft", LEFT - 10, y + 4, f"{share:.0%}", anchor="end"))
    for multiple in multiples:
        parts.append(_text("soft", _x(multiple, multiples), HEIGHT - BOTTOM + 20, f"{multiple:g} x", anchor="middle"))
    return parts


def _line(curve: Curve, title: str, colour: str, multiples: Sequence[float], place: int) -> list[str]:
    points = [(_x(p.multiple, multiples), _y(p.in_time / curve.capacity)) for p in curve.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    look = "line ours" if curve.peer == OURS else "line"
    share = curve.points[-1].in_time / curve.capacity
    y = TOP + 16 + 24 * place
    return [
        f'<polyline class="{look}" points="{path}" stroke="{colour}"/>',
        f'<rect x="{WIDTH - RIGHT + 24}" y="{y - 9}" width="14" height="4" fill="{colour}"/>',
        _text("name", WIDTH - RIGHT + 46, y, f"{title}: {share:.0%}"),
    ]


def _text(look: str, x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
