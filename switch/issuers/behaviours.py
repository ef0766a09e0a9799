"""What a test card is for. The decline codes of the business order need no code of their own: this table holds them.

A card whose trouble is money (`funds`, `limit`, `count-limit`) says so by its balance and limits, and one that takes
PINs (`pin-tries`) or that the switch may approve itself (`stand-in`) by being an ordinary card; their names stand here
so that a misspelt one is refused. A behaviour is about requests: advices and reversals of every card are taken at once.
"""

from typing import Final, NamedTuple


class Behaviour(NamedTuple):
    """How a card departs from an ordinary one."""

    declined: str = ""  # the result it always meets
    unlimited: bool = False  # neither balance nor limit ends
    known: bool = True  # False: the issuer has no such card
    delay_s: float = 0.0  # on top of the issuer's latency
    silent: bool = False  # booked, and the answer lost on its way
    partial: bool = False  # a purchase beyond what is available is approved as far as it goes


ORDINARY: Final = Behaviour()

BEHAVIOURS: Final[dict[str, Behaviour]] = {
    "plain": ORDINARY,
    "approve": Behaviour(unlimited=True),
    "pin-tries": ORDINARY,
    "funds": ORDINARY,
    "limit": ORDINARY,
    "count-limit": ORDINARY,
    "partial": Behaviour(partial=True),
    "stand-in": ORDINARY,
    "expired": Behaviour(declined="expired"),
    "lost": Behaviour(declined="lost"),
    "stolen": Behaviour(declined="stolen"),
    "restricted": Behaviour(declined="restricted"),
    "do-not-honor": Behaviour(declined="do_not_honor"),
    "not-permitted": Behaviour(declined="not_permitted_card"),
    "unknown": Behaviour(known=False),
    "no-route": ORDINARY,  # never gets here
    "issuer-down": ORDINARY,  # nor this one
    "issuer-late": Behaviour(delay_s=7.0),  # 2 s beyond the switch's 5 s timer; the answer does come
    "issuer-silent": Behaviour(silent=True),  # the worst case: debited, and only a reversal undoes it
}


def behaviour(name: str) -> Behaviour:
    """Return the behaviour of that name.

    Raises:
        ValueError: there is none; the text lists those there are.
    """
    try:
        return BEHAVIOURS[name]
    except KeyError:
        raise ValueError(f"no card behaviour {name!r}; there are: {', '.join(BEHAVIOURS)}") from None
