"""Analytics of a served app: over a table of each database and over files; what goes beyond a limit is ended, and the
rest goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from stanchion import App
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.wire.client import get
from tests.wire.reader import Answer
from tests.wire.serving import Serving

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range + b.range) = 1"
LARGE = "SELECT count(*) FROM (SELECT DISTINCT range, md5(range::text) FROM range(10000000))"


class Sale(Struct):
    id: int
    shop: str
    amount: float
    note: str | None = None


class Total(Struct):
    shop: str
    sales: int
    amount: float


def shops(url: str, files: dict[str, str]) -> App:
    app = App("shops", timeout=30)
    database = app.database(url, connections=4)
    reports = app.analytics(
        database=database, tables=["sales"], files=files, memory="64MiB", timeout=10, largest=100, max_age=0
    )

    @app.lifespan
    async def tables(app: App) -> Any:
        await database.execute("DROP TABLE IF EXISTS sales")
        await database.execute(
            "CREATE TABLE sales (id integer PRIMARY KEY, shop text, amount double precision, note text)"
        )
        for number in range(8):
            await database.insert(Sale(number, "north" if number % 2 else "south", number / 3))
        yield

    @app.get("/totals")
    async def totals(least: float = 0) -> list[Total]:
        grouped = "SELECT shop, count(*) AS sales, sum(amount) AS amount FROM sales WHERE amount >= $1 GROUP BY shop"
        return await reports.all(Total, f"{grouped} ORDER BY shop", least)

    @app.get("/sell/{id}")
    async def sell(id: int) -> Sale:
        return await database.insert(Sale(id, "north", 1000.0))

    @app.get("/named")
    async def named() -> list[str]:
        return await reports.all(str, "SELECT DISTINCT name FROM sales JOIN names USING (shop) ORDER BY name")

    @app.get("/ask")
    async def ask(sql: str) -> Any:
        return await reports.one(Any, sql)

    quick = app.analytics("quick", timeout=1)

    @app.get("/endless", timeout=2)
    async def endless() -> Any:
        return await reports.one(int, ENDLESS)

    @app.get("/late")
    async def late() -> Any:
        return await quick.one(int, ENDLESS)

    @app.get("/figures")
    async def figures() -> dict[str, int]:
        return reports.statistics()

    return app


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)], scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """An app on a database of each kind."""
    folder: Path = tmp_path_factory.mktemp("shops")
    (folder / "names-1.csv").write_text("shop,name\nnorth,Northern\n")
    (folder / "names-2.csv").write_text("shop,name\nsouth,Southern\n")
    url = f"sqlite:///{folder / 'shops.db'}"
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        url = postgres.url
    serving = Serving("uvloop", shops(url, {"names": str(folder / "names-*.csv")}), processes=1)
    yield serving
    errors = serving.stop()
    assert all("/ask" in error for error in errors), errors


def asked(served: Serving, path: str) -> Answer:
    with served.connect() as client:
        return client.send(get(path.replace(" ", "%20"))).answer()


def found(served: Serving, path: str) -> Any:
    answer = asked(served, path)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def test_a_table_is_as_new_as_was_declared(served: Serving) -> None:
    before = found(served, "/totals?least=1")
    assert before == [
        {"shop": "north", "sales": 3, "amount": 5.0},
        {"shop": "south", "sales": 2, "amount": pytest.approx(10 / 3)},
    ]
    found(served, "/sell/100")
    assert found(served, "/totals?least=1")[0] == {"shop": "north", "sales": 4, "amount": 1005.0}


def test_files_beside_tables(served: Serving) -> None:
    assert found(served, "/named") == ["Northern", "Southern"]


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["code"]


def test_a_runaway_is_ended_at_the_deadline(served: Serving) -> None:
    with served.connect() as client:
        client.send(get("/endless"))
        assert any(found(served, "/figures")["in_use"] for _ in range(100))  # the loop goes on meanwhile
        late = client.answer()  # by whose clock is for the machine's load to decide
        assert problem(late) in [(504, "analytics-timeout"), (504, "deadline-exceeded")]
    assert len(found(served, "/totals")) == 2
    assert found(served, "/figures")["in_use"] == 0


def test_a_runaway_is_ended_at_the_end_of_its_own_time(served: Serving) -> None:
    assert problem(asked(served, "/late")) == (504, "analytics-timeout")
    assert len(found(served, "/totals")) == 2


def test_a_limit_of_memory_ends_the_query_alone(served: Serving) -> None:
    answer = asked(served, f"/ask?sql={LARGE}")
    assert problem(answer) == (503, "analytics-memory")
    assert len(found(served, "/totals")) == 2


def test_a_result_has_so_many_rows_and_no_more(served: Serving) -> None:
    assert found(served, "/ask?sql=SELECT range FROM range(100)") == 0
    answer = asked(served, "/ask?sql=SELECT range FROM range(101)")
    assert problem(answer) == (500, "analytics-too-large")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY sales TO 'stolen.csv'",
        "INSERT INTO sales VALUES (1)",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "SET memory_limit = '10GB'",
        "SELECT nothing FROM sales",
    ],
)
def test_a_query_reads_its_tables_and_does_nothing_else(served: Serving, statement: str) -> None:
    answer = asked(served, f"/ask?sql={statement}")
    assert problem(answer) == (500, "internal-error")
    assert len(found(served, "/totals")) == 2
