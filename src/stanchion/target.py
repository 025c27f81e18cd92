"""`MODULE:APP` to the app it names, with an error a person can act on."""

import importlib
import os
import sys
import traceback
from types import ModuleType

from stanchion.app import App
from stanchion.errors import ConfigurationError


def load_app(target: str, *, show_traceback: bool = False) -> App:
    """Import `MODULE:APP` with the working directory first on the path.

    Raises:
        ConfigurationError: there is no such module or name, its import failed, or it is not an App.
    """
    module_name, colon, name = target.partition(":")
    if not (colon and module_name and name):
        raise ConfigurationError(f"{target!r} does not name an app; write MODULE:APP, such as {_guess(target)}")
    if module_name.endswith(".py") or "/" in module_name:
        raise ConfigurationError(f"{target!r} names a file; write the module: {_guess(module_name)[:-4]}:{name}")
    sys.path.insert(0, os.getcwd())
    module = _import(module_name, show_traceback)
    app = getattr(module, name, None)
    if isinstance(app, App):
        return app
    raise ConfigurationError(_not_an_app(module, name, app))


def _guess(target: str) -> str:
    return f"{target.strip(':').removesuffix('.py').strip('./').replace('/', '.') or 'app'}:app"


def _import(name: str, show_traceback: bool) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ConfigurationError:
        if show_traceback:
            traceback.print_exc()
        raise
    except Exception as error:
        if show_traceback:
            traceback.print_exc()
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"no module {error.name!r} in {os.getcwd()} or installed") from None
        message = f"cannot import {name!r}: {_where(error)}{type(error).__name__}: {error}"
        hint = "" if show_traceback else " (--traceback shows all of it)"
        raise ConfigurationError(message + hint) from None


def _where(error: Exception) -> str:
    """`app.py line 7: `, the last place in the user's own code, as far as it can be told."""
    if isinstance(error, SyntaxError) and error.filename:
        return ""  # its message names file and line
    frames = traceback.extract_tb(error.__traceback__)
    here = [frame for frame in frames if frame.filename.startswith(os.getcwd())]
    own = [frame for frame in here if "site-packages" not in frame.filename]
    return f"{os.path.relpath(own[-1].filename)} line {own[-1].lineno}: " if own else ""


def _not_an_app(module: ModuleType, name: str, found: object) -> str:
    apps = [f"{module.__name__}:{key}" for key, value in vars(module).items() if isinstance(value, App)]
    if found is None:
        what = f"module {module.__name__!r} has no {name!r}"
    else:
        what = f"{module.__name__}:{name} is not a stanchion.App but {type(found).__name__}"
    if apps:
        return f"{what}; it has {', '.join(apps)}"
    return f'{what}; make one: {name} = stanchion.App("{module.__name__}")'
