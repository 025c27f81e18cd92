"""The queue of what cannot start at once: short, in classes of priority, and fair only while there is no pressure.

Calm, each class is first in, first out, and one may wait for the whole `patience`. A class is under pressure once its
first has waited half of that, or more wait than can be served in all of it: then the newest is served first, since
those who wait longest have clients about to give up, and nobody waits longer than a few services take. That is adaptive
LIFO with CoDel's controlled delay, as Facebook runs it (Maurer, "Fail at Scale", ACM Queue 13(8), 2015); a burst that
can be worked off is no pressure. Nor do more wait than can be served in that time: where the newest goes first the
oldest would wait in vain, so it is told at once (p99 of refusals at ten times the capacity: 13 ms; without this, 28).

Pressure ends when the class is empty and has turned nobody away for as long as `patience`: with emptiness alone a load
of 1.1 times capacity went in and out of it every few seconds.
"""

from collections import deque
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

CRITICAL: Final = 0
NORMAL: Final = 1
BACKGROUND: Final = 2
PRIORITIES: Final = ("critical", "normal", "background")

WAITED: Final = 0
"""It has waited as long as anybody may."""
EXPIRED: Final = 1
"""Its own deadline has passed."""
CROWDED: Final = 2
"""The queue is full, and nobody of less priority is in it; or its class is under pressure, and newer ones came."""
REASONS: Final = ("waited", "expired", "crowded")

_BRIEF = 25
"""Under pressure the wait is at most this fraction of the patience (0.5 s / 25 = 20 ms) …"""
_SERVICES = 8
"""… or as long as this many services take, if that is more: where one takes 100 ms, 20 ms would leave the queue empty
and the server idle."""


class Shed(NamedTuple, Generic[T]):
    """One that is turned away."""

    item: T
    priority: int
    reason: int


class _Class(Generic[T]):
    """One priority."""

    __slots__ = ("pressed", "shed_at", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, int, T]] = deque()  # since, deadline, item
        self.pressed = False
        self.shed_at = 0


class AdmissionQueue(Generic[T]):
    """All times are nanoseconds of one clock. What `push`, `pop` and `expire` turn away is had from `shed`."""

    __slots__ = ("_brief", "_classes", "_last_pop", "_longest", "_pace", "_patience", "_shed", "_size", "steady")

    def __init__(self, *, patience: int, longest: int) -> None:
        """`patience` is the longest wait in nanoseconds, `longest` the most that may wait."""
        self._patience = patience
        self._longest = longest
        self._classes: tuple[_Class[T], ...] = tuple(_Class() for _ in PRIORITIES)
        self._shed: list[Shed[T]] = []
        self._size = 0
        self._pace = 0.0
        self._brief = patience // _BRIEF  # the longest wait under pressure, which follows the pace
        self._last_pop = 0  # 0: the queue has been empty since
        self.steady = True
        """Whether the pace tells how long the wait will be; false while what is let in still doubles."""

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<AdmissionQueue {self.statistics()}>"

    def statistics(self) -> dict[str, int]:
        """How many wait, and how many classes are under pressure."""
        return {"waiting": self._size, "pressed": sum(one.pressed for one in self._classes)}

    def pressed(self, priority: int) -> bool:
        """Whether the class is under pressure."""
        return self._classes[priority].pressed

    def push(self, item: T, priority: int, *, since: int, deadline: int, now: int) -> None:
        """Have `item`, which has waited since `since`, wait its turn."""
        if self._size >= self._longest and not self._make_room(priority, now):
            self._turn_away(item, priority, CROWDED, now)
            return
        mine = self._classes[priority]
        if mine.pressed and not mine.waiting and now - mine.shed_at > self._patience:
            mine.pressed = False
        mine.waiting.append((since, deadline, item))
        self._size += 1
        if mine.pressed:
            if len(mine.waiting) * self._pace > self._brief:
                _, _, oldest = mine.waiting.popleft()
                self._size -= 1
                self._turn_away(oldest, priority, CROWDED, now)
        elif self.steady and self._ahead(priority) * self._pace > self._patience:
            mine.pressed = True

    def pop(self, now: int) -> T | None:
        """The one to serve next, of the highest priority; None where nobody waits."""
        for priority, mine in enumerate(self._classes):
            waiting = mine.waiting
            while waiting:
                self._judge(mine, now)
                _, deadline, item = waiting.pop() if mine.pressed else waiting.popleft()
                self._size -= 1
                if deadline >= now:
                    self._keep_pace(now)
                    return item
                self._turn_away(item, priority, EXPIRED, now)
        return None

    def expire(self, now: int) -> None:
        """Turn away those who have waited long enough, the lowest priority first."""
        for priority in range(len(self._classes) - 1, -1, -1):
            mine = self._classes[priority]
            waiting = mine.waiting
            if not waiting:
                continue
            self._judge(mine, now)
            latest = now - (self._brief if mine.pressed else self._patience)
            while waiting and (waiting[0][0] < latest or waiting[0][1] < now):
                _, deadline, item = waiting.popleft()
                self._size -= 1
                self._turn_away(item, priority, EXPIRED if deadline < now else WAITED, now)

    def shed(self) -> list[Shed[T]]:
        """Those turned away since this was last asked, in that order."""
        shed = self._shed
        if shed:
            self._shed = []
        return shed

    def _ahead(self, priority: int) -> int:
        """How many wait that go before the next of this class, as long as nobody is under pressure."""
        if priority == BACKGROUND:
            return self._size
        return sum(len(one.waiting) for one in self._classes[: priority + 1])

    def _judge(self, mine: _Class[T], now: int) -> None:
        if not mine.pressed and now - mine.waiting[0][0] > self._patience // 2:
            mine.pressed = True

    def _keep_pace(self, now: int) -> None:
        """Average the time between two that are served, while others wait."""
        if self._last_pop:
            self._pace += (now - self._last_pop - self._pace) / 8
            self._brief = min(self._patience, max(self._patience // _BRIEF, int(_SERVICES * self._pace)))
        self._last_pop = now if self._size else 0

    def _make_room(self, priority: int, now: int) -> bool:
        """Turn away the oldest of the lowest class, unless that is above `priority`."""
        for lowest in range(len(self._classes) - 1, priority - 1, -1):
            waiting = self._classes[lowest].waiting
            if waiting:
                _, _, item = waiting.popleft()
                self._size -= 1
                self._classes[lowest].pressed = True
                self._turn_away(item, lowest, CROWDED, now)
                return True
        return False

    def _turn_away(self, item: T, priority: int, reason: int, now: int) -> None:
        self._classes[priority].shed_at = now
        self._shed.append(Shed(item, priority, reason))
