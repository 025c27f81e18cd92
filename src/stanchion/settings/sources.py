"""Where settings come from: a flag, else the environment, else stanchion.toml, else the default.

A mistake stops the start. A variable or key that is misspelt would otherwise be a default nobody chose.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from stanchion.errors import SettingsError
from stanchion.settings.fields import SETTINGS, Settings
from stanchion.settings.setting import PREFIX

FILE = "stanchion.toml"
"""Read from the working directory if it is there."""
FILE_VARIABLE = PREFIX + "CONFIG"
"""Names another file; the only variable with the prefix that is not a setting."""
_KUBERNETES = (
    "Kubernetes sets such variables in every pod for a Service named 'stanchion': "
    "set enableServiceLinks: false in the pod, or rename the Service"
)


class Loaded(Struct, frozen=True, kw_only=True):
    """The effective settings, and where each that is no default came from."""

    settings: Settings
    origins: Mapping[str, str]
    """By name: `--port`, `STANCHION_PORT`, or the file's path."""


class _Given(Struct, frozen=True, kw_only=True):
    """A value as found: what to call it in a message, and how to undo it."""

    name: str
    raw: object
    origin: str
    shown: str
    undo: str


def load(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    file: str | None = None,
) -> Loaded:
    """The effective settings from `flags` (raw values by field name), `environ` (the process's own by
    default) and `file` (by default the one STANCHION_CONFIG names, else stanchion.toml of the working
    directory, if there).

    Raises:
        SettingsError: an unknown name, a value out of range, or a file that cannot be read.
    """
    environ = os.environ if environ is None else environ
    found = [*_from_file(file, environ), *_from_environment(environ), *_from_flags(flags or {})]
    values = {given.name: _parse(given) for given in found}
    return Loaded(settings=Settings(**values), origins={given.name: given.origin for given in found})


def _from_flags(flags: Mapping[str, object]) -> Iterable[_Given]:
    for name, raw in flags.items():
        flag = SETTINGS[name].flag
        yield _Given(name=name, raw=raw, origin=flag, shown=f"{flag} {raw}", undo="leave it out")


def _from_environment(environ: Mapping[str, str]) -> Iterable[_Given]:
    variables = {setting.variable: name for name, setting in SETTINGS.items()}
    for variable, raw in environ.items():
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE or not raw:
            continue  # an empty variable counts as unset: compose files pass those on
        injected = raw.startswith("tcp://") or variable.startswith(f"{PREFIX}SERVICE_")
        by_kubernetes = f". {_KUBERNETES}" if injected else ""
        if variable not in variables:
            raise SettingsError(f"unknown variable {variable}{by_kubernetes or _mend(variable, variables)}")
        undo = f"unset it{by_kubernetes}"
        yield _Given(name=variables[variable], raw=raw, origin=variable, shown=f"{variable}={raw}", undo=undo)


def _from_file(file: str | None, environ: Mapping[str, str]) -> Iterable[_Given]:
    named = file or environ.get(FILE_VARIABLE)
    path = Path(named or FILE)
    if not named and not path.exists():
        return
    for name, raw in _read(path).items():
        if name not in SETTINGS:
            raise SettingsError(f"{path}: unknown key {name!r}{_mend(name, SETTINGS)}")
        shown = f"{path}: {name} = {json.dumps(raw, default=str)}"
        yield _Given(name=name, raw=raw, origin=str(path), shown=shown, undo="leave it out")


def _mend(wrong: str, known: Iterable[str]) -> str:
    bare = {name.removeprefix(PREFIX).lower(): name for name in known}  # the prefix would make all names alike
    near = difflib.get_close_matches(wrong.removeprefix(PREFIX).lower(), bare, n=1)
    return f"; did you mean {bare[near[0]]}?" if near else "; `stanchion settings` lists what there is"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; name a file that can be read") from None
    except ValueError as error:  # not UTF-8, or not TOML: the message has line and column
        raise SettingsError(f"{path}: not a TOML file: {error}") from None


def _parse(given: _Given) -> Any:
    setting = SETTINGS[given.name]
    try:
        return setting.parse(given.raw)
    except ValueError:
        example = setting.example and f", {setting.example}"
        expected = f"expected {setting.expected}{example}"
    shown = f"{given.name} from {given.origin}" if setting.unit == "secret" else given.shown
    raise SettingsError(f"{shown}: {expected}; correct it or {given.undo}")
