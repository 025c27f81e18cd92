import io

import pytest

from stanchion.cli.terminal import paint, progress, table, wants_colour


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_whose_users_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())


def test_painted_text_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint("ok", "green", Terminal()) == "\x1b[32mok\x1b[0m"
    assert paint("ok", "", Terminal()) == "ok"
    assert paint("ok", "green", io.StringIO()) == "ok"


def test_columns_align_and_lines_have_no_trailing_blanks() -> None:
    assert table(("Name", "Value"), [("a", "1"), ("longer", "")]) == "Name    Value\na       1\nlonger"


def test_colour_does_not_shift_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Terminal())
    assert table(("A", "B"), [("xx", "y")], ("green",)) == ("\x1b[1mA\x1b[0m   \x1b[1mB\x1b[0m\n\x1b[32mxx\x1b[0m  y")


def test_a_bar_is_drawn_on_a_terminal_and_ends_full() -> None:
    terminal = Terminal()
    assert list(progress(range(1000), 1000, "rows", terminal)) == list(range(1000))
    drawn = terminal.getvalue().split("\r")
    assert len(drawn) == 41
    assert drawn[-1] == f"rows {'█' * 40} 1,000\n"
    assert drawn[20] == f"rows {'█' * 20}{'·' * 20} 500"


def test_nothing_is_drawn_elsewhere() -> None:
    pipe = io.StringIO()
    assert list(progress("abc", 3, "rows", pipe)) == ["a", "b", "c"]
    assert list(progress([], 0, "rows", Terminal())) == []
    assert pipe.getvalue() == ""
