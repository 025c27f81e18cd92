"""Print an app's routes with their effective policies, outermost first: what app, router and route declare,
merged."""

import argparse
import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from stanchion.app import App
from stanchion.cli.arguments import add_app
from stanchion.cli.terminal import as_json, table
from stanchion.errors import ConfigurationError
from stanchion.routing.route import Route
from stanchion.target import load_app

_EXAMPLES = """\
examples:
  stanchion routes app:app                                   a table
  stanchion routes app:app --json                            the same for a program
  stanchion routes app:app --source GET /airports/{iata}     the code made of one route's signature
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The app, and the form of the answer."""
    parser.epilog = _EXAMPLES
    add_app(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument(
        "--source",
        nargs=2,
        metavar=("METHOD", "PATH"),
        help="print the source made to bind one route's request",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print; the app is compiled, so a route that could not be served is an error here too."""
    app = load_app(arguments.app, show_traceback=arguments.traceback)
    if arguments.source:
        print(_source(app, *arguments.source), end="")
        return 0
    routes = app.compile().app.routes
    if arguments.json:
        print(as_json(list(map(_as_data, routes))))
    elif not routes:
        print(f"{app.name} has no routes")
    else:
        rows = [(r.method, r.template, _place(r.handler), " ".join(map(_policy, r.policies)) or "-") for r in routes]
        print(table(("Method", "Path", "Handler", "Policies"), rows, ("green", "cyan", "", "yellow")))
    return 0


def _source(app: App, method: str, template: str) -> str:
    for compiled in app.compile().routes:
        if (compiled.route.method, compiled.route.template) == (method.upper(), template):
            return compiled.binding.source.rstrip() + "\n"
    raise ConfigurationError(
        f"no route {method.upper()} {template}; give method and path as `stanchion routes` prints them"
    )


def _as_data(route: Route) -> dict[str, Any]:
    return {
        "method": route.method,
        "path": route.template,
        "handler": _place(route.handler),
        "name": route.name,
        "policies": [_policy(policy) for policy in route.policies],
    }


def _place(handler: Callable[..., Any]) -> str:
    """Module and qualified name, of the function itself where it is decorated."""
    function = inspect.unwrap(handler)
    return f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def _policy(policy: object) -> str:
    """`Timeout(seconds=0.5)`: only what differs from the policy's own defaults."""
    fields = msgspec.structs.fields(type(policy)) if isinstance(policy, msgspec.Struct) else ()
    given = [(field.name, getattr(policy, field.name), field.default) for field in fields]
    shown = ", ".join(f"{name}={_value(value)}" for name, value, default in given if value != default)
    return f"{type(policy).__name__}({shown})"


def _value(value: object) -> str:
    return str(getattr(value, "__qualname__", None) or repr(value))
