"""A dependency and a server that calls it, in simulated time: what the limit is judged by."""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

from stanchion.limits.gradient import GradientLimit

WINDOW = 0.1


class Simulation:
    """Requests at random intervals; each is in flight for `latency(in_flight)` seconds, or turned away."""

    def __init__(self, limit: GradientLimit, *, rate: float, seed: int = 1) -> None:
        self.limit = limit
        self.rate = rate
        self.now = 0.0
        self.admitted = self.refused = 0
        self.limits: list[int] = []
        self._chance = Random(seed)
        self._ends: list[tuple[float, float]] = []
        self._arrival = 0.0

    def run(self, seconds: float, latency: Callable[[int], float], lag: Callable[[int], float] = lambda n: 0.0) -> None:
        """Go on for `seconds`; `lag` of the loop as a function of what is in flight."""
        end = self.now + seconds
        while self.now < end:
            close = self.now + WINDOW
            peak = len(self._ends)
            while self._arrival < close:
                self._finish(self._arrival)
                if len(self._ends) < self.limit.limit:
                    self.admitted += 1
                    heappush(self._ends, (self._arrival + latency(len(self._ends)), self._arrival))
                    peak = max(peak, len(self._ends))
                else:
                    self.refused += 1
                self._arrival += self._chance.expovariate(self.rate)
            self._finish(close)
            self.now = close
            self.limits.append(self.limit.close(in_flight=peak, lag=lag(peak)))

    def _finish(self, until: float) -> None:
        while self._ends and self._ends[0][0] <= until:
            ended, began = heappop(self._ends)
            self.limit.sample("route", ended - began)
