"""The codec in use: the compiled one, or with `MONETIQUE_NATIVE=0` its twin in Python, `_codec_py`."""

from typing import TYPE_CHECKING

from switch.iso8583.errors import EncodeError, FormatError
from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.iso8583._codec_py import FieldMask, Layout, View
else:
    from switch.iso8583._codec_c import FieldMask, Layout, View

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["IMPLEMENTATION", "EncodeError", "FieldMask", "FormatError", "Layout", "View"]
