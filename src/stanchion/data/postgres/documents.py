"""What goes into columns of json and jsonb, and comes out of them.

The server says of each parameter what it takes it for: so a list is an array where there is an array, and JSON here.
"""

from typing import Any

import msgspec

_TYPES = ("json", "jsonb")


async def take_documents(connection: Any) -> None:
    """Let a connection of asyncpg's take dicts, lists and Structs; it costs no call of the server."""
    for name in _TYPES:
        await connection.set_type_codec(name, schema="pg_catalog", encoder=encoded, decoder=decoded)


def encoded(value: Any) -> str:
    """JSON of anything but a `str`, which is JSON already, as it is where SQLite keeps it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def decoded(text: str) -> Any:
    """A number, a truth value or a text as it is. An object or an array stays JSON, as in SQLite: the field that it is
    for says what is to be made of it, and a field that is a `str` has the JSON."""
    return text if text.lstrip()[:1] in ("{", "[") else msgspec.json.decode(text)
