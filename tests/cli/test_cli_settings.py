import json
from pathlib import Path

from stanchion.settings.fields import SETTINGS
from stanchion.settings.reference import documentation, markdown
from tests.cli.processes import Stanchion


def test_the_table_says_where_each_value_came_from(stanchion: Stanchion, tmp_path: Path) -> None:
    (tmp_path / "stanchion.toml").write_text('port = 1\nmax_body = "4MiB"\nthreads = 7\n')
    result = stanchion("settings", "--port", "3", cwd=tmp_path, STANCHION_PORT="2", STANCHION_THREADS="8")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == ["Setting", *SETTINGS]
    assert ["port", "3", "--port"] in rows
    assert ["threads", "8", "STANCHION_THREADS"] in rows
    assert ["max_body", "4MiB", "stanchion.toml"] in rows
    assert ["docs", "true", "default"] in rows


def test_json_has_plain_numbers(stanchion: Stanchion) -> None:
    values = json.loads(stanchion("settings", "--json", "--header-timeout", "500ms").stdout)
    assert list(values) == list(SETTINGS)
    assert values["header_timeout"] == {"value": 0.5, "from": "--header-timeout"}
    assert values["max_body"] == {"value": 1 << 20, "from": "default"}


def test_one_setting_is_explained(stanchion: Stanchion) -> None:
    expected = (
        "docs = false (from STANCHION_DOCS)\n"
        f"{documentation()['docs']}\n"
        "Takes true or false; default true.\n"
        "Spelt --docs | --no-docs, STANCHION_DOCS, or docs in the file.\n"
    )
    assert stanchion("settings", "docs", STANCHION_DOCS="false").stdout == expected
    assert stanchion("settings", "--json", "--no-docs").returncode == 0


def test_the_reference_page_can_be_printed_whatever_is_set(stanchion: Stanchion) -> None:
    assert stanchion("settings", "--reference", STANCHION_PORT="9").stdout == markdown()


def test_a_secret_is_not_printed(stanchion: Stanchion) -> None:
    secret = "0123456789abcdef"
    for arguments in ((), ("secret",), ("--json",)):
        printed = stanchion("settings", *arguments, STANCHION_SECRET=secret).stdout
        assert secret not in printed
        assert "set, not shown" in printed
    assert json.loads(stanchion("settings", "--json").stdout)["secret"] == {"value": None, "from": "default"}
