"""MODULE:APP: what each way of getting it wrong says."""

from pathlib import Path

import pytest

from tests.cli.processes import Mistake, Stanchion

SOURCES = {
    "good.py": "from stanchion import App\n\napp = App('good')\n",
    "empty.py": "",
    "other.py": "from stanchion import App\n\nmain = App('other')\napp = 7\n",
    "late.py": "x = 1\n\n\ndef broken():\n    return y\n\n\nbroken()\n",
    "needs.py": "import xyzzy_not_installed\n",
    "syntax.py": "def f(:\n",
    "bare.py": "async def app(scope, receive, send):\n    ...\n\n\ndef old(scope):\n    ...\n\n\n"
    "def wsgi(environ, start_response):\n    ...\n\n\ndef create():\n    return app\n\n\n"
    "def broken():\n    return 1 / 0\n\n\ndef nothing():\n    ...\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("targets")
    for name, source in SOURCES.items():
        (folder / name).write_text(source)
    (folder / "inner").mkdir()
    (folder / "inner" / "app.py").write_text(SOURCES["good.py"])
    return folder


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("good", "'good' does not name an app; write MODULE:APP, such as good:app"),
        ("good.py", "'good.py' does not name an app; write MODULE:APP, such as good:app"),
        ("good.py:app", "'good.py:app' names a file; write the module: good:app"),
        ("./inner/app.py:app", "'./inner/app.py:app' names a file; write the module: inner.app:app"),
        (":app", "':app' does not name an app; write MODULE:APP, such as app:app"),
        ("gone:app", "no module 'gone' in {here} or installed"),
        ("inner.gone:app", "no module 'inner.gone' in {here} or installed"),
        ("empty:app", "module 'empty' has no 'app'; make one: app = stanchion.App(\"empty\")"),
        ("other:app", "other:app is int, neither a stanchion.App nor an ASGI 3 app; it has other:main"),
        ("other:ap", "module 'other' has no 'ap'; it has other:main"),
        (
            "late:app",
            "cannot import 'late': late.py line 5: NameError: name 'y' is not defined (--traceback shows all of it)",
        ),
        (
            "needs:app",
            "cannot import 'needs': needs.py line 1: ModuleNotFoundError: No module named "
            "'xyzzy_not_installed' (--traceback shows all of it)",
        ),
    ],
)
def test_a_wrong_target_is_one_line(mistake: Mistake, folder: Path, target: str, message: str) -> None:
    assert mistake("routes", target, cwd=folder) == message.format(here=folder)


def test_a_syntax_error_names_file_and_line(mistake: Mistake, folder: Path) -> None:
    message = mistake("routes", "syntax:app", cwd=folder)
    assert message.startswith("cannot import 'syntax': SyntaxError: ")
    assert "(syntax.py, line 1)" in message


def test_traceback_on_demand(stanchion: Stanchion, folder: Path) -> None:
    result = stanchion("routes", "late:app", "--traceback", cwd=folder)
    assert result.returncode == 2
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert "NameError: name 'y' is not defined" in result.stderr


def test_a_module_in_a_package_is_found(stanchion: Stanchion, folder: Path) -> None:
    result = stanchion("routes", "inner.app:app", cwd=folder)
    assert (result.returncode, result.stdout) == (0, "good has no routes\n")


@pytest.mark.parametrize("target", ["bare:app", "bare:create()"])
def test_an_app_of_another_framework(stanchion: Stanchion, folder: Path, target: str) -> None:
    result = stanchion("routes", target, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1].split() == ["*", "/{path:path}", "bare.app", "-"]
