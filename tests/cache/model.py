"""A cache as simple as can be: every answer that was ever made, and by what each may still be given to whom."""

from dataclasses import dataclass, field

Key = tuple[str, ...]
"""Route, number, and whatever else selects: the user, or a field."""


@dataclass(frozen=True)
class Terms:
    """What a route declares, in seconds."""

    ttl: float
    stale: float = 0.0
    stale_if_error: float = 0.0


@dataclass(frozen=True)
class Made:
    """One answer of the origin."""

    call: int
    key: Key
    terms: Terms
    tags: frozenset[str]
    at: float
    """Seconds of the model's clock."""
    order: int
    """Of all that has happened."""


@dataclass
class Model:
    """What has been made and ended; time is moved on by hand."""

    now: float = 0.0
    order: int = 0
    made: dict[int, Made] = field(default_factory=dict)
    latest: dict[Key, Made] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    emptied: dict[str, int] = field(default_factory=lambda: {"memory": 0, "machine": 0})
    """When each tier was: from before that it need not have anything."""

    def make(self, key: Key, terms: Terms, tags: frozenset[str]) -> Made:
        """The origin has answered."""
        self.order += 1
        made = Made(len(self.made) + 1, key, terms, tags, self.now, self.order)
        self.made[made.call] = self.latest[key] = made
        return made

    def end(self, tag: str) -> None:
        """What has this tag is invalid from now on."""
        self.order += 1
        self.ended[tag] = self.order

    def empty(self, *tiers: str) -> None:
        """These have lost all they had."""
        self.order += 1
        self.emptied |= dict.fromkeys(tiers, self.order)

    def may_be_given(self, made: Made, key: Key, failing: bool) -> str | None:
        """Why this answer is wrong for a request with this key; None where it is right."""
        if made.key != key:
            return f"it was made for {made.key}"
        if any(self.ended.get(tag, 0) > made.order for tag in made.tags):
            return "it was invalidated"
        age, terms = self.now - made.at, made.terms
        if age >= terms.ttl + terms.stale and not (failing and age <= terms.ttl + terms.stale_if_error):
            return f"it is {age:g} s old, which is more than {terms}"
        return None

    def has(self, key: Key, failing: bool) -> Made | None:
        """The answer that can be given without the origin, if there is one."""
        made = self.latest.get(key)
        if made is None or made.order < min(self.emptied.values()) or self.may_be_given(made, key, failing):
            return None
        return made
