"""What is measured under load, declared once: each case's request, and the answer that counts as right."""

from dataclasses import dataclass

from benchmarks import payload

JSON = "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One request, repeated under load.

    `status` and `answer` are what a right answer holds; `answer` None leaves the body free (a 404's is each
    peer's own). `routes` puts the case into a process of its own that declares so many routes more.
    """

    letter: str
    title: str
    path: str
    status: int = 200
    answer: dict[str, object] | None = None
    body: bytes | None = None
    routes: int = 0
    keys: int = 0
    """Each request is of its own: `%d` in the path, or in the body, is drawn from 1 to this. Its answer is checked: an
    item's name has to be that of its id."""

    @property
    def method(self) -> str:
        """POST where the case has a body, GET otherwise."""
        return "GET" if self.body is None else "POST"


TYPED_GET = Case(
    letter="a",
    title="typed GET: an int from the path, a struct of five fields as JSON",
    path=f"/items/{payload.ITEM_ID}",
    answer=payload.ITEM,
)
VALIDATED_POST = Case(
    letter="b",
    title="validated POST: a nested order of 20 fields (1 KB) in, a small typed receipt out",
    path="/orders",
    body=payload.order_bytes(),
    answer=payload.RECEIPT,
)
MANY_ROUTES = Case(
    letter="c",
    title=f"{payload.ROUTES} routes: case (a)'s handler behind the last of them",
    path=f"/r{payload.ROUTES - 1}/{payload.ITEM_ID}",
    answer=payload.ITEM,
    routes=payload.ROUTES,
)
NOT_FOUND = Case(letter="d", title="404 on an unknown path", path="/nowhere/to/be/found", status=404)

LOADS = {case.letter: case for case in (TYPED_GET, VALIDATED_POST, MANY_ROUTES, NOT_FOUND)}
IDLE = "e"
STARTUP = "f"
LETTERS = (*LOADS, IDLE, STARTUP)

IDLE_TITLE = "idle keep-alive connections: memory a connection, and one busy client beside them"
STARTUP_TITLE = "import time, and time from process start to the first answer"
