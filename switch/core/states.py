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


def _after(moves: frozenset[tuple[State, State]] | frozenset[tuple[Hold, Hold]], size: int) -> tuple[int, ...]:
    """By state, the states that may follow: one bit each, so that each move is looked up in no time."""
    following = [0] * size
    for before, after in moves:
        following[before] |= 1 << after
    return tuple(following)


AFTER_STATE: Final = _after(STATE_MOVES, len(State))
AFTER_HOLD: Final = _after(HOLD_MOVES, len(Hold))

# By themselves, for the rules: each look through the class of an enumeration costs as much as a comparison of texts.
NEW, TRANSLATING, WAITING, FINISHED, STANDING_IN = State
NO_HOLD, HELD, OWED, REVERSED = Hold
