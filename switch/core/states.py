"""The life of an authorization, as one table.

    NEW ──ask hsm──▶ TRANSLATING ──forward──▶ WAITING ──decide──▶ FINISHED
     │                    │                      │                   ▲
     ├────forward─────────┼──────────▶ WAITING   │                   │
     ├────no issuer───────┴───▶ STANDING_IN ◀────┘ ──────────────────┤
     └────decide─────────────────────────────────────────────────────┘

NEW: read, not yet sent anywhere. TRANSLATING: its PIN block is at the HSM. WAITING: its intent is in the log and the
issuer has it, or will as soon as the intent is durable. STANDING_IN: its issuer could not, and the HSM verifies the PIN
for the switch to decide. FINISHED: its outcome is in the log; an answer, if one is still wanted, is on its way, and
every repeat gets the same one.

What the issuer may still hold of it is a second, smaller table:

    NONE ──approve──▶ HELD ──reverse──▶ OWED ──acknowledge──▶ REVERSED
      │                └─────drop the advice─────────────────────▲
      └───────────────reverse────────────▲

OWED: a 0420 is in the store-and-forward queue, to be repeated until the issuer's 0430. An advice that the issuer has
not been told of yet is dropped instead (R13).
"""

from enum import IntEnum
from typing import Final


class State(IntEnum):
    """Where an authorization is."""

    NEW = 0
    TRANSLATING = 1
    WAITING = 2
    FINISHED = 3
    STANDING_IN = 4


class Hold(IntEnum):
    """What the issuer may hold of it."""

    NONE = 0
    HELD = 1
    OWED = 2
    REVERSED = 3


STATE_MOVES: Final[frozenset[tuple[State, State]]] = frozenset(
    {
        (State.NEW, State.TRANSLATING),
        (State.NEW, State.WAITING),
        (State.NEW, State.FINISHED),
        (State.TRANSLATING, State.WAITING),
        (State.TRANSLATING, State.FINISHED),
        (State.WAITING, State.FINISHED),
        (State.NEW, State.STANDING_IN),
        (State.TRANSLATING, State.STANDING_IN),
        (State.WAITING, State.STANDING_IN),
        (State.STANDING_IN, State.FINISHED),
    }
)

HOLD_MOVES: Final[frozenset[tuple[Hold, Hold]]] = frozenset(
    {
        (Hold.NONE, Hold.HELD),
        (Hold.NONE, Hold.OWED),
        (Hold.HELD, Hold.OWED),
        (Hold.HELD, Hold.REVERSED),
        (Hold.OWED, Hold.REVERSED),
    }
)
