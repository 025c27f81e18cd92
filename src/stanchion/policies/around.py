"""A route's call with its policies around it: made once, at start.

There are three forms. `call` is a coroutine and holds all policies. `inline` holds them as well, for a handler that
never waits. Where the handler does wait, the outer policies that need not are a gate before it: a limit refuses, and
the cache answers, without a task, before admission and before the body is read.
"""

from collections.abc import Callable

from stanchion.http.hit import Later, called
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.base import Policy
from stanchion.policies.body_limit import BodyLimit
from stanchion.policies.priority import Priority
from stanchion.policies.runtime import Runtime
from stanchion.policies.timeout import Timeout
from stanchion.routing.route import Call, Endpoint, Gate, InlineCall, Route


def endpoint_of(
    route: Route,
    call: Call,
    names: tuple[str, ...],
    runtime: Runtime,
    *,
    inline: InlineCall | None = None,
    takes_body: bool = False,
) -> Endpoint:
    """The endpoint of a route whose handler is `call`, and `inline` where it never waits.

    `names` are the path's parameters; `takes_body` says that `inline` reads the body.
    """
    if inline is not None:
        inline = _inline(inline, route, runtime, takes_body=takes_body)
    gate, deciding = (None, 0) if inline is not None else _gate(call, route, runtime)
    endpoint = Endpoint(
        route,
        layered(call, route.policies, route, runtime) if gate is None else called(gate),
        inline,
        names,
        _max_body(route, runtime),
        takes_body,
        gate=gate,
        shelves=deciding == 1,
    )
    for policy in route.policies:
        if isinstance(policy, Priority):
            endpoint.priority = policy.rank
        elif isinstance(policy, Timeout):
            endpoint.due = _nanoseconds(policy.until_of())
    return endpoint


def layered(call: Call, policies: tuple[Policy, ...], route: Route, runtime: Runtime) -> Call:
    """The call with `policies` around it, the first of them outermost."""
    for policy in reversed(policies):
        call = policy.install(call, route, runtime)
    return call


def _inline(inline: InlineCall, route: Route, runtime: Runtime, *, takes_body: bool) -> InlineCall | None:
    """The inline call with the route's policies around it, if all of them can do without a task.

    Where it takes a body, that is read before the first of them is called: too late for one that refuses.
    """
    if takes_body and any(policy.refuses for policy in route.policies):
        return None
    layered: InlineCall | None = inline
    for policy in reversed(route.policies):
        if layered is not None:
            layered = policy.install_inline(layered, route, runtime)
    return layered


def _gate(call: Call, route: Route, runtime: Runtime) -> tuple[Gate | None, int]:
    """Of the outermost policies, those that can decide without a task, each within the next; and how many do decide.

    Where none does, there is nothing to find out before admission.
    """
    first = next((at for at, policy in enumerate(route.policies) if not policy.gates), len(route.policies))
    later = Later(call=layered(call, route.policies[first:], route, runtime))

    def innermost(request: Request) -> Response:
        return later

    gate: Gate = innermost
    deciding = 0
    for policy in reversed(route.policies[:first]):
        wrapped = policy.install_gate(gate, route, runtime)
        deciding += wrapped is not gate and not policy.passes_hits
        gate = wrapped
    return (gate if deciding else None), deciding


def _max_body(route: Route, runtime: Runtime) -> int:
    """Bytes."""
    declared = [policy.bytes for policy in route.policies if isinstance(policy, BodyLimit)]
    return declared[-1] if declared else runtime.settings.max_body


def _nanoseconds(until: Callable[[Request], float]) -> Callable[[Request], int]:
    def due(request: Request) -> int:
        return int(until(request) * 1e9)

    return due
