"""pyiso8583's `decode` and `encode`, faster: change the import, keep the specification.

>>> from switch.iso8583 import compat as iso8583
>>> spec = iso8583.specs.default_ascii
>>> doc = {"t": "0800", "11": "000001", "70": "301"}
>>> raw, wire = iso8583.encode(doc, spec)
>>> raw
bytearray(b'080080200000000000000400000000000000000001301')
>>> iso8583.decode(raw, spec) == (doc, wire)
True

A message that is right is read and written by native code, into the same two dictionaries. For whatever is not,
pyiso8583 itself gives the answer: the same errors with the same attributes, because they are its own classes. So an
`except iso8583.DecodeError` written before the change still catches. The specification may change between calls.

With `MONETIQUE_NATIVE=0` these are pyiso8583's functions.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import iso8583
from iso8583 import DecodeError, EncodeError, pp, specs

from switch.iso8583.fields import Spec
from switch.native import NATIVE

__all__ = ["IMPLEMENTATION", "DecodeError", "EncodeError", "decode", "encode", "pp", "specs"]

Texts: TypeAlias = dict[str, str]
Wires: TypeAlias = dict[str, dict[str, bytes]]

IMPLEMENTATION = "native" if NATIVE else "twin"


def _pass(*_: Any) -> None:
    """The twin of the native path reads nothing, so that all goes to pyiso8583."""


if NATIVE:
    from switch.iso8583 import _compat_c

    _decode: Callable[[Any, Any], tuple[Texts, Wires] | None] = _compat_c.decode
    _encode: Callable[[Any, Any], tuple[bytearray, Wires] | None] = _compat_c.encode
else:
    _decode = _encode = _pass


def decode(s: bytes | bytearray, spec: Spec) -> tuple[Texts, Wires]:
    """Both dictionaries of a message, `doc_dec` and `doc_enc`; raises `DecodeError` and `TypeError` as pyiso8583."""
    return _decode(s, spec) or iso8583.decode(s, spec)


def encode(doc_dec: Texts, spec: Spec) -> tuple[bytearray, Wires]:
    """The message and its `doc_enc`; as in pyiso8583, `doc_dec` gets its bitmaps. Raises `EncodeError`, `TypeError`."""
    return _encode(doc_dec, spec) or iso8583.encode(doc_dec, spec)
