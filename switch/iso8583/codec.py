"""The codec in use: the compiled one, or with `MONETIQUE_NATIVE=0` its twin in Python, `_codec_py`."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from switch.iso8583.errors import EncodeError, FormatError
from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.iso8583._codec_py import FieldMask, Layout, Patches, View
else:
    from switch.iso8583._codec_c import FieldMask, Layout, Patches, View, emit, scan

if TYPE_CHECKING:
    from switch.iso8583.fields import Table


class Wire(Protocol):
    """What the rules need of a layout, be it a `Layout` or an interpreter in front of one."""

    @property
    def table(self) -> "Table":
        """The fields of its views."""

    def scan(self, frame: bytes) -> View:
        """See `Layout.scan`."""

    def mask(self, fields: Iterable[int]) -> FieldMask:
        """See `Layout.mask`."""

    def decode(self, frame: bytes) -> dict[str, str]:
        """See `Layout.decode`."""

    def encode(self, doc: Mapping[str, str]) -> bytes:
        """See `Layout.encode`."""

    def emit(
        self, mti: str, view: View | None, mask: FieldMask | None, patches: Mapping[int, str | None]
    ) -> bytes:  # fmt: skip
        """See `Layout.emit`."""


if TYPE_CHECKING or not NATIVE:  # compiled rules call these without looking a method up

    def scan(layout: Wire, frame: bytes) -> View:
        """`layout.scan(frame)`."""
        return layout.scan(frame)

    def emit(
        layout: Wire, mti: str, view: View | None, mask: FieldMask | None, patches: Mapping[int, str | None]
    ) -> bytes:  # fmt: skip
        """`layout.emit(mti, view, mask, patches)`."""
        return layout.emit(mti, view, mask, patches)


IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = [
    "IMPLEMENTATION",
    "EncodeError",
    "FieldMask",
    "FormatError",
    "Layout",
    "Patches",
    "View",
    "Wire",
    "emit",
    "scan",
]
