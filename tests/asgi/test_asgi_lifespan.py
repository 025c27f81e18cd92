"""A mounted app's startup and shutdown, and the state it leaves."""

import asyncio
import logging
from typing import Any

import pytest

from stanchion import App
from stanchion.asgi.messages import Receive, Scope, Send
from stanchion.errors import ConfigurationError


class Speaking:
    """An app that answers the lifespan with the messages it is given; an exception among them is raised."""

    def __init__(self, *words: Any) -> None:
        self.words = words
        self.heard: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        for word in self.words:
            self.heard.append((await receive())["type"])
            if isinstance(word, Exception):
                raise word
            scope["state"]["left"] = "here"
            await send(word)


UP, DOWN = {"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}


async def live(*apps: Any) -> list[dict[str, Any]]:
    outer = App("outer")
    order: list[str] = []

    @outer.lifespan
    async def around(app: App) -> Any:
        order.append("up")
        yield
        order.append("down")

    for number, app in enumerate(apps):
        outer.mount(f"/{number}", app)
    compiled = outer.compile()
    async with compiled.lifespan():
        states = [mount.state for mount in compiled.mounts]
    assert order == ["up", "down"]
    return states


def test_up_and_down_within_the_app_s_own() -> None:
    app = Speaking(UP, DOWN)
    assert asyncio.run(live(app)) == [{"left": "here"}]
    assert app.heard == ["lifespan.startup", "lifespan.shutdown"]


def test_an_app_that_is_mounted_twice_starts_once() -> None:
    app = Speaking(UP, DOWN)
    assert asyncio.run(live(app, app)) == [{"left": "here"}] * 2
    assert app.heard == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize("words", [(), (ValueError("unknown scope"),)], ids=["returns", "raises"])
def test_an_app_without_lifespans_is_let_be(words: tuple[Any, ...]) -> None:
    assert asyncio.run(live(Speaking(*words))) == [{}]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"message": "Traceback\n  File x\nRuntimeError: no database\n"}, "RuntimeError: no database"),
        ({}, "it does not say why"),
    ],
)
def test_a_failed_startup_stops_the_start_with_one_line(message: dict[str, str], reason: str) -> None:
    app = Speaking({"type": "lifespan.startup.failed", **message})
    with pytest.raises(ConfigurationError) as failed:
        asyncio.run(live(app))
    assert str(failed.value) == f"the ASGI app {Speaking.__module__}.Speaking failed at start: {reason}"


@pytest.mark.parametrize(
    "word", [{"type": "lifespan.shutdown.failed", "message": "stuck"}, KeyError("stuck")], ids=["says so", "raises"]
)
def test_a_failed_shutdown_is_logged(word: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        asyncio.run(live(Speaking(UP, word)))
    assert "failed at shutdown" in caplog.text
    assert "stuck" in caplog.text
