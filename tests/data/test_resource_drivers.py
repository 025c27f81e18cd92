"""The errors that pymongo and cassandra-driver themselves raise where nothing listens, behind `app.resource`.

There is no MongoDB and no Cassandra to start here: what is tested is that their failures are failures, that they become
answers, and that an error which is an answer of theirs stays one.
"""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from cassandra import InvalidRequest, OperationTimedOut, Unavailable
from cassandra import Timeout as CassandraTimeout
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.connection import ConnectionException
from cassandra.policies import RoundRobinPolicy
from pymongo import AsyncMongoClient
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from stanchion import App
from stanchion.data.resource import Resource
from stanchion.deadline import shorten
from stanchion.errors import GatewayTimeout, ServiceUnavailable
from tests.data.conftest import run
from tests.ports import free_port

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
MONGO = (ConnectionFailure, ExecutionTimeout)
CASSANDRA = (NoHostAvailable, OperationTimedOut, Unavailable, CassandraTimeout, ConnectionException)

Mongo = AsyncMongoClient[dict[str, Any]]


@pytest.fixture(autouse=True)
def unclosed() -> Iterator[None]:
    """Neither driver closes every socket that it could not connect: they are collected before another test."""
    yield
    gc.collect()


def mongo(wait: int) -> Resource[Mongo]:
    """A client whose server is not there, and which waits for it for so many milliseconds."""
    port = free_port()

    async def connect() -> Mongo:
        return AsyncMongoClient("127.0.0.1", port, serverSelectionTimeoutMS=wait)

    return App("shop").resource(
        "mongo", open=connect, close=AsyncMongoClient.close, check=ping, retries=0, failures=MONGO
    )


async def ping(client: Mongo) -> None:
    await client.admin.command("ping")


async def find(client: Mongo, key: int) -> Any:
    return await client.shop.items.find_one({"_id": key})


def test_a_mongo_that_is_not_there() -> None:
    async def work() -> None:
        resource = mongo(wait=50)
        await resource.open()
        with pytest.raises(ServiceUnavailable) as raised:
            await resource.call(find, 7)
        assert isinstance(raised.value.__cause__, ServerSelectionTimeoutError)
        assert raised.value.code == "dependency-unavailable"
        with pytest.raises(ServiceUnavailable):
            async with resource.client() as client:
                await find(client, 7)
        with pytest.raises(ServerSelectionTimeoutError):
            await resource.check()
        await resource.close()

    run(work)


def test_the_deadline_is_sooner_than_mongos_own() -> None:
    async def work() -> None:
        resource = mongo(wait=30_000)
        await resource.open()

        async def hurried() -> Any:
            shorten(asyncio.get_running_loop().time() + 0.2)
            return await resource.call(find, 7)

        with pytest.raises(GatewayTimeout) as raised:
            await asyncio.create_task(hurried())
        assert raised.value.code == "dependency-timeout"
        await resource.close()

    run(work)


MONGO_GONE = [
    NetworkTimeout("timed out"),
    NotPrimaryError("not primary"),
    WaitQueueTimeoutError("pool"),
    ExecutionTimeout("operation exceeded time limit", 50),
]
CASSANDRA_GONE = [
    OperationTimedOut({"127.0.0.1": "timeout"}),
    Unavailable("unavailable", consistency=1, required_replicas=2, alive_replicas=1),
    NoHostAvailable("none", {}),
]


@pytest.mark.parametrize(
    ("failures", "error"),
    [*((MONGO, error) for error in MONGO_GONE), *((CASSANDRA, error) for error in CASSANDRA_GONE)],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_drivers_failures_count_and_are_503(failures: tuple[type[Exception], ...], error: Exception) -> None:
    outcome, accepts = asked_once(failures, error)
    assert isinstance(outcome, ServiceUnavailable)
    assert (outcome.__cause__, accepts) == (error, 0)


@pytest.mark.parametrize(
    ("failures", "error"),
    [(MONGO, DuplicateKeyError("E11000", 11000)), (CASSANDRA, InvalidRequest("no such table"))],
)
def test_the_drivers_answers_stay_what_they_are(failures: tuple[type[Exception], ...], error: Exception) -> None:
    assert asked_once(failures, error) == (error, 1)


def asked_once(failures: tuple[type[Exception], ...], error: Exception) -> tuple[Exception | None, float]:
    """What comes of a call whose driver raises `error`, and how many calls count as answered."""
    seen: list[tuple[Exception | None, float]] = []

    async def connect() -> None:
        """A client that is not used."""

    async def failing(client: None) -> None:
        raise error

    async def work() -> None:
        resource = App("shop").resource("store", open=connect, retries=0, failures=failures)
        outcome = None
        try:
            await resource.call(failing)
        except Exception as raised:
            outcome = raised
        seen.append((outcome, resource.statistics()["accepts"]))

    run(work)
    return seen[0]


def test_a_cassandra_that_is_not_there() -> None:
    port = free_port()

    async def connect() -> Session:
        """A cluster each time: one that could not connect is shut down for good."""
        profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy())
        cluster = Cluster(["127.0.0.1"], port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
        return await asyncio.to_thread(cluster.connect)

    async def none(session: Session) -> None:
        """A call that is never made."""

    async def work() -> None:
        resource = App("shop").resource("cassandra", open=connect, retries=0, failures=CASSANDRA)
        await resource.open()
        for _ in range(2):
            with pytest.raises(ServiceUnavailable) as raised:
                await resource.call(none)
            assert isinstance(raised.value.__cause__, NoHostAvailable)
        await resource.close()

    run(work)
