"""What both implementations of the card-number map share; the theory stands in `switch.cards.number_map`."""

from switch.cards.masking import mask_pan
from switch.cards.pan import MAX_DIGITS, MIN_DIGITS

KEY_BYTES = 16  # of SipHash

# A record index has 32 bits; the highest of them says "none" in a batch.
ABSENT = 0xFFFF_FFFF

# A table is 5461 entries of 12 bytes and their count, 64 KiB; 32 of them are one huge page.
SLOTS = 5461

# Entries a table on the average; for more, a table is added. The tables whose turn to be dealt out has not come have up
# to one and a half times as many, 84 % of their slots, and are then still 12 standard deviations from full.
MEAN_ENTRIES = 3072

# What of the upper half of a group goes to its third table: two thirds, in 256ths.
TWO_THIRDS = 171


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


def table_full() -> RuntimeError:
    """A table has no slot left, which does not happen by chance."""
    return RuntimeError("a table of the number map is full: its hash key is not random, or somebody else knows it")
