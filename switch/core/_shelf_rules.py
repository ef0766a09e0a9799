"""What both implementations of the shelf share; the theory stands in `switch.core.shelf`."""

KEY_BYTES = 16  # of SipHash


def wrong_key(size: int) -> ValueError:
    """A hash key of another length."""
    return ValueError(f"the hash key of a shelf has {KEY_BYTES} bytes, not {size}")


def no_shelf(places: int, room: int) -> ValueError:
    """A size that cannot be."""
    return ValueError(f"a shelf has room for 1 to 2³¹ - 1 transactions and 1 to 2⁴⁷ - 1 bytes, not {places} and {room}")


def not_there(serial: int) -> KeyError:
    """A serial that is not given out yet, or not any more."""
    return KeyError(f"nothing stands on the shelf under {serial}")
