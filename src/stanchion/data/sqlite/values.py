"""What SQLite keeps of a value."""

from typing import Any

import msgspec

from stanchion.data.failures import ValueRefused

_INTEGERS = 1 << 63
_STORED = frozenset((int, float, str, bytes, bool))


def stored(value: Any) -> Any:
    """A value of a type that SQLite has; of another it is text, as JSON has it.

    Raises:
        ValueRefused: a number is beyond 64 bits. SQLite would have it fail with the error of the statement before.
    """
    if type(value) is int and not -_INTEGERS <= value < _INTEGERS:
        raise ValueRefused
    if value is None or type(value) in _STORED:
        return value
    plain = msgspec.to_builtins(value, builtin_types=(bytes,))
    return msgspec.json.encode(plain).decode() if isinstance(plain, dict | list | tuple) else plain
