"""Where a plain function is called: here, in a thread, or in a process; and what a process cannot be given."""

import pickle
from typing import Literal

from stanchion.errors import RouteError
from stanchion.routing.route import Route
from stanchion.routing.signature import Signature, where


def away_of(route: Route, signature: Signature) -> Literal["", "in_thread", "in_process"]:
    """The name that the generated source calls the handler through; empty where it calls it itself.

    Raises:
        RouteError: the route is to run in a process, and cannot.
    """
    if route.run == "process":
        _check(route, signature)
        return "in_process"
    return "" if signature.is_async or route.run == "inline" else "in_thread"


def _check(route: Route, signature: Signature) -> None:
    name = where(route.handler)
    if signature.is_async:
        raise RouteError(f'{name}: run="process" is for a plain `def`; make it one, or await app.cpu(…) in it')
    taken = {parameter.source for parameter in signature.parameters} & {"request", "resource"}
    if taken or (signature.body is not None and signature.body.kind in ("form", "stream")):
        what = " and a ".join(sorted(taken)) or "form or a stream"
        raise RouteError(f"{name}: it takes a {what}, which cannot be sent to a process; take plain values")
    try:
        pickle.dumps(route.handler)
    except (pickle.PicklingError, AttributeError, TypeError):
        raise RouteError(f"{name}: a process cannot import it; define it at the top of its module") from None
