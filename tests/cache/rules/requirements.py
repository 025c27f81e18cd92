"""Which requirement of which RFC a test holds: a mark that the page of requirements is made from."""

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

from msgspec import Struct

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "choice"]
_ATTRIBUTE = "holds"


Test = TypeVar("Test", bound=Callable[..., Any])


class Requirement(Struct, frozen=True):
    """One requirement; `level` is the RFC's word, or `choice` where it leaves one."""

    rfc: int
    section: str
    level: Level
    text: str


def requirement(section: str, level: Level, text: str, *, rfc: int = 9111) -> Callable[[Test], Test]:
    """Mark a test; its name begins with the section: `test_5_2_2_5_no_store`, with the RFC before it if not 9111."""

    def mark(test: Test) -> Test:
        prefix = section.replace(".", "_") if rfc == 9111 else f"{rfc}_{section.replace('.', '_')}"
        own = list(vars(test).get(_ATTRIBUTE, ()))
        assert own or test.__name__.startswith(f"test_{prefix}_"), f"{test.__name__} does not begin with test_{prefix}_"
        setattr(test, _ATTRIBUTE, [Requirement(rfc, section, level, text), *own])
        return test

    return mark


def modules() -> list[ModuleType]:
    """The modules of tests in this folder, in the order of the RFC's sections."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("test_cache_rules_*.py"))
    return [import_module(f"{__package__}.{name}") for name in names]


def held() -> Iterator[tuple[Requirement, str, str]]:
    """Every requirement with the file and the name of the test that holds it."""
    for module in modules():
        for name, test in inspect.getmembers(module, inspect.isfunction):
            for requirement in vars(test).get(_ATTRIBUTE, ()):
                yield requirement, Path(module.__file__ or "").name, name
