"""An interpreter between a link that speaks ISO 8583:1993 and rules that speak 1987: a layout in its manner.

    frame of 1993 ─▶ its layout ─▶ conversion ─▶ document of 1987 ─▶ View, over a layout of our own
    frame of 1993 ◀─ its layout ◀─ conversion ◀─ document of 1987 ◀─ emit, encode

The layout of our own has the fields of 1987, each as wide as the network's where both mean the same, and above DE 128
what 1993 alone can say (`switch.iso8583.conversion`). Masks let that pass, and only an interpreter writes it. What
cannot be read is told with the field and position of the frame as it came.

1987 knows no year. Whoever has a clock sets `now`; a date is in the year in which it is nearest to that.
"""

from collections.abc import Iterable, Mapping

from switch.iso8583.codec import EncodeError, FieldMask, FormatError, Layout, View
from switch.iso8583.conversion import Converter
from switch.iso8583.edition import Doc, Edition, mti_1987
from switch.iso8583.fields import Spec, Table
from switch.iso8583.roles import MisfitError

OF_THE_FRAME = ("p", "1")  # bitmaps are of the frame, not of the message
FIXED = {"len_type": 0, "len_enc": "ascii"}
EXCESS = b"!"  # behind a whole message it makes a partial view of it


class Interpreter:
    """Scan, emit, encode and decode as `Layout` does, in documents and views of 1987; frames are of 1993."""

    __slots__ = ("_converter", "_inner", "_version", "carriers", "now", "wire")

    def __init__(self, spec: Spec, version: str, edition: Edition, spec_1987: Spec) -> None:
        """`spec` is the network's, whose message types begin with `version`."""
        self.wire = Layout(spec)
        self._version = version
        self._converter = converter = Converter(edition, [key for key in spec if key.isdecimal() and key != "1"])
        same = {key: spec[key] for key in converter.same if key in spec}
        name = {"43": {**spec["43"], **FIXED, "max_len": spec_1987["43"]["max_len"]}} if "43" in spec else {}
        carried = {carrier: spec[key] for key, carrier in converter.carriers.items()}
        sections = {"t": spec_1987["t"], "p": spec_1987["p"], "1": {**spec_1987["1"], "tertiary": True}}
        self._inner = Layout({**spec_1987, **same, **name, **carried, **sections})
        self.carriers = {int(carrier): key for key, carrier in converter.carriers.items()}
        self.now = 0.0

    @property
    def version(self) -> str:
        """The first digit of the network's message types."""
        return self._version

    @property
    def table(self) -> Table:
        """Of the layout that views have."""
        return self._inner.table

    def mask(self, fields: Iterable[int]) -> FieldMask:
        """A `FieldMask` for `emit`."""
        return self._inner.mask((*fields, *self.carriers))

    def scan(self, frame: bytes) -> View:
        """A frame of 1993 as a view of 1987; raises `FormatError`, which holds such a view of what was read before."""
        try:
            view = self.wire.scan(frame)
        except FormatError as error:
            raise FormatError(error.field, error.position, error.reason, self._partial(error.partial)) from None
        if view.mti[0] != self._version:
            reason = f"expected a message type {self._version}xxx"
            raise FormatError("t", 0, reason, self._partial(view))
        try:
            return self._inner.scan(self._inner.encode(self._converter.to_1987(document(view))))
        except MisfitError as error:
            position, _ = view.span(int(error.key)) or (len(frame), 0)
            raise FormatError(error.key, position, error.reason, self._partial(view)) from None
        except EncodeError as error:
            raise FormatError(error.field, 0, error.reason, self._partial(view)) from None

    def decode(self, frame: bytes) -> Doc:
        """A frame of 1993 as a document of 1987. Raises `FormatError`."""
        return self._inner.decode(self.scan(frame).frame)

    def encode(self, doc: Mapping[str, str]) -> bytes:
        """The frame of 1993 of a document of 1987. Raises `EncodeError`."""
        return self._spoken(self._inner.encode(doc))

    def emit(
        self, mti: str, view: View | None, mask: FieldMask | None, patches: Mapping[int, str | None]
    ) -> bytes:  # fmt: skip
        """The frame of 1993 of a message of 1987, put together as `Layout.emit` does. Raises `EncodeError`."""
        return self._spoken(self._inner.emit(mti, view, mask, patches))

    def _spoken(self, frame: bytes) -> bytes:
        doc = {key: text for key, text in self._inner.decode(frame).items() if key not in OF_THE_FRAME}
        return self.wire.encode(self._converter.to_1993(doc, self.now))

    def _partial(self, view: View) -> View:
        """What was read of a frame, as the partial view of a message of 1987."""
        if not view.mti:
            return self._cut(b"")
        frame = self._encoded(self._converter.to_1987(document(view), whole=False))
        return self._inner.scan(frame) if view.complete else self._cut(frame)

    def _cut(self, frame: bytes) -> View:
        """The view of a frame of 1987 that says of itself that it is not complete."""
        try:
            self._inner.scan(frame + EXCESS)
        except FormatError as error:
            return error.partial
        raise AssertionError("nothing ends in an excess byte")

    def _encoded(self, doc: Doc) -> bytes:
        """The frame of what can be written of a document."""
        while True:
            try:
                return self._inner.encode(doc)
            except EncodeError as error:
                if doc.pop(error.field, None) is None or error.field == "t":  # the message as a whole is too long
                    return self._inner.encode({"t": mti_1987(doc["t"])})


def document(view: View) -> Doc:
    """The text of every field that a view has."""
    return {"t": view.mti, **{str(number): view.text(number) or "" for number in view.fields()}}
