"""A glance at a record: of an ordinary intent or outcome, what the fold of the log needs, and no more.

A log is intents and outcomes nearly throughout, and most of these go straight to the shelf, as the bytes that they are.
To decode all their fields, thirty objects, would be half of a restart. A `Glance` reads the few that say where a record
belongs:

    >>> from switch.core.records import Outcome, encode
    >>> glance = Glance()
    >>> ended = glance.ended(encode(Outcome(7, 1e9, "00", "123456", b"", True, False)))
    >>> ended.number, ended.approved, glance.ended(b"anything else")
    (7, True, None)

None is the answer to everything else: other records, those that have to become an object, and those that were encoded
in another way than `switch.core.records` does today. They are decoded; so a glance need not know them, and what it does
say is what decoding would have said.
"""

from typing import TYPE_CHECKING

from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.core._glance_py import Asked, Ended, Glance
else:
    from switch.core._glance_c import Asked, Ended, Glance

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["IMPLEMENTATION", "Asked", "Ended", "Glance"]
