"""Look after an app's databases: say what would make them quicker, and bring their schema to its last revision."""

import argparse
import asyncio
from importlib.util import find_spec
from pathlib import Path

from stanchion.app import App
from stanchion.cli.arguments import add_app
from stanchion.cli.controlling import add_server
from stanchion.errors import ConfigurationError
from stanchion.target import load_app

_EXAMPLES = """\
examples:
  stanchion db advise app:app                              on what the running server was asked since its start
  stanchion db advise app:app --json                       the same for a program
  stanchion db advise app:app --copy                       SQLite: try missing indexes on a temporary copy of the file
  stanchion db advise app:app --copy postgresql://…/copy   try them on a database that may be changed
  stanchion db revision "flights have seats"               write migrations/0003_flights_have_seats.py, to fill in
  stanchion db migrate app:app                             apply the revisions that the database does not have yet
"""
_ADVISE = """\
Say what would make an app's databases quicker: missing and unused indexes, statements repeated within a request,
connections. It asks the database how it runs the statements that the server of this app was asked (--socket names one
where several run), else, for PostgreSQL, those that the extension pg_stat_statements knows of. It changes nothing. The
extension hypopg, where the database has it, tells what each missing index would bring; --copy tries it.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """What to do, with which app."""
    parser.epilog = _EXAMPLES
    actions = parser.add_subparsers(dest="action", metavar="advise|revision|migrate", required=True)
    _configure_advise(actions.add_parser("advise", help="say what would make them quicker", description=_ADVISE))
    revision = actions.add_parser("revision", help="write an empty revision of the schema, to fill in with SQL")
    revision.add_argument("message", metavar="MESSAGE", help="what it does, in a few words")
    migrate = actions.add_parser("migrate", help="apply the revisions that a database does not have yet")
    add_app(migrate)
    _add_database(migrate)
    migrate.add_argument("--to", metavar="REVISION", default="head", help="not to the last one, but to this")
    for each in (revision, migrate):
        each.add_argument("--folder", metavar="PATH", default="migrations", help="of the revisions [migrations]")


def _configure_advise(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    add_server(parser)
    _add_database(parser)
    parser.add_argument(
        "--copy",
        nargs="?",
        const="",
        metavar="URL",
        help="try missing indexes on a copy and print the gain; SQLite's is made, PostgreSQL's has to be named",
    )
    parser.add_argument("--json", action="store_true", help="print JSON; times in seconds, gains in milliseconds")


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", metavar="NAME", help="only this one of the app's")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    {"advise": _advise, "revision": _revision, "migrate": _migrate}[arguments.action](arguments)
    return 0


def _advise(arguments: argparse.Namespace) -> None:
    from stanchion.cli.advice import print_advice

    app = load_app(arguments.app, show_traceback=arguments.traceback)
    print_advice(app, _named(app, arguments.database), arguments)


def _revision(arguments: argparse.Namespace) -> None:
    _needs_alembic()
    from stanchion.data.migrations.migrating import new_revision

    print(new_revision(Path(arguments.folder), arguments.message))


def _migrate(arguments: argparse.Namespace) -> None:
    _needs_alembic()
    from stanchion.data.migrations.migrating import migrate

    app = load_app(arguments.app, show_traceback=arguments.traceback)
    names = _named(app, arguments.database)
    if len(names) > 1:
        raise ConfigurationError(f"the app has {', '.join(names)}; name one with --database, and its --folder")
    applied = asyncio.run(migrate(app.databases[names[0]].url, Path(arguments.folder), arguments.to))
    for line in applied:
        print(f"applied {line}")
    if not applied:
        print("nothing to apply: the schema is up to date")


def _needs_alembic() -> None:
    if find_spec("alembic") is None:
        raise ConfigurationError("migrations need Alembic; install stanchion[migrations]")


def _named(app: App, name: str | None) -> list[str]:
    if not app.databases:
        raise ConfigurationError(f"the app {app.name!r} has no database; declare one with app.database(url)")
    if name is not None and name not in app.databases:
        raise ConfigurationError(f"no database {name!r}; the app has {', '.join(app.databases)}")
    return list(app.databases) if name is None else [name]
