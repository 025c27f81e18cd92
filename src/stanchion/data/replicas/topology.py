"""The servers together: who is the primary, and which replicas may be read from, as of their last checks."""

import logging
from collections.abc import Sequence

from stanchion.data.failures import DatabaseUnavailable
from stanchion.data.replicas.lag import History
from stanchion.data.replicas.node import Node
from stanchion.data.replicas.roles import State, primary_among
from stanchion.errors import ConfigurationError
from stanchion.limits.two_choices import better_of_two

_log = logging.getLogger("stanchion.data")


class Topology:
    """Of one database."""

    def __init__(self, nodes: Sequence[Node], max_lag: float) -> None:
        """`max_lag` is in seconds."""
        self.nodes = nodes
        self.serving: list[Node] = []
        """Replicas that may be read from."""
        self.ejected = self.switched = 0
        self._max_lag = max_lag
        self._history = History(2 * max_lag)
        self._primary: Node | None = None
        self._last: Node | None = None
        self._timeline = 0
        self._cluster: int | None = None
        self._chosen: Node | None = None
        self._begun = 0

    def __repr__(self) -> str:
        primary = "no primary" if self._primary is None else f"primary {self._primary.place}"
        return f"<Topology: {primary}, {len(self.serving)} of {len(self.nodes)} servers read from>"

    @property
    def primary(self) -> Node:
        """Who takes writes.

        Raises:
            DatabaseUnavailable: nobody that answers does.
        """
        if self._primary is None:
            raise DatabaseUnavailable("no primary of the database answers")
        return self._primary

    def choose(self, needs: float) -> Node | None:
        """The replica to read from, one that has replayed the log up to `needs`; None where there is none.

        It stays the same until it is asked: calls that are gathered until then would else be a statement for each.
        """
        chosen = self._chosen
        if chosen is not None and chosen.begun == self._begun and chosen.answers and chosen.position >= needs:
            return chosen
        candidates = [node for node in self.serving if node.answers and node.position >= needs]
        if not candidates:
            return None
        chosen = self._chosen = better_of_two(candidates, _cost)
        self._begun = chosen.begun
        return chosen

    async def check(self, node: Node) -> None:
        """Ask a server, and decide anew."""
        asked = await node.check()
        if node.answers and self._cluster is None and node.state is not None:
            self._cluster = node.state.cluster
        self._elect()
        state = self._own(node)
        if node.answers and state is not None and (state.recovering or node is self._primary):
            self._history.saw(state.position, asked)
        self._select()

    def refuse_what_cannot_be(self) -> None:
        """After the first checks.

        Raises:
            ConfigurationError: a URL is none, or servers have nothing to do with each other.
        """
        for node in self.nodes:
            if isinstance(node.error, ConfigurationError):
                raise node.error
        known = {node.state.cluster: node.place for node in self.nodes if node.state is not None}
        if len(known) > 1:
            one, other, *_ = known.values()
            raise ConfigurationError(
                f"{one} and {other} are of different clusters, so that neither is a replica of the other; "
                "give a primary and its streaming replicas"
            )

    def _own(self, node: Node) -> State | None:
        state = node.state
        return state if state is not None and state.cluster == self._cluster else None

    def _elect(self) -> None:
        """Find out who is the primary."""
        states = [self._own(node) for node in self.nodes]
        current = None if self._last is None else self.nodes.index(self._last)
        place = primary_among(states, current, self._timeline)
        found = None if place is None else self.nodes[place]
        if found is not self._primary:
            _log.warning("database primary: %s", "none answers" if found is None else found.place)
        self._primary = found
        state = None if place is None else states[place]
        if found is None or state is None:
            return
        self._timeline = state.timeline
        if found is not self._last:
            self.switched += self._last is not None
            self._last = found
            self._history.forget()

    def _select(self) -> None:
        """Find out who may be read from."""
        troubles = {node: self._trouble(node) for node in self.nodes}
        before, self.serving = self.serving, [node for node, trouble in troubles.items() if not trouble]
        self._chosen = None
        for node in before:
            if troubles[node]:
                self.ejected += 1
                _log.warning("database replica %s gets no reads: %s", node.place, troubles[node])
        for node in self.serving:
            if node not in before:
                _log.info("database replica %s gets reads", node.place)

    def _trouble(self, node: Node) -> str:
        """Why it may not be read from; empty if it may."""
        state = self._own(node)
        if not node.answers or state is None:
            return "it does not answer"
        if not state.recovering:
            return "it is a primary"
        if 0 < state.timeline < self._timeline:
            return "it follows a primary that is none any more"
        node.lag = self._history.lag(state.position)
        return f"it is {node.lag:.3g} s behind" if node.lag > self._max_lag else ""


def _cost(node: Node) -> float:
    return node.cost
