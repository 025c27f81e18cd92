"""`MODULE:APP` to the app it names, with an error a person can act on.

Whatever it names is an `App` from here on: another framework's app is mounted at the root of one.
"""

import importlib
import os
import sys
import traceback
from types import ModuleType
from typing import Any

from stanchion.app import App
from stanchion.asgi.recognise import ASGI2, ASGI3, WSGI, kind_of
from stanchion.errors import ConfigurationError


def load_app(target: str, *, show_traceback: bool = False) -> App:
    """Import `MODULE:APP` with the working directory first on the path; `MODULE:create_app()` is called.

    Raises:
        ConfigurationError: there is no such module or name, its import failed, or it is neither an App nor an ASGI app.
    """
    module_name, colon, name = target.partition(":")
    if not (colon and module_name and name):
        raise ConfigurationError(f"{target!r} does not name an app; write MODULE:APP, such as {_guess(target)}")
    if module_name.endswith(".py") or "/" in module_name:
        raise ConfigurationError(f"{target!r} names a file; write the module: {_guess(module_name)[:-4]}:{name}")
    sys.path.insert(0, os.getcwd())
    module = _import(module_name, show_traceback)
    found = getattr(module, name.removesuffix("()"), None)
    if name.endswith("()"):
        found = _call(found, target, show_traceback)
    if isinstance(found, App):
        return found
    if found is not None and kind_of(found) == ASGI3:
        app = App(target)
        app.mount("/", found)
        return app
    raise ConfigurationError(_not_an_app(module, name, found))


def _call(factory: Any, target: str, show_traceback: bool) -> object:
    if not callable(factory):
        return factory
    try:
        return factory()
    except ConfigurationError:
        raise
    except Exception as error:
        if show_traceback:
            traceback.print_exc()
        raise ConfigurationError(f"{target} failed: {_where(error)}{type(error).__name__}: {error}") from None


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
    place = f"{module.__name__}:{name}"
    if found is None and name.endswith("()"):
        what = f"{place} has no app to give"
    elif found is None:
        what = f"module {module.__name__!r} has no {name!r}"
    else:
        what = f"{place} is {type(found).__name__}, neither a stanchion.App nor an ASGI 3 app"
        match kind_of(found):
            case kind if kind == ASGI2:
                return f"{what} but one of ASGI 2; wrap it: asgiref.compatibility.guarantee_single_callable({name})"
            case kind if kind == WSGI:
                return f"{what} but one of WSGI; wrap it: a2wsgi.WSGIMiddleware({name})"
            case _ if callable(found) and not name.endswith("()") and not isinstance(found, type):
                return f"{what}; if it makes one, write {place}()"
    apps = [f"{module.__name__}:{key}" for key, value in vars(module).items() if _is_app(value)]
    if apps:
        return f"{what}; it has {', '.join(apps)}"
    return f'{what}; make one: {name.removesuffix("()")} = stanchion.App("{module.__name__}")'


def _is_app(value: object) -> bool:
    return isinstance(value, App) or (not isinstance(value, type) and kind_of(value) == ASGI3)
