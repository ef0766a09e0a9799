"""The words that a value of the configuration may be, for whoever wrote another one there."""

import re
from typing import Any

from msgspec import inspect

from switch.config.tables import Config


def choices(path: str) -> list[str]:
    """The words allowed at `path`; none where anything else than a list of words is asked for.

    >>> choices("$.link[0].mac_repeat"), choices("$.link[2].match[0]"), choices("$.link[0].port")
    (['as-original', 'as-sent'], ['37', '41'], [])
    """
    place: Any = inspect.type_info(Config)
    for name in re.findall(r"\w+(?=\])|(?<=\.)\w+", path):
        if isinstance(place, inspect.StructType):
            place = next((field.type for field in place.fields if field.encode_name == name), None)
        else:
            place = getattr(place, "item_type", None)
        while isinstance(place, inspect.Metadata):
            place = place.type
    return [str(value) for value in place.values] if isinstance(place, inspect.LiteralType) else []
