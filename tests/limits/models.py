"""Slow, obviously right models: they keep every admitted request for ever."""

from fractions import Fraction


class EvenRate:
    """At most `burst`, and one more an `interval`, over every stretch of time that ends now."""

    def __init__(self, interval: int, burst: int) -> None:
        self.interval = interval
        self.burst = burst
        self.admitted: list[tuple[int, int]] = []

    def fits(self, now: int, cost: int) -> bool:
        """Whether no stretch from an admitted request, or from this one, until now holds too much."""
        events = [*self.admitted, (now, cost)]
        for start, (began, _) in enumerate(events):
            total = sum(cost for _, cost in events[start:])
            if total * self.interval > self.burst * self.interval + (now - began):
                return False
        return True


class TwoWindows:
    """The estimate, by its definition: this aligned window, and the share of the last that is not over yet."""

    def __init__(self, count: int, window: int) -> None:
        self.count = count
        self.window = window
        self.admitted: list[tuple[int, int]] = []

    def fits(self, now: int, cost: int) -> bool:
        number, elapsed = divmod(now, self.window)
        present = sum(cost for at, cost in self.admitted if at // self.window == number)
        past = sum(cost for at, cost in self.admitted if at // self.window == number - 1)
        return past * Fraction(self.window - elapsed, self.window) + present + cost <= self.count
