"""What a database's failures become: each is an answer of its own, and none is a traceback for a client."""

from stanchion.errors import Conflict, GatewayTimeout, ServiceUnavailable

_RETRY = {"Retry-After": "1"}


class DatabaseUnavailable(ServiceUnavailable):
    """It cannot be reached, or has gone away in the middle (503). Whether a write took effect is then unknown."""

    code = "database-unavailable"

    def __init__(self, detail: str = "the database does not answer") -> None:
        super().__init__(detail, headers=_RETRY)


class DatabaseBusy(ServiceUnavailable):
    """Every connection was taken until the request's deadline, or the queue for one is full (503)."""

    code = "database-busy"

    def __init__(self, size: int) -> None:
        super().__init__(f"all {size} connections to the database are in use", headers=_RETRY)


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
