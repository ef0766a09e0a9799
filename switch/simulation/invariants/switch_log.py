"""What the switch has written down: the fold of its durable records, as an auditor keeps it.

Of each transaction: how it ended, what of its amount stands, and its `Debt`s, the messages that its issuer is owed by
store and forward. A record that contradicts those before it is a violation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from switch.simulation.invariants.names import REVERSAL, SWITCH_RECORDS, Asked, Key, is_advice, record_of
from switch.simulation.invariants.sums import Bucket, Sums

OPEN, DELIVERED, EXHAUSTED, DROPPED = "owed", "delivered", "exhausted", "dropped"

Violate = Callable[[str, str, str], None]
Fields = dict[str, Any]


@dataclass(eq=False)
class Debt:
    """A message that an issuer is owed, under the STAN `stan`; a reversal names the leg with STAN `leg`."""

    logged: "Logged"
    mti: str
    stan: str
    leg: str
    standing: int = 0  # after a reversal
    state: str = OPEN


@dataclass(eq=False)
class Logged:
    """A request or advice in the switch's log."""

    key: Key
    number: int
    link: str
    mti: str
    asked: Asked
    token: bytes
    issuer: str = ""
    issuer_stan: str = ""
    day: str = ""  # YYMMDD
    preauthorised: bool = False
    original: int = 0
    de39: str = ""
    approval: str = ""
    approved: bool = False
    approved_amount: int = 0
    standing: int = 0  # what reversals left of that
    stand_in_stan: str = ""
    taken_back: bool = False
    dropped: bool = False
    reductions: set[int] = field(default_factory=set)
    debts: list[Debt] = field(default_factory=list)

    @property
    def is_advice(self) -> bool:
        return is_advice(self.mti)

    @property
    def leg(self) -> str:
        """STAN under which its issuer knows what stands."""
        return self.stand_in_stan or self.issuer_stan


class SwitchLog:
    """The fold of the switch's durable records."""

    def __init__(self, violate: Violate) -> None:
        self._violate = violate
        self.by_number: dict[int, Logged] = {}
        self.by_key: dict[Key, Logged] = {}
        self.at_issuer: dict[tuple[str, str, str], Logged] = {}  # issuer, STAN of a request, DE 37
        self.debts: dict[tuple[str, str, str, str], Debt] = {}  # issuer, class of the message, its STAN, DE 37
        self.queues: dict[tuple[str, bytes], list[Debt]] = {}  # issuer and card, in the order they came to be owed
        self.completions: dict[int, list[Logged]] = {}  # by number of the pre-authorization
        self.unknown_reversals: set[Key] = set()
        self.days: dict[str, str] = {}  # business date by link
        self.closings: set[tuple[str, str]] = set()  # issuer, and a day that it was told the end of
        self.sums = Sums()
        self.at_cutover: dict[Bucket, int] = {}  # the moment of `sums` at the first cutover that may have ended a day

    def apply(self, row: list[Any]) -> None:
        """Take the next record."""
        kind, record = record_of(SWITCH_RECORDS, row)
        getattr(self, f"_{kind}")(record)

    def chain(self, logged: Logged) -> list[Logged]:
        """The completions of the pre-authorization that `logged` is, or adds to."""
        return self.completions.get(logged.original or logged.number, []) if logged.preauthorised else []

    def open_debts(self) -> Iterator[Debt]:
        """What no issuer has acknowledged."""
        for debt in self.debts.values():
            if debt.state in (OPEN, EXHAUSTED):
                yield debt

    # -- beginnings -------------------------------------------------------------------------------------------------

    def _begun(self, record: Fields) -> Logged:
        key = Key(record["mti"][1], record["acquirer_id"], record["rrn"], record["terminal"], record["stan"])
        if record["number"] in self.by_number or key in self.by_key:
            self._violate("I3", "one duplicate key was decided twice", key.transaction)
        asked = Asked(record["de3"][:2], int(record["amount"] or 0), record["currency"])
        logged = Logged(key, record["number"], record["link"], record["mti"], asked, record["token"])
        self.by_number[logged.number] = self.by_key[key] = logged
        return logged

    def _forwarded(self, record: Fields) -> Logged:
        logged = self._begun(record)
        logged.issuer, logged.issuer_stan = record["issuer"], f"{record['issuer_stan']:06d}"
        logged.day, logged.original = record["day"], record["original"]
        if logged.key in self.unknown_reversals:
            why = "a request was accepted although its reversal had come before it"
            self._violate("I8", why, logged.key.transaction)
        return logged

    def _intent(self, record: Fields) -> None:
        logged = self._forwarded(record)
        logged.preauthorised = record["preauthorised"]
        self.at_issuer[logged.issuer, logged.issuer_stan, logged.key.rrn] = logged

    def _advice(self, record: Fields) -> None:
        logged = self._forwarded(record)
        logged.de39 = record["de39"]
        self._owe(logged, logged.mti, logged.issuer_stan)
        if record["approved"]:
            if logged.original:
                self.completions.setdefault(logged.original, []).append(logged)
            self._approved(logged, logged.asked.amount)

    def _refusal(self, record: Fields) -> None:
        self._begun(record).de39 = record["de39"]

    # -- ends -------------------------------------------------------------------------------------------------------

    def _approved(self, logged: Logged, amount: int) -> None:
        logged.approved, logged.approved_amount, logged.standing = True, amount, amount
        self.sums.approved(logged, amount)

    def _ended(self, record: Fields) -> Logged:
        logged: Logged = self.by_number[record["number"]]
        if logged.de39:
            self._violate("I8", "a request that had ended ended again", logged.key.transaction)
        logged.de39, logged.approval = record["de39"], record["approval"]
        if record["owed"]:
            self._owe(logged, "0420", logged.issuer_stan, leg=logged.issuer_stan)
        return logged

    def _outcome(self, record: Fields) -> None:
        logged = self._ended(record)
        if record["approved"]:
            self._approved(logged, int(record["approved_amount"] or logged.asked.amount))

    def _stand_in(self, record: Fields) -> None:
        logged = self._ended(record)
        logged.stand_in_stan = f"{record['issuer_stan']:06d}"
        self._owe(logged, f"{logged.mti[:2]}20", logged.stand_in_stan)
        self._approved(logged, logged.asked.amount)

    # -- reversals --------------------------------------------------------------------------------------------------

    def _reversal(self, record: Fields) -> None:
        if record["number"] == 0:
            key = Key(record["mti"][1], record["acquirer_id"], record["rrn"], record["terminal"], record["stan"])
            self.unknown_reversals.add(key)
            return
        logged, standing = self.by_number[record["number"]], int(record["amount"] or 0)
        if logged.taken_back or standing in logged.reductions:
            self._violate("I6", "the switch took back one request twice", logged.key.transaction)
        elif standing:
            self._reduced(logged, standing, f"{record['issuer_stan']:06d}")
        else:
            self._taken_back(logged, dropped=record["dropped"])

    def _reduced(self, logged: Logged, standing: int, stan: str) -> None:
        if not logged.approved or standing >= logged.standing:
            self._violate("I6", "a partial reversal leaves more than there was", logged.key.transaction)
        self.sums.taken_back(logged, logged.standing - standing)
        logged.standing = standing
        logged.reductions.add(standing)
        self._owe(logged, "0420", stan, leg=logged.leg, standing=standing)

    def _taken_back(self, logged: Logged, *, dropped: bool) -> None:
        logged.taken_back, logged.dropped = True, dropped
        if not logged.approved or self._completed(logged):
            return
        self.sums.taken_back(logged, logged.standing)
        logged.standing = 0
        if not dropped:
            self._owe(logged, "0420", logged.leg, leg=logged.leg)
            return
        for debt in logged.debts:
            if debt.state == OPEN and not (debt.mti == "0420" and debt.leg != logged.leg):
                self._end(debt, DROPPED)

    def _completed(self, logged: Logged) -> bool:
        """Has a completion taken its place at the issuer, or will it?"""
        return any(not completion.dropped for completion in self.completions.get(logged.number, ()))

    # -- store and forward ------------------------------------------------------------------------------------------

    def _owe(self, logged: Logged, mti: str, stan: str, leg: str = "", standing: int = 0) -> None:
        debt = Debt(logged, mti, stan, leg or stan, standing)
        logged.debts.append(debt)
        self.debts[logged.issuer, mti[1], stan, logged.key.rrn] = debt
        self.queues.setdefault((logged.issuer, logged.token), []).append(debt)

    def _end(self, debt: Debt, state: str) -> None:
        debt.state = state
        self.queues[debt.logged.issuer, debt.logged.token].remove(debt)

    def _delivery(self, record: Fields) -> None:
        self._settled(record, DELIVERED)

    def _exhausted(self, record: Fields) -> None:
        self._settled(record, EXHAUSTED)

    def _settled(self, record: Fields, state: str) -> None:
        logged = self.by_number[record["number"]]
        stan = f"{record['issuer_stan']:06d}" if record["issuer_stan"] else logged.issuer_stan
        debt = self.debts.get((logged.issuer, record["mti"][1], stan, logged.key.rrn))
        if debt is None or debt.logged is not logged or debt.state != OPEN:
            why = f"a {'reversal' if record['mti'][1] == REVERSAL else 'advice'} was {state} that was not owed"
            self._violate("I6", why, logged.key.transaction)
        else:
            self._end(debt, state)

    # -- links ------------------------------------------------------------------------------------------------------

    def _key_change(self, record: Fields) -> None:
        """Nothing follows from a key for what stands in the log."""

    def _cutover(self, record: Fields) -> None:
        """R16: the day of a link, or of all, moves on, and never back."""
        link, day = record["link"], record["day"]
        if day < self.days.get(link, ""):
            self._violate("R16", f"the business date went back to {day}", "")
        if not link:
            self.days = {name: max(day, current) for name, current in self.days.items()}
        self.at_cutover = self.sums.moments() | self.at_cutover
        self.days[link] = day

    def _instrument(self, record: Fields) -> None:
        """A payment scheme's own."""

    def _closing(self, record: Fields) -> None:
        """An issuer has been told of the end of a day."""
        ended = (record["link"], record["closed"])
        if ended in self.closings:
            self._violate("R16", f"the end of {record['closed']} was closed twice with {record['link']}", "")
        self.closings.add(ended)

    def day_of(self, link: str) -> str:
        """The business date of an acquirer's link; "" before the first."""
        return self.days.get(link) or self.days.get(ALL_LINKS, "")


ALL_LINKS: Final = ""
