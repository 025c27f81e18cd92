"""A secret is taken like any setting, and shown by nothing."""

import pytest

from stanchion.errors import SettingsError
from stanchion.policies.runtime import Runtime
from stanchion.settings import Settings
from stanchion.settings.fields import SETTINGS
from stanchion.settings.sources import load

SECRET = "0123456789abcdef"


def test_one_that_is_too_short_is_not_in_the_message() -> None:
    expected = r"expected text of 16 to 4096 characters"
    with pytest.raises(SettingsError, match=f"^secret: {expected}") as refused:
        Settings(secret="hunter2")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(SettingsError, match=f"^secret from STANCHION_SECRET: {expected}") as refused:
        load(environ={"STANCHION_SECRET": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_it_is_not_shown() -> None:
    assert SETTINGS["secret"].show(SECRET) == "set, not shown"
    assert SETTINGS["secret"].show(None) == "not set"


def test_it_is_the_key_of_all_servers_that_have_it_and_else_each_has_its_own() -> None:
    assert Runtime(Settings(secret=SECRET)).key == Runtime(Settings(secret=SECRET)).key == SECRET.encode()
    alone = Runtime()
    assert alone.key == alone.key
    assert len(alone.key) == 16
    assert Runtime().key != alone.key


def test_instances_that_have_none_in_common_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    several = Runtime(Settings(instances=3))
    assert several.key == several.key
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == ["what one of the 3 instances signs"]
    assert Runtime(Settings(instances=3, secret=SECRET)).key == SECRET.encode()
    assert len(caplog.records) == 1
