"""The codec in plain Python: the readable twin of `_codec_c`, which the same tests run on.

A frame is `[header] MTI bitmap [secondary bitmap [tertiary bitmap]] field field …`, fields in ascending order.
`Layout.scan` finds where each value starts and ends and builds nothing else; a `View` reads single values on demand;
`Layout.emit` writes a new message by copying the wire bytes of fields from a view ("splice") with some values replaced
("patch"). `Layout.decode` and `Layout.encode` go by dictionaries of text, for people.
"""

from binascii import a2b_hex
from collections.abc import Iterable, Mapping

from switch.iso8583.errors import NO_SUCH_FIELD, NOT_A_BITMAP, TOO_LONG, EncodeError, FormatError, Unreadable, excess
from switch.iso8583.fields import (
    FIELD_KEYS,
    HEADER,
    MAX_FIELD,
    MAX_FRAME_BYTES,
    SECONDARY,
    Field,
    Spec,
    compile_spec,
)

# In a layout with a tertiary bitmap, what would be DE 65 announces it.
TERTIARY_FLAG = 65

Span = tuple[int, int]


class FieldMask:
    """A frozen set of field numbers from 2 to 192.

    >>> mask = FieldMask([2, 11]) | FieldMask([37])
    >>> 37 in mask, 38 in mask, mask
    (True, False, FieldMask([2, 11, 37]))
    """

    __slots__ = ("_bits",)

    def __init__(self, fields: Iterable[int]) -> None:
        self._bits = 0
        for field in fields:
            if not 2 <= field <= MAX_FIELD:
                raise ValueError(f"a mask holds fields from 2 to {MAX_FIELD}, not {field}")
            self._bits |= 1 << field

    def __contains__(self, field: int) -> bool:
        return 2 <= field <= MAX_FIELD and bool(self._bits >> field & 1)

    def __or__(self, other: "FieldMask") -> "FieldMask":
        union = FieldMask(())
        union._bits = self._bits | other._bits
        return union

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldMask) and self._bits == other._bits

    def __hash__(self) -> int:
        return hash(self._bits)

    def __repr__(self) -> str:
        return f"FieldMask({[field for field in range(2, MAX_FIELD + 1) if field in self]})"


class Patches(dict[int, str | None]):
    """What `emit` is to write of its own: texts by field, None where a field is to be left out."""

    def put(self, field: int, text: str | None) -> None:
        """`text` for `field`, from 2 to 192; 0 is the header."""
        if not 0 <= field <= MAX_FIELD or field == SECONDARY:
            raise ValueError(f"a patch is for the header, 0, or a field from 2 to {MAX_FIELD}, not for {field}")
        self[field] = text


class View:
    """A scanned frame: where each value is. Values are read on demand; nothing here ever prints one."""

    __slots__ = ("_sections", "_spans", "complete", "frame", "layout")

    def __init__(self, frame: bytes, layout: "Layout") -> None:
        self.frame = frame
        self.layout = layout
        self.complete = False  # has the frame been read to its end? Then no field has slipped
        self._sections: dict[str, Span] = {}  # "t", "p" and "1": message type and bitmaps
        self._spans: dict[int, Span] = {}  # values, ascending; 0 is the header

    @property
    def mti(self) -> str:
        """The message type as text, "0100"; "" in the partial view of a frame that ends before it."""
        span = self._sections.get("t")
        return self.layout.table.mti.text(self.frame, *span) if span else ""

    def has(self, field: int) -> bool:
        """Is `field` in the message?"""
        return field in self._spans

    def text(self, field: int) -> str | None:
        """Canonical text: characters, binary as upper-case hexadecimal, BCD digits without pad. 0 is the header."""
        rule = self.layout.table.fields[field] if field in self._spans else None
        return rule.text(self.frame, *self._spans[field]) if rule else None

    def texts(self, fields: tuple[int, ...]) -> list[str]:
        """The texts of several fields; "" for those that are not there."""
        return [self.text(field) or "" for field in fields]

    def lacks(self, mask: FieldMask) -> int:
        """The lowest field of `mask` that is not there; 0 when all are."""
        return next((field for field in range(2, MAX_FIELD + 1) if field in mask and field not in self._spans), 0)

    def beyond(self, mask: FieldMask) -> list[int]:
        """The numbers of the fields that are there and not in `mask`, ascending."""
        return [field for field in self.fields() if field not in mask]

    def raw(self, field: int) -> bytes | None:
        """The value's bytes as on the wire, without length prefix."""
        span = self._spans.get(field)
        return None if span is None else self.frame[slice(*span)]

    def span(self, field: int) -> Span | None:
        """Offsets of the value's first byte and of the one after its last."""
        return self._spans.get(field)

    def fields(self) -> tuple[int, ...]:
        """The numbers of the fields present, ascending."""
        return tuple(field for field in self._spans if field > SECONDARY)

    def patch(self, patches: Mapping[int, str | None], mti: str | None = None) -> bytes:
        """This message with some fields replaced, added, or (None) left out. Raises `EncodeError`."""
        return self.layout.emit(self.mti if mti is None else mti, self, EVERY_FIELD, patches)

    def __repr__(self) -> str:
        return f"<View {self.mti or '????'} fields {', '.join(map(str, self.fields()))}>"


class Layout:
    """A compiled field table, from a specification shaped as pyiso8583's; see `switch.iso8583.fields`.

    >>> from iso8583.specs import default_ascii
    >>> layout = Layout(default_ascii)
    >>> frame = layout.encode({"t": "0800", "11": "000001", "70": "301"})
    >>> frame
    b'080080200000000000000400000000000000000001301'
    >>> layout.scan(frame).text(70)
    '301'
    >>> layout.scan(frame[:-1])
    Traceback (most recent call last):
    switch.iso8583.errors.FormatError: undecodable at DE 70: needs 3 bytes, 2 are left, position 42
    """

    __slots__ = ("table",)

    def __init__(self, spec: Spec) -> None:
        self.table = compile_spec(spec)

    def scan(self, frame: bytes) -> View:
        """Find every value and check it; raises `FormatError` with a view of what can be trusted nevertheless."""
        if not isinstance(frame, bytes):
            raise TypeError(f"a frame is bytes, not {type(frame).__name__}")
        view = View(frame, self)
        table = self.table
        if len(frame) > MAX_FRAME_BYTES:
            raise FormatError("t", 0, TOO_LONG, view)
        at, header = 0, table.fields[HEADER]
        if header is not None:
            view._spans[HEADER] = _, at = _read(view, header, at)
        view._sections["t"] = _, at = _read(view, table.mti, at)
        present, at = _read_bitmaps(view, at)
        last = table.bitmap.key
        for number in present:
            rule, last = table.fields[number], str(number)
            if rule is None:
                raise FormatError(last, at, NO_SUCH_FIELD, view)
            try:
                view._spans[number] = _, at = rule.read(frame, at)
            except Unreadable as fault:
                _read_on(view, [n for n in present if n > number], fault.end)
                raise FormatError(last, fault.position, fault.reason, view) from None
        if at != len(frame):
            raise FormatError(last, at, excess(len(frame) - at), view)
        view.complete = True
        return view

    def mask(self, fields: Iterable[int]) -> FieldMask:
        """A `FieldMask` for `emit`."""
        return FieldMask(fields)

    def decode(self, frame: bytes) -> dict[str, str]:
        """Everything as text, as pyiso8583's `doc_dec`: {"t": "0800", "p": …, "11": "000001"}. Raises `FormatError`."""
        view = self.scan(frame)
        table = self.table
        header = view.text(HEADER)
        doc = {} if header is None else {"h": header}
        for key, rule in (("t", table.mti), ("p", table.bitmap), ("1", table.fields[SECONDARY])):
            if rule and key in view._sections:
                doc[key] = rule.text(frame, *view._sections[key])
        for field in view.fields():
            text = view.text(field)
            assert text is not None  # the view just named the field
            doc[str(field)] = text
        return doc

    def encode(self, doc: Mapping[str, str]) -> bytes:
        """The frame of a dictionary of text; bitmaps are computed ("p" and "1" may be there and are not read).

        Raises `EncodeError`.
        """
        if "t" not in doc:
            raise EncodeError("t", "a message needs its type")
        chosen: dict[int, str | View] = {}
        for key, text in doc.items():
            if key in FIELD_KEYS or key == "h":
                number = FIELD_KEYS.get(key, HEADER)
                self._rule(number)
                chosen[number] = text
            elif key not in ("t", "p", "1"):
                raise EncodeError(str(key), NO_SUCH_FIELD)
        return self._write(doc["t"], chosen)

    def emit(
        self, mti: str, view: View | None, mask: FieldMask | None, patches: Mapping[int, str | None]
    ) -> bytes:  # fmt: skip
        """A message spliced from a view: field by field the patch if there is one (None leaves the field out), else
        what the view has, if it is in the mask. Without a view (None) of patches alone.

        The wire bytes are copied where the field is encoded alike in both layouts, and an odd count of BCD digits has
        the declared pad; else it goes through its canonical text. A header (number 0) comes from the patches or the
        view. Raises `EncodeError`.
        """
        chosen: dict[int, str | View] = {}
        if view is not None and mask is not None:
            chosen = {field: view for field in view._spans if field in mask or field == HEADER}
        if self.table.fields[HEADER] is None:
            chosen.pop(HEADER, None)
        for number, text in patches.items():
            if text is not None:
                self._rule(number)
                chosen[number] = text
            elif number != HEADER:
                chosen.pop(number, None)
        return self._write(mti, chosen)

    def _write(self, mti: str, chosen: dict[int, "str | View"]) -> bytes:
        """The message of these fields, each from a text or spliced from a view."""
        if self.table.fields[HEADER] is not None and HEADER not in chosen:
            raise EncodeError("h", "this layout needs a header")
        numbers = sorted(number for number in chosen if number != HEADER)
        frame = self._wire(HEADER, chosen[HEADER]) if HEADER in chosen else b""
        frame += self.table.mti.write(mti) + self._bitmaps(numbers)
        for number in numbers:
            frame += self._wire(number, chosen[number])
            if len(frame) > MAX_FRAME_BYTES:
                raise EncodeError("t", TOO_LONG)
        return frame

    def _wire(self, number: int, source: "str | View") -> bytes:
        """Length prefix and value of one field."""
        rule = self._rule(number)
        if not isinstance(source, View):
            return rule.write(source)
        theirs = source.layout.table.fields[number]
        assert theirs is not None  # the view has the field, so its layout knows it
        start, end = source._spans[number]
        if rule == theirs and rule.is_canonical(source.frame, start, end):
            return source.frame[start - rule.width : end]
        text = theirs.text(source.frame, start, end)
        if rule.track and theirs.binary and not rule.binary:
            text = text.replace("D", "=", 1)
        return rule.write(text)

    def _rule(self, field: int) -> Field:
        rule = self.table.fields[field] if 0 <= field <= MAX_FIELD else None
        if rule is None or field == SECONDARY or (field == TERTIARY_FLAG and self.table.tertiary):
            raise EncodeError("h" if field == HEADER else str(field), NO_SUCH_FIELD)
        return rule

    def _bitmaps(self, numbers: list[int]) -> bytes:
        """As many bitmaps as the highest number needs, each announced by the first bit of the one before."""
        count = (max(numbers, default=1) + 63) // 64
        flags = [1, TERTIARY_FLAG][: count - 1]
        bits = sum(1 << (64 * count - field) for field in numbers + flags)
        text = f"{bits:0{16 * count}X}"
        rules = [self.table.bitmap, *[self._secondary()] * (count - 1)]
        return b"".join(rule.write(text[16 * i : 16 * i + 16]) for i, rule in enumerate(rules))

    def _secondary(self) -> Field:
        rule = self.table.fields[SECONDARY]
        if rule is None:
            raise EncodeError("1", NO_SUCH_FIELD)
        return rule


def _read(view: View, rule: Field, at: int) -> Span:
    """The value at `at`; what its rule finds unreadable becomes the view's `FormatError`."""
    try:
        return rule.read(view.frame, at)
    except Unreadable as fault:
        raise FormatError(rule.key, fault.position, fault.reason, view) from None


def _read_on(view: View, rest: list[int], at: int) -> None:
    """Read the fields behind a bad value, which ends at `at` (0: nobody knows), and leave out other bad ones.

    They stay in the view only if the last one ends with the frame: else they may have slipped against the bytes.
    """
    spans: dict[int, Span] = {}
    for number in rest:
        rule = view.layout.table.fields[number]
        if rule is None or not at:
            return
        try:
            spans[number] = _, at = rule.read(view.frame, at)
        except Unreadable as fault:
            at = fault.end
    if at == len(view.frame):
        view._spans.update(spans)
        view.complete = True


def _read_bitmaps(view: View, at: int) -> tuple[list[int], int]:
    """The numbers of the fields present, and where the first of them starts."""
    table = view.layout.table
    present, start = _read_bitmap(view, table.bitmap, at, 0)
    view._sections["p"] = at, start
    if 1 in present:
        secondary = table.fields[SECONDARY]
        if secondary is None:
            raise FormatError("1", start, NO_SUCH_FIELD, view)
        more, end = _read_bitmap(view, secondary, start, 64)
        view._sections["1"] = start, end
        present += more
        if table.tertiary and TERTIARY_FLAG in present:
            more, end = _read_bitmap(view, secondary, end, 128)
            view._sections["1"] = start, end
            present = [n for n in present if n != TERTIARY_FLAG] + more
        present, start = present[1:], end
    return present, start


def _read_bitmap(view: View, rule: Field, at: int, offset: int) -> tuple[list[int], int]:
    start, end = _read(view, rule, at)
    text = rule.text(view.frame, start, end)
    try:
        bits = int.from_bytes(a2b_hex(text))
    except ValueError:
        raise FormatError(rule.key, at, NOT_A_BITMAP, view) from None
    return [offset + bit for bit in range(1, 65) if bits >> (64 - bit) & 1], end


EVERY_FIELD = FieldMask(range(2, MAX_FIELD + 1))
