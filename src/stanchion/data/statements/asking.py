"""What one request asks of databases, so that N+1 is seen: the same statement again and again, each time awaited.

Reads that are gathered cost one statement however many they are, so those of one batch count once.
"""

from contextvars import ContextVar

from stanchion.data.statements.recorder import Entry, Recorder


class Asking:
    """The statements of a request."""

    __slots__ = ("_asked", "route")

    def __init__(self, route: str) -> None:
        """`route` is method and template."""
        self.route = route
        self._asked: dict[Entry, list[int]] | None = None  # times, and the last batch

    def __repr__(self) -> str:
        return f"<Asking of {self.route}: {sum(times for times, _ in (self._asked or {}).values())} statements>"

    def alone(self, recorder: Recorder, entry: Entry) -> None:
        """The request runs this statement."""
        self.gathered(recorder, entry, -1)

    def gathered(self, recorder: Recorder, entry: Entry, batches: int) -> None:
        """The request's call waits for the next batch, after `batches` of them; several for the same one are one."""
        asked = self._asked
        if asked is None:
            asked = self._asked = {}
        before = asked.get(entry)
        if before is None:
            asked[entry] = [1, batches]
            if self.route not in entry.routes:
                recorder.asked_by(entry, self.route)
        elif batches < 0 or before[1] != batches:
            before[0] += 1
            before[1] = batches
            if before[0] > recorder.repeats:
                recorder.repeated_by(entry, self.route, before[0])


asking: ContextVar[Asking | None] = ContextVar("stanchion-asking", default=None)
"""That of the running request, where it is known."""
