"""How the checkers name things: transactions, violations, and the frames that they see."""

from typing import Any, Final, NamedTuple

from switch.simulation.wiretap import Doc

SWITCH: Final = "switch"
APPROVED: Final = "00"
PARTLY: Final = "10"  # approved for the amount in DE 4
MALFUNCTION: Final = "96"
APPROVALS: Final = (APPROVED, PARTLY)
SIGN: Final = {"00": -1, "01": -1, "09": -1, "20": 1, "31": 0, "37": 0}  # DE 3, first two digits

NETWORK: Final = "8"  # classes of messages: the second digit of the MTI
RECONCILIATION: Final = "5"
REVERSAL: Final = "4"


class Violation(NamedTuple):
    """An invariant that did not hold: when, why, and for which transaction (see `transaction_of`; "": for none)."""

    invariant: str
    at: float
    why: str
    transaction: str = ""


class Key(NamedTuple):
    """One transaction as its acquirer names it."""

    mti_class: str
    acquirer_id: str
    rrn: str
    terminal: str
    stan: str

    @property
    def transaction(self) -> str:
        return transaction_of(self.acquirer_id, self.rrn)


class Asked(NamedTuple):
    """What a message is about."""

    kind: str  # DE 3, first two digits
    amount: int  # minor units
    currency: str

    def __str__(self) -> str:
        return f"{self.kind}|{self.amount:012d}|{self.currency}"

    def cents(self, amount: int) -> int:
        """The effect on an account of so many minor units; the simulated traffic is in euro alone."""
        assert self.currency == "978", self.currency
        return SIGN[self.kind] * amount


def asked_of(doc: Doc) -> Asked:
    """What a request or advice asks."""
    return Asked(doc[3][:2], int(doc[4]), doc[49])


def key_of(doc: Doc) -> Key:
    """Which transaction a message of an acquirer is about; a reversal names it in DE 90."""
    if doc[0][1] == REVERSAL:
        return key_of_original(doc)
    return Key(doc[0][1], doc[32], doc[37], doc[41], doc[11])


def key_of_original(doc: Doc) -> Key:
    """What DE 90 of a reversal, an increment or a completion names; they share DE 32, 37 and 41."""
    return Key(doc[90][1], doc[32], doc[37], doc[41], doc[90][4:10])


def is_advice(mti: str) -> bool:
    return mti[1] in "12" and mti[2] == "2"


def standing_of(doc: Doc) -> int:
    """What stands after a reversal, by its DE 95: zero after a whole one."""
    return int(doc[95][:12]) if 95 in doc else 0


def transaction_of(acquirer_id: str, rrn: str) -> str:
    """What a transaction is called in a story: DE 32 and DE 37, the same on every wire."""
    return f"{acquirer_id.zfill(11)} {rrn}"


def transaction_of_frame(doc: Doc) -> str:
    """The same for a frame; "" for one that is about none."""
    return transaction_of(doc[32], doc[37]) if 37 in doc else ""


def transaction_of_origin(origin: str) -> str:
    """The same for an issuer's name of a request."""
    _, _, acquirer_id, rrn, _ = origin.split("|")
    return transaction_of(acquirer_id, rrn)


def origin_of(doc: Doc, mti_class: str, stan: str) -> str:
    """How an issuer names a request or advice of that class and STAN; the rest stands in any frame about it."""
    return f"{mti_class}|{stan}|{doc[32].zfill(11)}|{doc[37]}|{doc[41]}"


def named(doc: Doc) -> str:
    """A frame in a few words, none of them secret."""
    words = [
        doc[0],
        *(f"DE {number} {doc[number]}" for number in (11, 37, 41, 15, 70, 90, 95, 38, 39) if number in doc),
    ]
    return ", ".join(words)


# Records by their tags: see `switch.core.records` and `switch.issuers.records`; later fields are not looked at.
SWITCH_RECORDS: Final[dict[int, tuple[str, tuple[str, ...]]]] = {
    1: ("intent", ("number", "at", "link", "mti", "acquirer_id", "stan", "rrn", "terminal", "local_date", "de3",
                   "amount", "currency", "transmitted", "merchant", "token", "sealed_pan", "issuer", "issuer_stan",
                   "day", "preauthorised", "original")),
    2: ("outcome", ("number", "at", "de39", "approval", "extras", "approved", "owed", "approved_amount")),
    3: ("refusal", ("number", "at", "link", "mti", "acquirer_id", "stan", "rrn", "terminal", "local_date", "de3",
                    "amount", "currency", "transmitted", "token", "de39", "reason")),
    4: ("reversal", ("number", "at", "link", "mti", "acquirer_id", "stan", "rrn", "terminal", "de39", "amount",
                     "issuer_stan", "dropped")),
    5: ("delivery", ("number", "at", "de39", "mti", "issuer_stan")),
    6: ("advice", ("number", "at", "link", "mti", "acquirer_id", "stan", "rrn", "terminal", "local_date", "de3",
                   "amount", "currency", "transmitted", "merchant", "token", "sealed_pan", "issuer", "issuer_stan",
                   "day", "de39", "approved", "original")),
    7: ("stand_in", ("number", "at", "de39", "approval", "issuer_stan", "owed")),
    8: ("exhausted", ("number", "at", "mti", "issuer_stan", "attempts")),
    9: ("key_change", ("at", "link")),
    10: ("cutover", ("at", "link", "day")),
    12: ("closing", ("at", "link", "closed")),
    14: ("instrument", ("mark", "at")),
}  # fmt: skip
ISSUER_RECORDS: Final[dict[int, tuple[str, tuple[str, ...]]]] = {
    1: ("booked", ("at", "key", "account", "asked", "effect_cents", "tries", "armed", "de38", "de39", "de54",
                   "reversed", "live_cents", "standing", "completed", "reductions", "day", "approved", "amount",
                   "advice", "preauthorised", "chain")),
    2: ("reversed", ("at", "origin", "standing")),
    5: ("key_changed", ("at",)),
}  # fmt: skip


def record_of(table: dict[int, tuple[str, tuple[str, ...]]], row: list[Any]) -> tuple[str, dict[str, Any]]:
    """A record's kind, and its fields by name."""
    kind, names = table[row[0]]
    return kind, dict(zip(names, row[1:], strict=False))
