"""How many connections a worker may have, so that all of them together fit the server: arithmetic, no I/O."""

from msgspec import Struct

from stanchion.errors import ConfigurationError


class Fleet(Struct, frozen=True, kw_only=True):
    """Who shares a database's connections."""

    workers: int
    """Of an instance."""
    instances: int = 1
    """Of the deployment: replicas in Kubernetes."""

    @property
    def processes(self) -> int:
        """That have connections at one time: a reload runs one new worker beside the old ones of each instance."""
        return (self.workers + 1) * self.instances


class Capacity(Struct, frozen=True, kw_only=True):
    """What a database server has to give."""

    most: int
    """`max_connections`."""
    reserved: int
    """For superusers: `superuser_reserved_connections`."""
    others: int = 0
    """Held by other programs now."""

    @property
    def free(self) -> int:
        """Connections there are for us."""
        return self.most - self.reserved - self.others


def share(connections: int, fleet: Fleet) -> int:
    """A worker's part of the fleet's connections.

    Raises:
        ConfigurationError: there are fewer connections than processes.
    """
    part = connections // fleet.processes
    if part < 1:
        raise ConfigurationError(
            f"connections={connections} for {_spelled(fleet)} leaves some without any; "
            f"give at least {fleet.processes}, or fewer workers or instances"
        )
    return part


def leftover(connections: int, fleet: Fleet) -> int:
    """The part of a worker that has a successor, and finishes what it owes: at a reload there may be such of all slots,
    and together they have what one has, as far as each has one.

    Raises:
        ConfigurationError: as `share`.
    """
    return max(1, share(connections, fleet) // fleet.workers)


def check(connections: int, fleet: Fleet, server: Capacity) -> None:
    """Refuse a budget that the server cannot keep.

    Raises:
        ConfigurationError: with the arithmetic.
    """
    part = share(connections, fleet)
    need = part * fleet.processes
    if need > server.free:
        raise ConfigurationError(
            f"the database gives {server.free} connections (max_connections {server.most} - {server.reserved} reserved"
            f" - {server.others} in use by others), and {part} for each of {_spelled(fleet)} are {need}; "
            f"declare connections={max(server.free, 0)} or fewer, raise max_connections, or put PgBouncer in between"
        )


def _spelled(fleet: Fleet) -> str:
    workers = f"({fleet.workers} workers + 1 while one is replaced)"
    return f"{fleet.processes} processes: {workers} x {fleet.instances} instances"
