"""What both implementations of the card-number map share; the theory stands in `switch.cards.number_map`."""

from switch.cards.masking import mask_pan
from switch.cards.pan import MAX_DIGITS, MIN_DIGITS

KEY_BYTES = 16  # of SipHash

# A record index has 32 bits; the highest of them says "none" in a batch.
ABSENT = 0xFFFF_FFFF

# A table grows above LOAD and is then made for 5/3 of its entries, so that it is three fifths full: between 16 and 20
# bytes an entry, and 8.5 slots to read for a number that is not there where it is fullest (Knuth, TAOCP 3, section 6.4).
LOAD_NUMERATOR, LOAD_DENOMINATOR = 3, 4
GROWTH_NUMERATOR, GROWTH_DENOMINATOR = 5, 3
MIN_SLOTS = 8

# Entries a segment before another one is added. The longest pause of an insert is dealing out one segment, which has
# up to twice as many: 0.1 ms. Smaller ones would cost more of the second-level cache for the list of segments.
SEGMENT_ENTRIES = 8192


def wrong_key(size: int) -> ValueError:
    """A hash key of another length."""
    return ValueError(f"the hash key of a number map has {KEY_BYTES} bytes, not {size}")


def no_number(size: int) -> ValueError:
    """Something that cannot be a card number; only its length is said, since it might be a track."""
    return ValueError(f"a card number is {MIN_DIGITS} to {MAX_DIGITS} decimal digits; these {size} characters are not")


def twice(number: str) -> ValueError:
    """A second record for one number."""
    return ValueError(f"card number {mask_pan(number)} is in the map already: delete it first")


def no_record(record: int) -> ValueError:
    """An index that does not fit."""
    return ValueError(f"a record index is 0 to {ABSENT - 1}, not {record}")
