"""The records behind the card-number map: what is known of each disposable number. Made for ten million of them.

Theory of operation. Numbers are numbered: the first that was given out has **mark** 1. They are added at the end and
never go, so the mark is an index. A record is read and written whole, as a `Number`, an object that lives as long as
the question; where it is kept it is a row of typed columns, 69 bytes, and beside them stands what was sealed of it for
the log, one behind the other, for the next snapshot to say again. Rows are in **blocks** of 4096, so growth neither
copies nor waits, and the garbage collector has nothing to look at.

Card numbers are integers here, with their number of digits. This is memory, like the map's: at rest they are sealed.
"""

from array import array
from typing import Final

BLOCK: Final = 4096

NOT_KNOWN: Final = -1  # `card_expiry`, `cvv2`


class Number:
    """One record. The last four change in the course of its life, the rest is what it was given out with."""

    __slots__ = (
        "cancelled_at", "cap", "card", "card_expiry", "currency", "cvv2", "digits", "expiry", "number", "place",
        "single", "used", "uses", "valid_until",
    )  # fmt: skip

    def __init__(self) -> None:
        self.number = self.card = self.digits = 0
        self.expiry, self.card_expiry = 0, NOT_KNOWN  # YYMM
        self.place = self.currency = self.cap = 0  # the scheme knows which place and currency, and counts minor units
        self.single = False
        self.valid_until = 0.0
        self.used = self.uses = 0
        self.cancelled_at = 0.0
        self.cvv2 = NOT_KNOWN

    def text(self) -> str:
        """The number itself."""
        return in_digits(self.number, self.digits)

    def pan(self) -> str:
        """The card's."""
        return in_digits(self.card, self.digits)


class Block:
    """`BLOCK` rows, column by column; `ends` are those of the bytes in `sealed`."""

    __slots__ = (
        "cancelled", "caps", "card_expiries", "cards", "currencies", "cvv2s", "digits", "ends", "expiries", "numbers",
        "places", "sealed", "singles", "used", "uses", "valid",
    )  # fmt: skip

    def __init__(self) -> None:
        self.numbers, self.cards = _column("Q"), _column("Q")
        self.caps, self.used = _column("q"), _column("q")
        self.valid, self.cancelled = _times(), _times()
        self.places, self.ends, self.uses = _column("I"), _column("I"), _column("i")
        self.expiries, self.card_expiries, self.cvv2s = _column("h"), _column("h"), _column("h")
        self.digits, self.singles, self.currencies = _column("B"), _column("B"), _column("B")
        self.sealed: bytes | bytearray = bytearray()


class NumberRecords:
    """All records, by mark.

    >>> records, number = NumberRecords(), Number()
    >>> number.number, number.card, number.digits = 4687380000000024, 4687380000000016, 16
    >>> records.append(number, b"sealed"), records.get(1).pan(), records.sealed(1), len(records)
    (1, '4687380000000016', b'sealed', 1)
    """

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, number: Number, sealed: bytes) -> int:
        """Its mark."""
        at = self._count % BLOCK
        if at == 0:
            self._blocks.append(Block())
        block = self._blocks[-1]
        block.numbers[at], block.cards[at], block.digits[at] = number.number, number.card, number.digits
        block.expiries[at], block.card_expiries[at] = number.expiry, number.card_expiry
        block.places[at], block.currencies[at], block.caps[at] = number.place, number.currency, number.cap
        block.singles[at], block.valid[at] = number.single, number.valid_until
        block.sealed += sealed
        block.ends[at] = len(block.sealed)
        self._count += 1
        if at == BLOCK - 1:
            block.sealed = bytes(block.sealed)  # without the room to grow
        self.put(self._count, number)
        return self._count

    def get(self, mark: int) -> Number:
        """IndexError for a mark that there is not."""
        self._check(mark)
        block, at, found = self._blocks[(mark - 1) // BLOCK], (mark - 1) % BLOCK, Number()
        found.number, found.card, found.digits = block.numbers[at], block.cards[at], block.digits[at]
        found.expiry, found.card_expiry = block.expiries[at], block.card_expiries[at]
        found.place, found.currency, found.cap = block.places[at], block.currencies[at], block.caps[at]
        found.single, found.valid_until = block.singles[at] != 0, block.valid[at]
        found.used, found.uses = block.used[at], block.uses[at]
        found.cancelled_at, found.cvv2 = block.cancelled[at], block.cvv2s[at]
        return found

    def put(self, mark: int, number: Number) -> None:
        """What may change of it. IndexError as above."""
        self._check(mark)
        block, at = self._blocks[(mark - 1) // BLOCK], (mark - 1) % BLOCK
        block.used[at], block.uses[at] = number.used, number.uses
        block.cancelled[at], block.cvv2s[at] = number.cancelled_at, number.cvv2

    def sealed(self, mark: int) -> bytes:
        """What it was appended with. IndexError as above."""
        self._check(mark)
        block, at = self._blocks[(mark - 1) // BLOCK], (mark - 1) % BLOCK
        return bytes(block.sealed[block.ends[at - 1] if at else 0 : block.ends[at]])

    def _check(self, mark: int) -> None:
        if not 0 < mark <= self._count:
            raise IndexError(f"there is no mark {mark}, the last is {self._count}")


def _column(code: str) -> "array[int]":
    """Zeros, of that type of `array`."""
    return array(code, bytes(BLOCK * array(code).itemsize))


def _times() -> "array[float]":
    """The same for seconds since the epoch."""
    return array("d", bytes(BLOCK * array("d").itemsize))


def in_digits(value: int, digits: int) -> str:
    """Leading zeros too.

    >>> in_digits(12, 3), in_digits(123, 3)
    ('012', '123')
    """
    text = str(value)
    return text if len(text) == digits else text.zfill(digits)
