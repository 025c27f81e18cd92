"""Precedence, and what a mistake in each source says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.errors import SettingsError
from stanchion.settings import Settings
from stanchion.settings.fields import SETTINGS
from stanchion.settings.sources import Loaded, load


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _refusal(flags: dict[str, object], environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(flags, environ)
    return str(caught.value)


def test_nothing_given_is_the_defaults(here: Path) -> None:
    assert load({}, {}) == Loaded(settings=Settings(), origins={})


@given(given_in=st.sets(st.sampled_from(["flag", "environment", "file"])))
def test_flag_over_environment_over_file_over_default(
    tmp_path_factory: pytest.TempPathFactory, given_in: set[str]
) -> None:
    file = tmp_path_factory.mktemp("precedence") / "my.toml"
    file.write_text("port = 3\n" if "file" in given_in else "")
    flags = {"port": "1"} if "flag" in given_in else {}
    environ = {"STANCHION_PORT": "2"} if "environment" in given_in else {}
    loaded = load(flags, environ, str(file))
    ranked = [("flag", 1, "--port"), ("environment", 2, "STANCHION_PORT"), ("file", 3, str(file))]
    port, origin = next(((port, origin) for place, port, origin in ranked if place in given_in), (8000, None))
    assert loaded.settings.port == port
    assert loaded.origins.get("port") == origin


@pytest.mark.parametrize("name", SETTINGS)
def test_every_default_can_be_written_in_every_source(here: Path, name: str) -> None:
    setting = SETTINGS[name]
    if setting.default is None:
        return_value = text = "/run/stanchion/app.sock"
    else:
        return_value, text = setting.default, setting.show(setting.default)
    (here / "stanchion.toml").write_text(f'{name} = "{text}"\n')
    for loaded in (load({name: text}, {}), load({}, {setting.variable: text}), load({}, {})):
        assert getattr(loaded.settings, name) == return_value
        assert list(loaded.origins) == [name]


def test_toml_values_of_their_own_type(here: Path) -> None:
    (here / "stanchion.toml").write_text('port = 9000\ndocs = false\nheader_timeout = 5\nworkers = "auto"\n')
    settings = load({}, {}).settings
    assert (settings.port, settings.docs, settings.header_timeout, settings.workers) == (
        9000,
        False,
        5.0,
        "auto",
    )


def test_the_file_is_named_by_flag_before_variable_before_place(here: Path) -> None:
    for number, name in enumerate(("stanchion.toml", "variable.toml", "flag.toml"), start=1):
        (here / name).write_text(f"port = {number}")
    assert load({}, {}).settings.port == 1
    assert load({}, {"STANCHION_CONFIG": "variable.toml"}).settings.port == 2
    assert load({}, {"STANCHION_CONFIG": "variable.toml"}, "flag.toml").settings.port == 3


def test_an_empty_variable_is_unset(here: Path) -> None:
    assert load({}, {"STANCHION_PORT": "", "STANCHION_CONFIG": "", "STANCHION_WHAT": ""}).settings == Settings()


@pytest.mark.parametrize(
    ("flags", "environ", "message"),
    [
        (
            {"port": "99999"},
            {},
            "--port 99999: expected a whole number from 0 to 65535; correct it or leave it out",
        ),
        (
            {},
            {"STANCHION_MAX_BODY": "1MB"},
            "STANCHION_MAX_BODY=1MB: expected a size from 0 to 1TiB, such as 65536, 64KiB or 1MiB; "
            "correct it or unset it",
        ),
        (
            {},
            {"STANCHION_DRAIN_TIMEOUT": "2h"},
            "STANCHION_DRAIN_TIMEOUT=2h: expected a duration from 0 to 1h, such as 10, 500ms, 10s or 5m; "
            "correct it or unset it",
        ),
        (
            {"workers": "0"},
            {},
            "--workers 0: expected a whole number from 1 to 1024 or auto; correct it or leave it out",
        ),
        (
            {},
            {"STANCHION_DOCS": "maybe"},
            "STANCHION_DOCS=maybe: expected true or false; correct it or unset it",
        ),
        ({}, {"STANCHION_PROT": "1"}, "unknown variable STANCHION_PROT; did you mean STANCHION_PORT?"),
        (
            {},
            {"STANCHION_port": "1"},
            "unknown variable STANCHION_port; did you mean STANCHION_PORT?",
        ),
        (
            {},
            {"STANCHION_XYZZY": "1"},
            "unknown variable STANCHION_XYZZY; `stanchion settings` lists what there is",
        ),
    ],
)
def test_a_mistake_says_what_was_expected(
    here: Path, flags: dict[str, object], environ: dict[str, str], message: str
) -> None:
    assert _refusal(flags, environ) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_bdy = 1", "stanchion.toml: unknown key 'max_bdy'; did you mean max_body?"),
        (
            'port = "http"',
            'stanchion.toml: port = "http": expected a whole number from 0 to 65535; correct it or leave it out',
        ),
        ("docs = 1", "stanchion.toml: docs = 1: expected true or false; correct it or leave it out"),
        (
            "keep_alive_timeout = nan",
            "stanchion.toml: keep_alive_timeout = NaN: expected a duration from 10ms to 24h, "
            "such as 10, 500ms, 10s or 5m; correct it or leave it out",
        ),
        (
            "port = 2000-01-01",
            'stanchion.toml: port = "2000-01-01": expected a whole number from 0 to 65535; correct it or leave it out',
        ),
    ],
)
def test_a_mistake_in_the_file_names_the_file(here: Path, text: str, message: str) -> None:
    (here / "stanchion.toml").write_text(text)
    assert _refusal({}, {}) == message


def test_a_file_that_is_no_toml(here: Path) -> None:
    (here / "stanchion.toml").write_text("port 8000")
    assert "stanchion.toml: not a TOML file: " in _refusal({}, {})
    (here / "stanchion.toml").write_bytes(b"\xff")
    assert "stanchion.toml: not a TOML file: " in _refusal({}, {})


def test_a_named_file_that_is_not_there(here: Path) -> None:
    message = _refusal({}, {"STANCHION_CONFIG": "gone.toml"})
    assert message == "gone.toml: No such file or directory; name a file that can be read"


@pytest.mark.parametrize(
    "injected", [{"STANCHION_PORT": "tcp://10.96.0.7:80"}, {"STANCHION_SERVICE_HOST": "10.96.0.7"}]
)
def test_variables_that_kubernetes_injects_for_a_service_of_our_name(here: Path, injected: dict[str, str]) -> None:
    assert "set enableServiceLinks: false" in _refusal({}, injected)
