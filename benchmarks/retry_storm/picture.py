"""Two panels over time: calls at the dependency's door, and users answered in time."""

from collections.abc import Sequence
from math import log10
from xml.sax.saxutils import escape

from benchmarks.retry_storm.measure import Storm
from benchmarks.retry_storm.peers import OURS
from benchmarks.retry_storm.report import Report

WIDTH, HEIGHT = 860, 600
LEFT, RIGHT = 80, 230
_CALLS, _USERS = (96, 286), (350, 520)
"""Top and bottom of each panel."""
_MOST = 10_000
_COLOURS = ("#d9480f", "#3f7fbf")
_STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de } .grid { stroke: #e4e8ec } .line { fill: none; stroke-width: 2 }
  .outage { fill: #f3f5f8 } .ours { stroke-width: 3 }
  text { fill: #1f2328; font-family: -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif }
  .title { font-size: 20px; font-weight: 600 } .soft { font-size: 12px; fill: #59636e } .name { font-size: 13px }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d } .grid { stroke: #21262d } .outage { fill: #161b22 }
    text { fill: #e6edf3 } .soft { fill: #9198a1 }
  }
"""


def render(report: Report) -> str:
    """The whole picture, as SVG: the runs with clients that do not honour `Retry-After`, the dependency hanging up."""
    storms = [storm for storm in report.storms if not storm.silent and not storm.honour]
    plan = report.plan
    length = len(storms[0].seconds) if storms else 1
    left, right = _x(plan.before, length), _x(plan.back, length)
    top, bottom = _CALLS[0], _USERS[1]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'role="img" aria-label="A retry storm through an outage">',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>',
        f'<rect class="outage" x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{bottom - top}"/>',
        _text("title", 28, 40, f"An outage of {plan.outage:g} s, and clients that try again"),
        _text("soft", 28, 60, f"{plan.rate:g} users a second, up to four attempts each; the API tries four times too."),
        _text("name", LEFT, top - 12, "calls a second at the dependency's door"),
        _text("name", LEFT, _USERS[0] - 12, "users answered in time"),
        *_grid(length),
    ]
    for place, storm in enumerate(storms):
        parts += _lines(storm, report.titles[storm.peer], place, length)
    parts.append(_text("soft", 28, HEIGHT - 20, f"{report.date.partition('T')[0]} · {report.machine.get('CPU', '')}"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(second: float, length: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / length


def _y_calls(calls: float) -> float:
    """On a scale of powers of ten; below one is one."""
    top, bottom = _CALLS
    return bottom - (bottom - top) * min(1.0, log10(max(calls, 1.0)) / log10(_MOST))


def _y_share(share: float) -> float:
    top, bottom = _USERS
    return bottom - (bottom - top) * min(1.0, share)


def _grid(length: int) -> list[str]:
    marks = [(_y_calls(calls), f"{calls:,}") for calls in (1, 10, 100, 1_000, 10_000)]
    marks += [(_y_share(share), f"{share:.0%}") for share in (0.0, 0.5, 1.0)]
    parts = []
    for y, told in marks:
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(_text("soft", LEFT - 10, y + 4, told, anchor="end"))
    for second in range(0, length + 1, 10):
        parts.append(_text("soft", _x(second, length), _USERS[1] + 20, f"{second} s", anchor="middle"))
    return parts


def _lines(storm: Storm, title: str, place: int, length: int) -> list[str]:
    calls = [_y_calls(second.calls) for second in storm.seconds]
    shares = [_y_share(second.good / second.users if second.users else 1.0) for second in storm.seconds]
    colour, look = _COLOURS[place % 2], "line ours" if storm.peer == OURS else "line"
    x, y = WIDTH - RIGHT + 16, _CALLS[0] + 12 + 44 * place
    return [
        _path(look, calls, colour, length),
        _path(look, shares, colour, length),
        f'<rect x="{x}" y="{y - 9}" width="14" height="4" fill="{colour}"/>',
        _text("name", x + 22, y, title),
        _text("soft", x + 22, y + 17, f"{storm.amplification:.2f} calls a user"),
    ]


def _path(look: str, heights: Sequence[float], colour: str, length: int) -> str:
    points = " ".join(f"{_x(number + 0.5, length):.1f},{y:.1f}" for number, y in enumerate(heights))
    return f'<polyline class="{look}" points="{points}" stroke="{colour}"/>'


def _text(look: str, x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
