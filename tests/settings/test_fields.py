"""The declaration itself: valid by itself, refused out of range, documented field by field."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stanchion.errors
from stanchion.errors import SettingsError
from stanchion.settings import Settings
from stanchion.settings.fields import SETTINGS
from stanchion.settings.reference import documentation, markdown, summary


def _settings(name: str, value: Any) -> Settings:
    return Settings(**{name: value})


def _bounds(name: str) -> list[tuple[int | float, int | float]]:
    return [
        (kind.ge, kind.le)
        for kind in SETTINGS[name].alternatives
        if isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.FloatType)
        and kind.ge is not None
        and kind.le is not None
    ]


NUMBERS = [name for name, setting in SETTINGS.items() if not setting.is_switch and _bounds(name)]


def test_every_number_has_both_bounds() -> None:
    kinds = (msgspec.inspect.IntType, msgspec.inspect.FloatType)
    numbers = [name for name in SETTINGS if any(isinstance(kind, kinds) for kind in SETTINGS[name].alternatives)]
    assert numbers == NUMBERS


@pytest.mark.parametrize("name", NUMBERS)
def test_bounds_are_in_and_beyond_is_out(name: str) -> None:
    ((low, high),) = _bounds(name)
    for value in (low, high):
        assert getattr(_settings(name, value), name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(SettingsError, match=f"^{name}={value}: expected "):
            _settings(name, value)


@pytest.mark.parametrize(
    "wrong",
    [("port", "8000"), ("port", True), ("docs", 1), ("header_timeout", float("nan")), ("workers", "all")],
)
def test_a_value_of_another_type_is_refused(wrong: tuple[str, object]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        _settings(*wrong)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


def test_every_field_is_documented() -> None:
    assert list(documentation()) == list(SETTINGS)
    for setting in SETTINGS.values():
        assert re.fullmatch(r"[A-Z`].+[^.]", summary(setting)), setting.name
        assert documentation()[setting.name].endswith("."), setting.name


def test_the_reference_page_names_every_spelling() -> None:
    page = markdown()
    for setting in SETTINGS.values():
        assert f"## `{setting.name}`" in page
        assert f"`{setting.usage}`, `{setting.variable}`" in page


def test_flags_and_variables_are_spelt_nowhere() -> None:
    """They are derived: no source may hold one as a string of its own."""
    package = Path(stanchion.errors.__file__).parent
    sources = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    spelt = [name for s in SETTINGS.values() for name in (s.flag, s.variable) if f'"{name}"' in sources]
    assert spelt == []


def test_no_setting_is_without_effect() -> None:
    package = Path(stanchion.errors.__file__).parent
    others = [path for path in package.rglob("*.py") if path.parent.name != "settings"]
    sources = "".join(path.read_text(encoding="utf-8") for path in others)
    unread = [name for name in SETTINGS if not re.search(rf"(\b|_)(settings|limits)\.{name}\b", sources)]
    assert unread == []
