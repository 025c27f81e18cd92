"""What asyncpg raises, as the database's failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stanchion.data.failures import (
    ConstraintViolated,
    DatabaseConflict,
    DatabaseReadOnly,
    DatabaseTimeout,
    DatabaseUnavailable,
    ValueRefused,
)
from stanchion.errors import ConfigurationError

_POOLED = (
    "a prepared statement was gone, or another's: what is between the app and PostgreSQL gives each transaction another"
    " connection, as PgBouncer does; give app.database(..., prepared=False)"
)


def driver_module() -> Any:
    """asyncpg, which is imported where a database needs it.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import asyncpg
    except ImportError:
        raise ConfigurationError("PostgreSQL needs a driver; install stanchion[postgresql]") from None
    return asyncpg


@contextmanager
def translated(driver: Any) -> Iterator[None]:
    """What goes wrong in the block is raised as one of `failures`, or as what it is where it is none of them.

    Raises:
        ConfigurationError: the server does not let this app in, or a pooler needs `prepared=False`.
    """
    try:
        yield
    except driver.IntegrityConstraintViolationError as error:
        raise ConstraintViolated(error.constraint_name or error.column_name or "a constraint") from error
    except (TimeoutError, driver.QueryCanceledError) as error:
        raise DatabaseTimeout from error
    except driver.ReadOnlySQLTransactionError as error:
        raise DatabaseReadOnly from error
    except (driver.TransactionRollbackError, driver.LockNotAvailableError) as error:
        raise DatabaseConflict from error
    except (driver.InvalidSQLStatementNameError, driver.DuplicatePreparedStatementError) as error:
        raise ConfigurationError(_POOLED) from error
    except (OSError, driver.PostgresConnectionError, driver.CannotConnectNowError) as error:
        raise DatabaseUnavailable from error
    except (driver.InsufficientResourcesError, driver.OperatorInterventionError) as error:
        raise DatabaseUnavailable from error
    except (driver.InvalidAuthorizationSpecificationError, driver.InvalidCatalogNameError) as error:
        raise ConfigurationError(f"the database refuses: {error}; see user, password and name in its URL") from None
    except driver.InternalClientError as error:  # the server has ended the connection, which asyncpg is to notice yet
        raise DatabaseUnavailable from error
    except driver.DataError as error:
        if "out of" in str(error) or isinstance(error, _beyond(driver)):
            raise ValueRefused from error
        raise
    except driver.InterfaceError as error:
        if "connection" not in str(error) and "pool" not in str(error):
            raise
        raise DatabaseUnavailable from error


def _beyond(driver: Any) -> tuple[type[Exception], ...]:
    """What the server says of values; asyncpg itself says that a number is "out of range"."""
    return (
        driver.CharacterNotInRepertoireError,
        driver.DatetimeFieldOverflowError,
        driver.InvalidTextRepresentationError,
        driver.NumericValueOutOfRangeError,
        driver.StringDataRightTruncationError,
        driver.UntranslatableCharacterError,
    )
