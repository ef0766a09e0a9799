"""Disposable numbers: what was approved on each, as the acquirers' wires and the switch's durable log have it.

A force-post cannot be refused, so the cap is held against what was asked for and approved alone: of the requests that
stand, not counting holds that a completion has taken the place of, the sum is never above it (OC2), and a number for
one use has one purchase that stands (OC3, and I4: what is good for once approves at most once).
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from switch.simulation.invariants.names import APPROVALS, Key, key_of
from switch.simulation.invariants.switch_log import Logged, SwitchLog, Violate
from switch.simulation.wiretap import Doc

FIRST, LAST = 6, 4
AUTHORIZATIONS = "12"  # classes of the MTI: requests and advices, no reversals
ANSWER_TO_REQUEST = "1"  # function of the MTI
CREDIT_OR_NONE = ("20", "31", "37")  # kinds that take nothing from the card


class Issued(Protocol):
    """What a number was given out for."""

    @property
    def card(self) -> str: ...
    @property
    def acquirer_id(self) -> str: ...
    @property
    def merchant(self) -> str: ...
    @property
    def cap_cents(self) -> int: ...
    @property
    def single(self) -> bool: ...


class Numbers:
    """The model of one run; without numbers it has nothing to say."""

    def __init__(self, switch: SwitchLog, violate: Violate) -> None:
        self._switch = switch
        self._violate = violate
        self._issued: Mapping[str, Issued] = {}
        self._hidden: frozenset[str] = frozenset()  # card numbers that no acquirer has business to see
        self._keys: dict[str, list[Key]] = {}  # what was sent on each number

    def given_out(self, issued: Mapping[str, Issued], cards: Collection[str]) -> None:
        """OC5: numbers are given out; `cards` are all there are."""
        self._issued = issued
        self._hidden = frozenset(number.card for number in issued.values())
        for number, of in issued.items():
            if number in cards or number[:FIRST] != of.card[:FIRST] or number[-LAST:] == of.card[-LAST:]:
                self._violate("OC5", "a disposable number is a card's, of another BIN, or ends as its card does", "")

    def sent(self, doc: Doc) -> None:
        """An acquirer sends a request or advice."""
        number = doc.get(2, "")
        if number in self._issued:
            self._keys.setdefault(number, []).append(key_of(doc))

    def answered(self, doc: Doc) -> None:
        """OC1 to OC4, whenever the switch answers an acquirer."""
        transaction = key_of(doc).transaction if doc[0][1] in AUTHORIZATIONS else ""
        if any(card in text for card in self._hidden for text in doc.values()):
            self._violate("OC4", "an acquirer was told the card behind a disposable number", transaction)
        number = self._issued.get(doc.get(2, ""))
        if number is None or doc[39] not in APPROVALS or doc[0][1] not in AUTHORIZATIONS:
            return
        if (doc[32], doc[42]) != (number.acquirer_id, number.merchant):
            self._violate("OC1", "a disposable number was approved at another site", transaction)
        if doc[0][2] == ANSWER_TO_REQUEST:
            self._check_limits(number, doc[2], transaction)

    def _check_limits(self, number: Issued, digits: str, transaction: str) -> None:
        keys = dict.fromkeys(self._keys[digits])
        known = (logged for key in keys if (logged := self._switch.by_key.get(key)) is not None)
        held = [logged for logged in known if stands(logged) and not logged.is_advice]
        chains = [(logged, self._switch.chain(logged)) for logged in held]
        if sum(logged.standing for logged, chain in chains if not chain) > number.cap_cents:
            self._violate("OC2", "more than its cap was approved on a disposable number", transaction)
        live = {logged.original or logged.number for logged, chain in chains if not chain or any(map(stands, chain))}
        if number.single and len(live) > 1:
            self._violate("OC3", "two purchases stand on a disposable number for one", transaction)


def stands(logged: Logged) -> bool:
    """Is it approved, not taken back, and takes something from the card?"""
    return logged.approved and not logged.taken_back and logged.asked.kind not in CREDIT_OR_NONE
