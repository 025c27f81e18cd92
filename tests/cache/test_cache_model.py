"""The whole cache, through the wire, against a model of a few lines; and planted faults that the model has to find."""

import shutil
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from stanchion import App, Cache, HTTPError, Request, Response, Router, Settings
from stanchion.cache import kept, keys
from stanchion.cache.caches import current
from stanchion.cache.layers import Layers
from stanchion.cache.rules import reuse, variants
from stanchion.policies import cache as policy
from stanchion.testing import Client
from stanchion.testing.client import Result
from tests.cache.clock import Clock
from tests.cache.model import Key, Made, Model, Terms
from tests.policies.counted import Identify

TERMS = {
    "plain": Terms(10),
    "stale": Terms(10, stale=5),
    "error": Terms(10, stale_if_error=20),
    "tagged": Terms(10, stale=5, stale_if_error=20),
    "mine": Terms(10, stale=5),
    "varied": Terms(10),
}
NUMBERS = st.sampled_from("12")
WHO = st.sampled_from(["ann", "bob", None])


class FrozenClock(Clock):
    """Stands still between the moves of a test."""

    def time(self) -> float:
        return 1_800_000_000.0 + self._ahead

    def monotonic(self) -> float:
        return 1_000.0 + self._ahead

    def monotonic_ns(self) -> int:
        return int(self.monotonic() * 1e9)


class CacheMachine(RuleBasedStateMachine):
    """A worker's memory and its machine's tier; the worker may be followed by another."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.clock = FrozenClock(self.patch)
        self.model = Model()
        self.seen: dict[str, Made] = {}  # by ETag
        self.failing = False
        self.folder = mkdtemp(prefix="cache-model-")
        self._start()

    def _start(self) -> None:
        app = App("model")
        for name, terms in TERMS.items():
            app.include(self._routes(name, terms))

        @app.post("/invalidate/{tag}")
        async def invalidate(tag: str) -> None:
            await app.invalidate(tag)

        @app.post("/empty/{tier}")
        async def empty(tier: str) -> None:
            provider = current.get()
            assert provider is not None
            provider().tiers.named()[tier].clear()

        self.client = Client(app, Settings(cache_directory=self.folder)).__enter__()

    def teardown(self) -> None:
        self.client.__exit__(None, None, None)
        self.patch.undo()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _routes(self, name: str, terms: Terms) -> Router:
        cache = Cache(
            ttl=terms.ttl,
            stale=terms.stale,
            stale_if_error=terms.stale_if_error,
            tags=["number:{number}", "all"] if name == "tagged" else (),
            by="user" if name == "mine" else "public",
            tiers=("memory", "machine"),
        )
        router = Router(f"/{name}", cache=cache, policies=[Identify()] if name == "mine" else [])

        @router.get("/{number}")
        async def read(request: Request, number: str) -> Response:
            if self.failing:
                raise HTTPError("down", status=503)
            who = None  # what a handler does not look at, it does not vary by
            if name == "varied":
                who = request.headers.get("x-plan")
            elif name == "mine":
                who = request.state.get("identity")
            call = str(self._make(name, number, who).call)
            return Response(f"call {call}", headers={"X-Call": call})

        @router.put("/{number}")
        async def write(request: Request, number: str) -> Response:
            return Response(b"", status=int(request.headers["x-status"]))

        return router

    def _make(self, name: str, number: str, who: str | None) -> Made:
        tags = {f"url {name}/{number}"} | ({f"number:{number}", "all"} if name == "tagged" else set())
        return self.model.make(key_of(name, number, who), TERMS[name], frozenset(tags))

    def _ask(self, name: str, number: str, who: str | None, *, method: str = "GET", **headers: str) -> Result:
        field = {"mine": "X-User", "varied": "X-Plan"}.get(name)
        if field is not None and who is not None:
            headers[field] = who
        return self.client.request(method, f"/{name}/{number}", headers=headers)

    @rule(number=NUMBERS, who=WHO, failing=st.booleans(), method=st.sampled_from(["GET", "GET", "HEAD"]))
    def ask(self, number: str, who: str | None, failing: bool, method: str) -> None:
        for name in TERMS:
            self._asked(name, number, who, failing, method)

    def _asked(self, name: str, number: str, who: str | None, failing: bool, method: str) -> None:
        key, before = key_of(name, number, who), len(self.model.made)
        anonymous = name == "mine" and who is None
        has = None if anonymous else self.model.has(key, failing)
        self.failing = failing
        result = self._ask(name, number, who, method=method)
        self.failing = False
        if result.status == 503:
            assert failing, "nothing failed"
            assert has is None, f"it has {has}"
            return
        assert result.status == 200
        made = self.model.made[int(result.headers["x-call"])]
        wrong = self.model.may_be_given(made, key, failing)
        assert wrong is None, f"{made} for {key}: {wrong}"
        assert made.call > before or not anonymous, "it was made for somebody else"
        assert has is None or made.call <= before or "hit" in result.headers["cache-status"], f"it has {has}"
        if not anonymous:
            self.seen[result.headers["etag"]] = made

    @rule(number=NUMBERS, who=st.sampled_from(["ann", "bob"]))
    def ask_whether_it_is_still_so(self, number: str, who: str) -> None:
        known = ", ".join(self.seen) or '"none"'
        for name in TERMS:
            result = self._ask(name, number, who, **{"If-None-Match": known})
            call = result.headers.get("x-call")
            made = self.seen[result.headers["etag"]] if call is None else self.model.made[int(call)]
            wrong = self.model.may_be_given(made, key_of(name, number, who), failing=False)
            assert wrong is None, f"{made}: {wrong}"

    @rule(seconds=st.sampled_from([1, 5, 10, 20]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.model.now += seconds

    @rule(tag=st.sampled_from(["number:1", "number:2", "all", "nobody"]))
    def invalidate(self, tag: str) -> None:
        assert self.client.post(f"/invalidate/{tag}").status < 300
        self.model.end(tag)

    @rule(name=st.sampled_from(sorted(TERMS)), number=NUMBERS, status=st.sampled_from([204, 303, 409]))
    def write(self, name: str, number: str, status: int) -> None:
        assert self.client.put(f"/{name}/{number}", headers={"X-Status": str(status)}).status == status
        if status < 400:
            self.model.end(f"url {name}/{number}")

    @rule(what=st.sampled_from(["memory", "machine", "memory", "machine", "worker"]))
    def lose(self, what: str) -> None:
        if what == "worker":
            self.client.__exit__(None, None, None)
            self._start()
            self.model.empty("memory", "machine")  # generations begin anew: nothing from before is valid
        else:
            assert self.client.post(f"/empty/{what}").status < 300
            self.model.empty(what)


def key_of(name: str, number: str, who: str | None) -> Key:
    """What tells one answer from another."""
    return (name, number, who or "") if name in ("mine", "varied") else (name, number)


def run(examples: int, *phases: Phase) -> None:
    """Without a deadline: the machine is busy with other tests as well. What only generates is the same each time."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        phases=phases or tuple(Phase),
        derandomize=bool(phases) or settings.default.derandomize,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(CacheMachine, settings=chosen)


def test_the_cache_does_as_the_model() -> None:
    run(60)


async def _nothing(*_: object) -> None: ...


FAULTS: dict[str, tuple[str, tuple[Any, str, Any]]] = {
    "answers are fresh for longer": ("old, which", (kept, "fresh_for", lambda *asked: 7 + reuse.fresh_for(*asked))),
    "stale answers are served for longer": ("old, which", (reuse, "_while_revalidate", lambda own, stored: 8.0)),
    "errors are covered for longer": ("old, which", (reuse, "may_stand_in", lambda *_, **__: True)),
    "tags are not looked at": ("was invalidated", (kept.Kept, "valid", lambda self: True)),
    "users share": ("made for", (keys, "_by_user", lambda base: base)),
    "variants are one": ("made for", (variants, "secondary", lambda names, asked: b"")),
    "a write ends nothing": ("was invalidated", (policy, "invalidate_related", _nothing)),
    "nothing is found": ("it has Made", (Layers, "find", lambda self, key, asked: None)),
    "the machine's tier is empty": ("it has Made", (Layers, "_unpacked", lambda self, packed: None)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_model_finds(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said, planted = FAULTS[fault]
    monkeypatch.setattr(*planted)
    if fault == "variants are one":
        monkeypatch.setattr(variants, "selects", lambda stored, asked: True)
    with pytest.raises(AssertionError, match=said):
        run(200, Phase.generate)
