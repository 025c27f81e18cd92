"""Print the effective settings and where each came from, or explain one of them."""

import argparse
from collections.abc import Mapping

from stanchion.cli.arguments import add_settings, load_settings
from stanchion.cli.terminal import as_json, paint, table
from stanchion.errors import SettingsError
from stanchion.settings.fields import SETTINGS
from stanchion.settings.reference import documentation, markdown
from stanchion.settings.setting import Setting
from stanchion.settings.sources import Loaded

_EXAMPLES = """\
examples:
  stanchion settings                              what `stanchion serve` would run with here
  stanchion settings keep_alive_timeout           what one of them is for
  stanchion settings --max-body 4MiB --json       for a program, with flags as for `serve`
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """One setting's name, the form of the answer, and the flags of `serve`."""
    parser.usage = "stanchion settings [NAME | --json | --reference] [SETTING ...]"
    parser.epilog = _EXAMPLES
    parser.add_argument("name", nargs="?", metavar="NAME", help="explain this setting")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON; sizes in bytes, durations in seconds")
    form.add_argument("--reference", action="store_true", help="print the reference page, in Markdown")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print."""
    if arguments.reference:
        print(markdown(), end="")
        return 0
    loaded = load_settings(arguments)
    if arguments.name:
        print(_explain(arguments.name, loaded))
    elif arguments.json:
        print(as_json(_as_data(loaded)))
    else:
        rows = [
            (name, setting.show(getattr(loaded.settings, name)), loaded.origins.get(name, "default"))
            for name, setting in SETTINGS.items()
        ]
        print(table(("Setting", "Value", "From"), rows, ("cyan", "", "dim")))
    return 0


def _as_data(loaded: Loaded) -> Mapping[str, object]:
    return {
        name: {"value": _plain(setting, loaded), "from": loaded.origins.get(name, "default")}
        for name, setting in SETTINGS.items()
    }


def _plain(setting: Setting, loaded: Loaded) -> object:
    value: object = getattr(loaded.settings, setting.name)
    return setting.show(value) if setting.unit == "secret" and value is not None else value


def _explain(name: str, loaded: Loaded) -> str:
    setting = SETTINGS.get(name.removeprefix("--").replace("-", "_"))
    if setting is None:
        raise SettingsError(f"no setting {name!r}; `stanchion settings` lists them")
    value = setting.show(getattr(loaded.settings, setting.name))
    return "\n".join(
        (
            f"{paint(setting.name, 'bold')} = {value} (from {loaded.origins.get(setting.name, 'default')})",
            documentation()[setting.name],
            f"Takes {setting.expected}; default {setting.show(setting.default)}.",
            f"Spelt {setting.usage}, {setting.variable}, or {setting.name} in the file.",
        )
    )
