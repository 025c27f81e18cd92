"""The report as a Markdown page, committed beside the picture."""

from benchmarks import svg, tables
from benchmarks.results import Report
from benchmarks.tables import Table


def render(report: Report) -> str:
    """The whole page: how it was measured, every table, what each peer was, the foot."""
    parts = [
        "# Stanchion beside its peers",
        _setting(report),
        *(["![requests per second](latest.svg)"] if svg.has_figures(report) else []),
        *(_table(table) for table in tables.build(report)),
        _versions(report),
    ]
    foot = tables.foot(report)
    if foot:
        parts.append("\n".join(f"- {line}" for line in foot))
    return "\n\n".join(parts) + "\n"


def _setting(report: Report) -> str:
    lines = [f"- date: {report.date}"]
    lines += [f"- {name}: {value}" for name, value in report.machine.items()]
    lines.append("- " + ", ".join(f"{value} {name}" for name, value in report.settings.items()))
    lines.append("- one core serves, another makes the load; medians of interleaved rounds")
    lines.append("- “Stanchion is”: Stanchion's requests/s over the peer's; spread: the rounds' range over the median")
    return "\n".join(lines)


def _table(table: Table) -> str:
    lines = [f"## {table.title}", "", _row(table.header), _row(("---", *("---:" for _ in table.header[1:])))]
    for place, row in enumerate(table.rows):
        lines.append(_row(tuple(f"**{cell}**" for cell in row) if place == table.ours else row))
    return "\n".join(lines)


def _versions(report: Report) -> str:
    lines = ["## What was measured", "", _row(("peer", "versions")), _row(("---", "---"))]
    for peer, packages in report.versions.items():
        told = ", ".join(f"{name} {version}" for name, version in packages.items())
        lines.append(_row((report.titles[peer], told)))
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
