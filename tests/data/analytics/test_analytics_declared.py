"""How analytics are declared, and how many queries a worker has at one time."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from stanchion import App, HTTPError
from stanchion.data.analytics.analytics import Analytics, file_view
from stanchion.data.analytics.copies import Copies
from stanchion.data.analytics.options import AnalyticsOptions
from stanchion.data.failures import AnalyticsBusy
from stanchion.deadline import shorten
from stanchion.errors import ConfigurationError
from stanchion.offload.processes import Processes
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import BulkheadCell
from tests.data.conftest import run

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range + b.range) = 1"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory": "much"}, r"analytics\(memory='much'\): expected a size"),
        ({"memory": "1MiB"}, r"analytics\(memory='1MiB'\): expected 16MiB or more"),
        ({"threads": 0}, r"analytics\(threads=0\)"),
        ({"timeout": -1}, r"analytics\(timeout=-1\)"),
        ({"concurrency": 0}, r"analytics\(concurrency=0\)"),
        ({"max_age": -1}, r"analytics\(max_age=-1\)"),
        ({"tables": ["sales"]}, r"analytics\(tables=\['sales'\]\): give database="),
        ({"files": {"history": "history.xls"}}, r"history.xls'}\): expected .parquet, .csv"),
    ],
)
def test_what_cannot_be_is_said_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        App("reports").analytics(**options)


def test_names_are_there_once() -> None:
    app = App("reports")
    database = app.database("sqlite://:memory:")
    app.analytics()
    with pytest.raises(ConfigurationError, match="the analytics 'analytics' are there already"):
        app.analytics()
    with pytest.raises(ConfigurationError, match="two tables of the name 'sales'"):
        app.analytics("other", database=database, tables=["old.sales"], files={"sales": "sales.csv"})


def test_asked_before_the_start() -> None:
    reports = App("reports").analytics()
    with pytest.raises(ConfigurationError, match="asked before the app started"):
        asyncio.run(reports.one(int, "SELECT 1"))


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("a.parquet", "read_parquet"),
        ("a/*.csv", "read_csv"),
        ("a.csv.gz", "read_csv"),
        (Path("a.ndjson.zst"), "read_json"),
    ],
)
def test_the_end_of_a_name_says_how_a_file_is_read(path: str | Path, reader: str) -> None:
    assert file_view("a", path).reader == reader


def of_processes(processes: Processes, **options: Any) -> Analytics:
    settings = AnalyticsOptions(**options)
    analytics = Analytics("reports", Copies(None, (), settings), (), settings)
    analytics.open(processes.run)
    return analytics


def test_those_who_would_have_to_wait_too_long_are_turned_away() -> None:
    async def work() -> None:
        processes = Processes(2, 10, Decisions())
        reports = of_processes(processes, concurrency=1, waiting=1, timeout=30)

        async def impatient() -> None:
            shorten(asyncio.get_running_loop().time() + 0.1)
            await reports.one(int, "SELECT 1")

        endless = asyncio.create_task(reports.one(int, ENDLESS))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(impatient())
        await asyncio.sleep(0)
        with pytest.raises(AnalyticsBusy) as full:
            await reports.one(int, "SELECT 1")
        assert (full.value.status, full.value.code, full.value.headers) == (503, "analytics-busy", {"Retry-After": "1"})
        with pytest.raises(AnalyticsBusy):
            await waiting
        endless.cancel()
        await asyncio.wait({endless})
        assert await reports.one(int, "SELECT 1") == 1
        assert reports.statistics()["in_use"] == 0
        assert [reports.counts[cell] for cell in (BulkheadCell.SERVED, BulkheadCell.REFUSED)] == [2, 2]
        processes.close()

    run(work)


def test_a_process_that_is_killed_is_one_query_less() -> None:
    async def work() -> None:
        processes = Processes(1, 10, Decisions())
        reports = of_processes(processes)
        pid = await processes.run(os.getpid)
        endless = asyncio.create_task(reports.one(int, ENDLESS))
        await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(HTTPError) as died:
            await endless
        assert died.value.code == "process-died"
        assert await reports.one(int, "SELECT 2") == 2
        processes.close()

    run(work)
