"""The thread that tells one CDN what to purge.

What comes while a request is under way gathers for the next, each tag once. A refusal that passes is tried again, after
as long as the CDN asks for, else after a random part of a pause that doubles.
"""

import logging
from collections.abc import Iterable
from random import random
from secrets import token_hex
from threading import Condition, Thread
from time import monotonic, time

from msgspec import Struct

from stanchion.cache.purging.cdn import CDN
from stanchion.cache.purging.exchange import NOTHING, Answer, asked

_log = logging.getLogger("stanchion.cache")


class Patience(Struct, frozen=True, kw_only=True):
    """How much is kept, and how long it is tried for."""

    most: int = 10_000
    """Tags that wait to be told; those beyond are dropped."""
    attempts: int = 10
    """Of a request. With the pauses below it is given up after a minute or two."""
    pause: float = 0.25
    """Seconds: the second attempt comes after a random part of it, the next after one of twice that, and so on."""
    longest: float = 60.0
    """Seconds that are waited at most between two attempts, also where the CDN asks for more."""


class Sender:
    """One CDN's. The thread begins with the first tag."""

    def __init__(self, cdn: CDN, patience: Patience) -> None:
        self._cdn = cdn
        self._patience = patience
        self._changed = Condition()
        self._tags: dict[str, None] = {}  # in order, each once
        self._under_way = 0
        self._thread: Thread | None = None
        self._end: float | None = None
        self._sent = self._failed = self._dropped = self._retried = 0

    def __repr__(self) -> str:
        return f"<Sender to {self._cdn.name}, {len(self._tags)} tags wait>"

    def statistics(self) -> dict[str, int]:
        """Tags that wait now, or are being told; those told, given up and dropped since the start; requests that were
        tried again."""
        return {
            "waiting": len(self._tags) + self._under_way,
            "sent": self._sent,
            "failed": self._failed,
            "dropped": self._dropped,
            "retried": self._retried,
        }

    def put(self, tags: Iterable[str]) -> None:
        """Have tags purged; never waits for more than a lock that is held for microseconds."""
        dropped = 0
        with self._changed:
            for tag in tags:
                if self._end is None and (len(self._tags) < self._patience.most or tag in self._tags):
                    self._tags[tag] = None
                else:
                    dropped += 1
            self._dropped += dropped
            if self._thread is None and self._tags:
                self._thread = Thread(target=self._run, name=f"purge {self._cdn.name}", daemon=True)
                self._thread.start()
            self._changed.notify()
        if dropped:
            _log.error("%s: %d tags are not purged there, %d wait already", self._cdn.name, dropped, len(self._tags))

    def close(self, end: float) -> None:
        """Take nothing more; returns when all is told, and at `end` at the latest, in seconds of CLOCK_MONOTONIC."""
        with self._changed:
            self._end = end
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(max(0.0, end - monotonic()))
        with self._changed:
            left = len(self._tags) + self._under_way
            self._tags.clear()
            self._under_way = 0
            self._failed += left
        if left:
            _log.error("%s: %d tags were not purged there before the end", self._cdn.name, left)

    def _run(self) -> None:
        while tags := self._next():
            told = self._told(tags)
            with self._changed:
                if told:
                    self._sent += self._under_way
                else:
                    self._failed += self._under_way
                self._under_way = 0

    def _next(self) -> list[str]:
        """The tags of the next request; none when it is time to end. One that comes again from now on is told again."""
        with self._changed:
            self._changed.wait_for(lambda: self._tags or self._end is not None)
            tags = list(self._tags)[: self._cdn.most]
            for tag in tags:
                del self._tags[tag]
            self._under_way = len(tags)
            return tags

    def _told(self, tags: list[str]) -> bool:
        """Tell it, with as many attempts as it takes or there are."""
        reference = token_hex(12)
        for attempt in range(self._patience.attempts):
            self._retried += attempt > 0
            answer = self._asked(tags, reference)
            if 200 <= answer.status < 300:
                return True
            passing = answer.status == NOTHING or self._cdn.passing(answer.status, answer.body)
            if not passing or not self._pause(attempt, answer.retry_after or 0.0):
                break
        what = answer.body[:200].decode("utf-8", "replace")
        _log.error("%s: %d tags are not purged there: %d %s", self._cdn.name, len(tags), answer.status, what)
        return False

    def _asked(self, tags: list[str], reference: str) -> Answer:
        now = time()
        try:
            return asked(self._cdn.request(tags, now, reference), now)
        except OSError as error:
            return Answer(NOTHING, None, str(error).encode())
        except Exception as error:  # no answer of HTTP, or no credentials; its text may be what is not to be logged
            return Answer(NOTHING, None, type(error).__name__.encode())

    def _pause(self, attempt: int, least: float) -> bool:
        """Wait before the next attempt; False where there is to be none, since the end comes before it."""
        patience = self._patience
        if attempt + 1 == patience.attempts:
            return False
        seconds = min(patience.longest, max(least, random() * patience.pause * 2**attempt))
        due = monotonic() + seconds
        with self._changed:
            return not self._changed.wait_for(lambda: self._end is not None and self._end <= due, seconds)
