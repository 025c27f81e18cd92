"""How the results of a function are kept, and what tells one call of it from another."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from string import Formatter
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from stanchion.cache.options import MEMORY, Scope, Seconds, misplaced
from stanchion.errors import ConfigurationError

_names: Counter[str] = Counter()
_plain = msgspec.msgpack.Encoder(order="deterministic").encode
"""Of arguments: what JSON writes alike, such as None and NaN, or bytes and their base64, are different calls."""


class FunctionOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the results of a function are kept; times are in seconds."""

    ttl: Annotated[float, Meta(gt=0, le=31_536_000)]
    """How long a result is fresh."""
    stale: Seconds = 0.0
    """How long after that it is still returned, while one call makes the next."""
    stale_if_error: Seconds = 0.0
    """How long after its freshness it is returned where the function raises."""
    tags: Sequence[str] = ()
    """What ends results before their time; `{name}` is filled in from the arguments."""
    key: Callable[..., str] | None = None
    """What a result depends on, from the arguments; needed where one of them is no plain value, such as a `self`."""
    tiers: Sequence[str] = (MEMORY,)
    """As for `Cache`; beyond memory the function needs a return annotation that msgspec can pack."""
    scope: Scope = "worker"
    """As for `Cache`."""
    name: str = "functions"
    """In metrics."""


def options_of(given: Mapping[str, Any]) -> FunctionOptions:
    """The options as they were given to `cached`.

    Raises:
        ConfigurationError: one is unknown or out of range, or does not go with another.
    """
    try:
        checked = msgspec.convert(given, FunctionOptions, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"cached(): {error}; give ttl in seconds, and see FunctionOptions") from None
    if wrong := misplaced(tuple(checked.tiers), checked.scope):
        raise ConfigurationError(f"cached({wrong})")
    return checked


class Calls:
    """Those of one function: the key of each, and its tags."""

    def __init__(self, function: Callable[..., Any], options: FunctionOptions) -> None:
        """
        Raises:
            ConfigurationError: a tag names an argument that the function has not.
        """
        self.name = _named(function)
        self._signature = signature(function)
        self._own = options.key
        self._tags = tuple(options.tags)
        for tag in self._tags:
            self._check(tag)

    def __repr__(self) -> str:
        return f"<Calls of {self.name}{self._signature}>"

    def key(self, args: Any, kwargs: Any) -> str:
        """What the result depends on.

        Raises:
            ConfigurationError: an argument is no plain value.
            TypeError: the function cannot be called so.
        """
        if self._own is not None:
            return f"call {self.name}\n{self._own(*args, **kwargs)}"
        arguments = self._arguments(args, kwargs)
        try:
            return f"call {self.name}\n{_plain(arguments).decode('latin-1')}"
        except (TypeError, NotImplementedError, OverflowError, RecursionError):
            raise ConfigurationError(
                f"an argument of {self.name} is no plain value; give cached(key=…), a function of the same arguments"
            ) from None

    def tags(self, args: Any, kwargs: Any) -> tuple[str, ...]:
        """Those that were declared, with the arguments."""
        if not any("{" in tag for tag in self._tags):
            return self._tags
        arguments = self._arguments(args, kwargs)
        return tuple(tag.format_map(arguments) for tag in self._tags)

    def _arguments(self, args: Any, kwargs: Any) -> dict[str, Any]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def _check(self, tag: str) -> None:
        try:
            asked = [name for _, name, _, _ in Formatter().parse(tag) if name is not None]
        except ValueError as error:
            raise ConfigurationError(f"cached(tags=[{tag!r}]): {error}; write `{{{{` for a brace") from None
        for name in asked:
            if re.split(r"[.\[]", name)[0] not in self._signature.parameters:
                raise ConfigurationError(f"cached(tags=[{tag!r}]): {self.name} has no argument {name!r}")


def _named(function: Callable[..., Any]) -> str:
    """A name that all workers have for it. Functions within others may share one, and get numbers."""
    name = f"{function.__module__}.{function.__qualname__}"
    _names[name] += 1
    return name if _names[name] == 1 else f"{name} {_names[name]}"
