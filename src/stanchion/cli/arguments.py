"""What the commands' arguments have in common: the parser, the settings' flags, the app to load."""

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from stanchion.errors import ConfigurationError
from stanchion.settings.fields import SETTINGS
from stanchion.settings.reference import summary
from stanchion.settings.sources import FILE, FILE_VARIABLE, Loaded, load


class Parser(argparse.ArgumentParser):
    """argparse, with one line for a mistake, and with the nearest flag for a misspelt one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The arguments by name.

        Raises:
            ConfigurationError: one is missing, wrong or unknown.
        """
        found, unknown = self.parse_known_args(arguments)
        if unknown:
            flag = unknown[0].partition("=")[0]
            near = difflib.get_close_matches(flag, re.findall(r"--[a-z-]+", self.format_help()), n=1)
            mend = f"did you mean {near[0]}?" if near else f"`{self.prog} --help` lists them"
            raise ConfigurationError(f"unknown argument {unknown[0]}; {mend}")
        return found

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message}; `{self.prog} --help` shows how")


def add_app(parser: argparse.ArgumentParser) -> None:
    """The app's place, and whether to show the whole traceback when it cannot be imported."""
    parser.add_argument(
        "app",
        metavar="MODULE:APP",
        help="the module, found from the working directory, and the app's name in it",
    )
    parser.add_argument(
        "--traceback", action="store_true", help="show the whole traceback when the app cannot be imported"
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting. Values stay text: one place checks them, whatever their source."""
    group = parser.add_argument_group(
        "settings", "Each also by environment variable and file; see `stanchion settings`."
    )
    group.add_argument("--config", metavar="FILE", help=f"read this file [{FILE_VARIABLE}, else ./{FILE}]")
    for setting in SETTINGS.values():
        text = f"{summary(setting)} [{setting.show(setting.default)}]".replace("%", "%%")
        if setting.is_switch:
            group.add_argument(setting.flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            group.add_argument(setting.flag, metavar=setting.placeholder, help=text)


def given_settings(arguments: argparse.Namespace) -> dict[str, object]:
    """The settings named on the command line, by field."""
    values = {name: getattr(arguments, name) for name in SETTINGS}
    return {name: value for name, value in values.items() if value is not None}


def load_settings(arguments: argparse.Namespace) -> Loaded:
    """The effective settings: flags over environment over file over defaults.

    Raises:
        SettingsError: one of them is unknown or wrong.
    """
    return load(given_settings(arguments), file=arguments.config)
