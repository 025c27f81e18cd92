"""Calls of one loop tick as one, for whatever can be asked for many keys at once: `@app.batched()`.

@app.batched(largest=100)
async def rate(currencies: Sequence[str]) -> Mapping[str, Rate]:
    response = await exchange.get("/rates", query={"of": ",".join(currencies)})
    return response.json(dict[str, Rate])

euro = await rate("EUR")                # with all others of its tick; None if the mapping has no such key
both = await rate.many(["EUR", "USD"])
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Generic, TypeVar

from stanchion.data.gathering import Keyed
from stanchion.errors import ConfigurationError, HTTPError

K = TypeVar("K")
V = TypeVar("V")
Load = Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]


class Batched(Generic[K, V]):
    """A function of many keys, to be called with one.

    It gets distinct keys, within the latest deadline of those who wait, and returns what it has found by key; an
    exception as a key's value is raised for that key. What it raises itself is every caller's if there was no answer
    (a status of 429, or of 500 and more; OSError, TimeoutError); else the batch is tried by halves, so that a key that
    is malformed fails by itself. Who asks for the same key gets the same value.
    """

    def __init__(self, load: Load[K, V], *, largest: int, in_flight: int) -> None:
        """`largest` is the most keys of a call, `in_flight` the calls that a worker has under way.

        Raises:
            ConfigurationError: the function is not `async def`, or a number is below 1.
        """
        self.name = getattr(load, "__qualname__", repr(load))
        for name, value in (("largest", largest), ("in_flight", in_flight)):
            if value < 1:
                raise ConfigurationError(f"batched({name}={value}) of {self.name}: expected 1 or more")
        if not iscoroutinefunction(load):
            raise ConfigurationError(f"{self.name} is batched: expected async def, of a sequence of keys")
        self._load = load
        self._keyed: Keyed[K, V] = Keyed(
            self._loaded, largest=largest, in_flight=in_flight, fatal=_is_nobodys, carries=True
        )

    def __repr__(self) -> str:
        return f"<Batched {self.name}: {self._keyed!r}>"

    def statistics(self) -> dict[str, int]:
        """Calls and the batches they went in since the start, and the calls that wait."""
        return self._keyed.statistics()

    def __call__(self, key: K) -> "asyncio.Future[V | None]":
        """What there is for this key; None where the mapping has nothing.

        Raises:
            TypeError: the key cannot be hashed.
        """
        return self._keyed.get(key)

    async def many(self, keys: Sequence[K]) -> list[V | None]:
        """What there is for these keys, in their order."""
        return list(await asyncio.gather(*map(self._keyed.get, keys)))

    async def _loaded(self, keys: Sequence[K]) -> Mapping[K, V]:
        found = await self._load(keys)
        if not isinstance(found, Mapping):
            kind = type(found).__name__
            raise ConfigurationError(f"{self.name} has returned a {kind}: expected a mapping of keys to values")
        return found


def _is_nobodys(error: Exception) -> bool:
    """Whether it is no key's fault, so that calls for fewer of them would bring nothing but more load."""
    if isinstance(error, HTTPError):
        return error.status >= 500 or error.status == 429
    return isinstance(error, OSError | ConfigurationError)  # a TimeoutError is an OSError
