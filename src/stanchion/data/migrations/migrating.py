"""Revisions, made and applied."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from stanchion.data.migrations.engine import alone, connected
from stanchion.errors import ConfigurationError

_ENVIRONMENT = Path(__file__).with_name("environment")


def new_revision(folder: Path, message: str) -> Path:
    """An empty revision after the last, in `folder`, which is made if need be: `0003_flights_have_seats.py`.

    Raises:
        ConfigurationError: there is no single last one, or a revision cannot be imported.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = _config(folder)
    try:
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        made = command.revision(config, message, rev_id=f"{number:04}", version_path=str(folder))
    except CommandError as error:
        raise ConfigurationError(f"{folder}: {error}") from None
    assert made is not None
    assert not isinstance(made, list)
    return Path(made.path)


async def migrate(url: str, folder: Path, to: str = "head") -> list[str]:
    """Bring the database at `url` to a revision, by default to the last; returns what was applied, a line for each.

    All revisions are one transaction, unless one of them ends it (`op.get_context().autocommit_block()`). Of two that
    migrate at one time the second waits, and finds it done.

    Raises:
        ConfigurationError: there is no such folder or revision, the database does not answer, or it refuses a revision.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"no folder {folder}; `stanchion db revision MESSAGE` makes it with a first revision")
    applied: list[str] = []

    def upgrade(connection: Connection) -> None:
        alone(connection)
        config = _config(folder)
        config.attributes.update(connection=connection, applied=lambda **told: applied.append(_line(told["step"])))
        command.upgrade(config, to)

    try:
        await connected(url, upgrade)
    except CommandError as error:
        raise ConfigurationError(f"{folder}: {error}") from None
    except (DBAPIError, OSError) as error:
        raise ConfigurationError(_refused(error, applied)) from None
    return applied


def _config(folder: Path) -> Config:
    config = Config(cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", _escaped(_ENVIRONMENT))
    config.set_main_option("version_locations", _escaped(folder))
    config.set_main_option("path_separator", "newline")
    return config


def _escaped(path: Path) -> str:
    return str(path.resolve()).replace("%", "%%")


def _line(step: Any) -> str:
    [revision] = step.up_revisions
    return f"{revision.revision} {revision.doc}"


def _refused(error: Exception, applied: list[str]) -> str:
    cause = getattr(error, "orig", None) or error
    why = cause.__cause__ or cause  # of asyncpg, which SQLAlchemy puts into an exception of its own
    after = f" after {applied[-1]}, which is undone unless a later one has ended the transaction" if applied else ""
    return f"the database has refused to migrate{after}: {why}"
