"""One setting: everything that follows from a field's name, type and default."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct, inspect

from stanchion.errors import SettingsError
from stanchion.settings.sizes import parse_duration, parse_size, show_duration, show_size

PREFIX = "STANCHION_"
_PARSERS = {"bytes": parse_size, "seconds": parse_duration}


class Setting(Struct, frozen=True, kw_only=True):
    """A field of `Settings`, its spellings in every source, and its text form."""

    name: str
    type: Any
    default: Any
    unit: str
    """`bytes`, `seconds`, `ratio`, `secret` for text that is never shown, or empty for a plain value."""
    alternatives: tuple[inspect.Type, ...]
    """The kinds of value it takes, as msgspec describes them; `None` left out."""

    @property
    def flag(self) -> str:
        """`--max-body`"""
        return "--" + self.name.replace("_", "-")

    @property
    def no_flag(self) -> str:
        """`--no-docs`, for a switch."""
        return "--no-" + self.flag.removeprefix("--")

    @property
    def variable(self) -> str:
        """`STANCHION_MAX_BODY`"""
        return PREFIX + self.name.upper()

    @property
    def is_switch(self) -> bool:
        """True or false: `--docs` and `--no-docs`."""
        return self.type is bool

    @property
    def expected(self) -> str:
        """What the setting takes, in an operator's words, range included."""
        return " or ".join(_expected(kind, self.unit) for kind in self.alternatives)

    @property
    def example(self) -> str:
        """How to write a value with a unit; empty for the rest."""
        return {"bytes": "such as 65536, 64KiB or 1MiB", "seconds": "such as 10, 500ms, 10s or 5m"}.get(self.unit, "")

    @property
    def placeholder(self) -> str:
        """What stands for the value in a usage line."""
        names = {"bytes": "SIZE", "seconds": "DURATION", "ratio": "SHARE"}
        kinds = {inspect.IntType: "N", inspect.StrType: "TEXT"}
        words = (_choices(kind) or (kinds.get(type(kind), "VALUE"),) for kind in self.alternatives)
        return names.get(self.unit) or "|".join(word for group in words for word in group)

    @property
    def usage(self) -> str:
        """The flag as a usage line has it: `--max-body SIZE`, `--docs | --no-docs`."""
        return f"{self.flag} | {self.no_flag}" if self.is_switch else f"{self.flag} {self.placeholder}"

    def parse(self, raw: object) -> Any:
        """A value of the field's type from text, or from what a TOML file holds.

        Raises:
            ValueError: it is of another type or out of range.
        """
        if isinstance(raw, str):
            if self.unit in _PARSERS:
                raw = _PARSERS[self.unit](raw)
            elif raw.isdecimal() and any(isinstance(kind, inspect.IntType) for kind in self.alternatives):
                raw = int(raw)  # where text is taken as well, a number would else remain one
            return self._convert(raw, strict=False)
        return self._convert(raw, strict=True)

    def check(self, value: object) -> None:
        """Refuse a value that is not of the field's type or out of its range.

        Raises:
            SettingsError: names the setting, the value and what was expected.
        """
        try:
            self._convert(value, strict=True)
        except ValueError:
            shown = self.name if self.unit == "secret" else f"{self.name}={value!r}"
            raise SettingsError(f"{shown}: expected {self.expected}") from None

    def show(self, value: object) -> str:
        """The value as one would write it."""
        if value is None:
            return "not set"
        if self.unit == "secret":
            return "set, not shown"
        if isinstance(value, bool):
            return str(value).lower()
        if self.unit == "bytes" and isinstance(value, int):
            return show_size(value)
        if self.unit == "seconds" and isinstance(value, int | float):
            return show_duration(value)
        return str(value)

    def _convert(self, raw: object, *, strict: bool) -> Any:
        if raw != raw:  # NaN is within any range as comparisons go
            raise ValueError("not a number")
        return msgspec.convert(raw, self.type, strict=strict)


def settings_of(struct: type[Struct]) -> dict[str, Setting]:
    """The settings a Struct declares, by name, in order."""
    return {field.name: _setting(field) for field in msgspec.structs.fields(struct)}


def _setting(field: msgspec.structs.FieldInfo) -> Setting:
    info = inspect.type_info(field.type)
    unit = (info.extra or {}).get("unit", "") if isinstance(info, inspect.Metadata) else ""
    return Setting(
        name=field.name,
        type=field.type,
        default=field.default,
        unit=unit,
        alternatives=tuple(_alternatives(info)),
    )


def _alternatives(info: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(info, inspect.Metadata):
        yield from _alternatives(info.type)
    elif isinstance(info, inspect.UnionType):
        for kind in info.types:
            yield from _alternatives(kind)
    elif not isinstance(info, inspect.NoneType):
        yield info


def _expected(kind: inspect.Type, unit: str) -> str:
    if isinstance(kind, inspect.IntType) and unit == "bytes":
        return f"a size from {show_size(kind.ge or 0)} to {show_size(kind.le or 0)}"
    if isinstance(kind, inspect.FloatType) and unit == "ratio":
        return f"a number from {kind.ge:g} to {kind.le:g}"
    if isinstance(kind, inspect.FloatType):
        return f"a duration from {show_duration(kind.ge or 0)} to {show_duration(kind.le or 0)}"
    if isinstance(kind, inspect.IntType):
        return f"a whole number from {kind.ge} to {kind.le}"
    if isinstance(kind, inspect.StrType):
        return f"text of {kind.min_length} to {kind.max_length} characters"
    *others, last = _choices(kind)
    return f"{', '.join(others)} or {last}" if others else last


def _choices(kind: inspect.Type) -> tuple[str, ...]:
    if isinstance(kind, inspect.BoolType):
        return "true", "false"
    return tuple(map(str, kind.values)) if isinstance(kind, inspect.LiteralType) else ()
