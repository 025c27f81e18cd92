"""Notices a call that holds the event loop, while it still does: a thread looks at the loop's own frames.

The loop's timer stamps the time; the thread looks at the stamp twice in every `after` seconds, which is 20 wake-ups a
second of either at the default, 0.35 % of a core together. When the stamp is old, and the loop was in the same call at
the look before, the stack is logged with the request's route. A loop that is late from many short calls is in another
one at each look: that is load, and is admission's matter.
"""

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from time import monotonic
from types import FrameType

from stanchion.http.request import Request
from stanchion.telemetry.decisions import Decisions

_log = logging.getLogger("stanchion.blocked")
_QUIET = 10.0
"""Seconds between two log lines; each says how many came between."""


class Watchdog:
    """Watches the loop that it is started on, until stopped."""

    def __init__(self, after: float, decisions: Decisions) -> None:
        """`after` seconds in one call it is logged."""
        self._after = after
        self._decisions = decisions
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stanchion-watchdog", daemon=True)
        self._stamp = monotonic()
        self._told_at = -_QUIET
        self._untold = 0

    def __repr__(self) -> str:
        return f"<Watchdog after {self._after:g} s, {self._decisions.loop_blocked} seen>"

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; called on the loop's thread."""
        self._loop = loop
        self._watched = threading.get_ident()
        self._tick()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and the timer."""
        self._stopped.set()
        self._timer.cancel()
        self._thread.join()

    def _tick(self) -> None:
        self._stamp = monotonic()
        self._depth = sum(1 for _ in _outwards(sys._getframe()))
        self._timer = self._loop.call_later(self._after / 2, self._tick)

    def _run(self) -> None:
        before: FrameType | None = None
        told: FrameType | None = None
        while not self._stopped.wait(self._after / 2):
            held = monotonic() - self._stamp
            if held < self._after / 2:
                before = told = None
                continue
            frame = sys._current_frames().get(self._watched)
            call = None if frame is None else self._call_of(frame)
            if frame is not None and call is not None and call is before and held >= self._after and told is not call:
                told = call
                self._tell(frame, held)
            before = call

    def _call_of(self, frame: FrameType) -> FrameType | None:
        """The frame that the loop itself has called, as it calls `_tick`; none where it called a function of C."""
        frames = list(_outwards(frame))
        return frames[-self._depth] if len(frames) >= self._depth else None

    def _tell(self, frame: FrameType, held: float) -> None:
        self._decisions.loop_blocked += 1
        now = monotonic()
        if now - self._told_at < _QUIET:
            self._untold += 1
            return
        request = _request_of(frame)
        place = "no request" if request is None else f"{request.method} {request.path}"
        more = f", {self._untold} more since the last such line" if self._untold else ""
        stack = "".join(traceback.format_stack(frame))
        _log.warning("the event loop is held for %.2f s by %s%s\n%s", held, place, more, stack)
        self._told_at, self._untold = now, 0


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _request_of(frame: FrameType) -> Request | None:
    """The request that is served in these frames: the nearest local of that type."""
    for outer in _outwards(frame):
        for value in outer.f_locals.values():
            if isinstance(value, Request):
                return value
    return None
