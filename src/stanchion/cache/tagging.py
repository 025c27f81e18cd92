"""The tags of one answer, and their stamp as it was before its origin was asked."""

from collections.abc import Iterable, Sequence
from typing import Any

from stanchion.board.generations import Generations
from stanchion.cache.keys import EVERYTHING, tag_of
from stanchion.cache.tags import Tags
from stanchion.http.request import Request
from stanchion.http.response import Response


class Tagging:
    """Made before the call: an invalidation while the origin answers has to make the answer invalid too. Where a
    function gives the tags afterwards, the numbers of all cells are kept till then, which takes 10 µs."""

    def __init__(self, tags: Any, request: Request, of: Tags, generations: Generations) -> None:
        self._tags = tags
        self._request = request
        self._generations = generations
        self._own = () if callable(tags) else filled(tags, request)
        fixed = (EVERYTHING, tag_of(request), *self._own)
        self._stamp = of.stamp(fixed)
        self._numbers: Sequence[int] | None = generations.numbers() if callable(tags) else None

    @property
    def fixed(self) -> tuple[tuple[int, int], ...] | None:
        """What the answer is valid by, whatever it is; None where a function gives its tags."""
        return self._stamp if self._numbers is None else None

    def tags(self, response: Response) -> tuple[str, ...]:
        """Those that were declared."""
        if self._numbers is not None and not self._own:
            self._own = tuple(self._tags(self._request, response))
        return self._own

    def stamp(self, response: Response) -> tuple[tuple[int, int], ...]:
        """What the answer is valid by."""
        if self._numbers is None:
            return self._stamp
        cells = {self._generations.index(tag) for tag in self.tags(response)}
        return tuple(sorted({*self._stamp, *((cell, self._numbers[cell]) for cell in cells)}))


def filled(templates: Iterable[str], request: Request) -> tuple[str, ...]:
    """Tags with the path's parameters: `airport:{iata}` is `airport:JFK`."""
    params: dict[str, Any] | None = None
    tags = []
    for template in templates:
        if "{" in template:
            params = request.path_params if params is None else params
            tags.append(template.format_map(params))
        else:
            tags.append(template)
    return tuple(tags)
