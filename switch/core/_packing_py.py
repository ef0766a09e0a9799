"""A flat tuple as a MessagePack array: the twin of `_packing_c`."""

from typing import Any, Final

import msgspec

_encode: Final = msgspec.msgpack.Encoder().encode


def pack(values: tuple[Any, ...]) -> bytes:
    """The array of `values`. TypeError for anything but text, bytes, numbers, truth values and None."""
    for value in values:
        if type(value) not in (str, bytes, int, float, bool, type(None)):
            raise TypeError(f"a record holds text, numbers and bytes, not {type(value).__name__}")
    return _encode(values)
