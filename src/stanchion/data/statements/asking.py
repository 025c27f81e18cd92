"""What one request asks of databases, so that N+1 is seen: the same statement again and again, each time awaited.

Reads that are gathered cost one statement however many they are, so those of one batch count once.
"""

from contextvars import ContextVar

from stanchion.data.statements.recorder import Entry, Recorder


class Asking:
    """The statements of a request."""

    __slots__ = ("_batches", "_times", "route")

    def __init__(self, route: str) -> None:
        """`route` is method and template."""
        self.route = route
        self._times: dict[Entry, int] = {}
        self._batches: dict[Entry, int] = {}

    def __repr__(self) -> str:
        return f"<Asking of {self.route}: {sum(self._times.values())} statements>"

    def alone(self, recorder: Recorder, entry: Entry) -> None:
        """The request runs this statement."""
        times = self._times.get(entry, 0) + 1
        self._times[entry] = times
        if times == 1:
            if self.route not in entry.routes:
                recorder.asked_by(entry, self.route)
        elif times > recorder.repeats:
            recorder.repeated_by(entry, self.route, times)

    def gathered(self, recorder: Recorder, entry: Entry, batches: int) -> None:
        """The request's call waits for the next batch, after `batches` of them; several for the same one are one."""
        if self._batches.get(entry) != batches:
            self._batches[entry] = batches
            self.alone(recorder, entry)


asking: ContextVar[Asking | None] = ContextVar("stanchion-asking", default=None)
"""That of the running request, where it is known."""
