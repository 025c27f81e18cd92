"""What a database's failures become: each is an answer of its own, and none is a traceback for a client."""

from stanchion.errors import Conflict, GatewayTimeout, HTTPError, ServiceUnavailable

_RETRY = {"Retry-After": "1"}


class DatabaseUnavailable(ServiceUnavailable):
    """It cannot be reached, or has gone away in the middle (503). Whether a write took effect is then unknown."""

    code = "database-unavailable"

    def __init__(self, detail: str = "the database does not answer") -> None:
        super().__init__(detail, headers=_RETRY)


class DatabaseReadOnly(DatabaseUnavailable):
    """The server is a replica, and no primary or none any more: a failover is under way (503)."""

    def __init__(self) -> None:
        super().__init__("the database takes no writes now")


class DatabaseBusy(ServiceUnavailable):
    """Every connection was taken until the request's deadline, or the queue for one is full (503)."""

    code = "database-busy"

    def __init__(self, size: int) -> None:
        super().__init__(f"all {size} connections to the database are in use", headers=_RETRY)


class DatabaseConflict(ServiceUnavailable):
    """Another transaction was in the way: a deadlock, a lock that was not to be waited for, or one that does not go
    with this one by its isolation (503). This one has had no effect; another try may do."""

    code = "database-conflict"

    def __init__(self) -> None:
        super().__init__("another transaction was in the way, and nothing has changed", headers=_RETRY)


class DatabaseTimeout(GatewayTimeout):
    """A statement was cancelled at its deadline (504)."""

    code = "database-timeout"

    def __init__(self) -> None:
        super().__init__("the database did not answer in time")


class ConstraintViolated(Conflict):
    """A write was against a constraint of the schema: unique, foreign key, check or not null (409)."""

    code = "constraint-violated"

    def __init__(self, constraint: str) -> None:
        """`constraint` is its name, or what the database calls it."""
        super().__init__(f"the change is against {constraint}")
        self.constraint = constraint


class NotInserted(Conflict):
    """The schema has left a row out without an error: a trigger that returns NULL, or does RAISE(IGNORE) (409)."""

    code = "not-inserted"

    def __init__(self) -> None:
        super().__init__("the database has left the row out")


class ValueRefused(HTTPError):
    """A value is none that the column can hold: a number beyond its range, a text that is too long (422)."""

    status = 422
    code = "value-refused"

    def __init__(self) -> None:
        super().__init__("a value is beyond what the database can hold")


class AnalyticsBusy(ServiceUnavailable):
    """As many queries as may run at one time did so until the request's deadline, or the queue is full (503)."""

    code = "analytics-busy"

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} queries are at work already", headers=_RETRY)


class AnalyticsTimeout(GatewayTimeout):
    """A query had no result in its time, and was ended with its process (504)."""

    code = "analytics-timeout"

    def __init__(self) -> None:
        super().__init__("the query did not end in time")


class AnalyticsMemory(ServiceUnavailable):
    """A query needed more memory than it may have (503)."""

    code = "analytics-memory"

    def __init__(self) -> None:
        super().__init__("the query needs more memory than it may have", headers=_RETRY)


class AnalyticsTooLarge(HTTPError):
    """A result or a table has more rows than were declared (500): that a client asks again is of no use."""

    status = 500
    code = "analytics-too-large"
