"""Options that say their range in their type: `retries: Annotated[int, Meta(ge=0, le=10)] = 2`."""

from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from stanchion.errors import ConfigurationError


def check_ranges(
    options: Struct, spelled: str = "{name}={value!r}", failure: type[ConfigurationError] = ConfigurationError
) -> None:
    """Check the fields whose types say a range; msgspec itself does so only for what it decodes.

    Raises:
        ConfigurationError: the first that is out of its range, by its name and value as `spelled`; or that `failure`.
    """
    for field in fields(options):
        if any(get_origin(kind) is Annotated for kind in (field.type, *get_args(field.type))):
            _check(field.name, getattr(options, field.name), field.type, spelled, failure)


def _check(name: str, value: Any, kind: Any, spelled: str, failure: type[ConfigurationError]) -> None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise failure(f"{spelled.format(name=name, value=value)}: {error}") from None
