"""One authorization as the core remembers it; `switch.core.transactions` is the table that finds it again.

While in flight it keeps the request itself (with its PIN block, in memory only); once finished just what a repeat, a
reversal or a late answer needs.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from switch.core.digits import decimal
from switch.core.saf import Entry, Fate, Kind
from switch.core.states import AFTER_HOLD, AFTER_STATE, FINISHED, HELD, NEW, NO_HOLD, Hold, State
from switch.iso8583.codec import View

if TYPE_CHECKING:
    from switch.core.schemes import Resolved

NO_LINK = -1
NO_CONNECTION = -1


class Transaction:
    """An authorization. Times are seconds as passed in; 0.0 where that hop did not happen."""

    __slots__ = (
        "acquirer_id", "acquirer_link", "additions", "amount", "answered_at", "approval", "approved", "approved_amount",
        "business_date", "completions", "conn", "currency", "de3", "de39", "deadline", "decided_at", "entries",
        "forwarded_at", "hold", "hsm_answered_at", "hsm_asked_at", "intent_record", "issuer_answered_at",
        "issuer_link", "issuer_stan", "key", "leg_mti", "local_date", "mark", "merchant", "mti", "number", "older",
        "original", "outcome_record", "pin_key", "preauthorised",
        "reason", "received_at", "request", "resolved", "rrn", "sealed_extras", "sealed_fields", "sealed_pan", "stan",
        "standing", "state", "stood_in_for", "taken_back", "terminal", "token", "transmitted", "waiters", "weight",
    )  # fmt: skip

    def __init__(self) -> None:
        self.number = 0
        self.state = NEW
        self.hold = NO_HOLD
        self.acquirer_link = NO_LINK
        self.issuer_link = NO_LINK
        self.issuer_stan = 0
        self.mti = self.acquirer_id = self.stan = self.rrn = self.terminal = self.local_date = ""
        self.de3 = self.amount = self.currency = self.transmitted = self.merchant = ""
        self.token = self.sealed_pan = self.sealed_extras = b""
        self.de39 = self.approval = self.reason = ""
        self.request: View | None = None
        self.waiters: list[tuple[int, View]] | None = None
        self.older: Transaction | None = None
        self.key = ""  # `reference`, once it was asked for
        self.intent_record = self.outcome_record = b""  # as logged, while it may be shelved with them
        self.approved = False  # by the issuer
        self.taken_back = False  # by the acquirer, with a reversal
        self.conn = NO_CONNECTION  # that it was forwarded on
        self.leg_mti = ""  # what the issuer knows it as: its own MTI, or 0120 or 0220 where the switch stood in
        self.business_date = ""  # YYMMDD (R16)
        self.pin_key = ""  # the acquirer's ZPK that its PIN block was read under, while it is in flight
        self.approved_amount = ""  # DE 4 of a partial approval
        self.standing = 0  # minor units that were approved and not taken back
        self.preauthorised = False
        self.original: Transaction | None = None  # the pre-authorization that it adds to or completes
        self.additions: list[Transaction] | None = None  # to a pre-authorization
        self.completions: list[Transaction] | None = None  # of a pre-authorization
        self.stood_in_for = 0  # STAN of the request that the issuer did not answer
        self.sealed_fields = b""  # of an advice: its further fields for the issuer
        self.entries: list[Entry] | None = None  # all that the issuer was ever owed about it
        self.mark = 0  # of the scheme's number that it was made with; 0: with a card
        self.weight = 0  # on that number
        self.resolved: Resolved | None = None  # while it is in flight
        self.deadline = 0.0
        self.received_at = self.hsm_asked_at = self.hsm_answered_at = self.forwarded_at = 0.0
        self.issuer_answered_at = self.decided_at = self.answered_at = 0.0

    def move(self, state: State) -> None:
        """Go to `state`, if the table of `switch.core.states` allows it."""
        before, after = self.state, state
        following = AFTER_STATE[before]
        assert following >> after & 1, f"{self.state.name} cannot become {state.name}"
        self.state = state

    def move_hold(self, hold: Hold) -> None:
        """The same for what the issuer may hold."""
        before, after = self.hold, hold
        following = AFTER_HOLD[before]
        assert following >> after & 1, f"hold {self.hold.name} cannot become {hold.name}"
        self.hold = hold

    def owe(self, kind: Kind, mti: str, stan: int, at: float, amount: str = "") -> Entry:
        """From `at` on the issuer must be told something more about it: see `switch.core.saf`."""
        entry = Entry(self, kind, mti, stan, at, amount)
        if self.entries is None:
            self.entries = []
        self.entries.append(entry)
        return entry

    def owe_reversal(self, at: float) -> Entry:
        """Whatever the issuer holds of it must be released."""
        return self.owe(Kind.REVERSAL, "0420", self.issuer_stan, at)

    def stand_in(self, issuer_stan: int, approval: str, de39: str, at: float, *, reversal_owed: bool) -> list[Entry]:
        """Approved by the switch; the issuer is told under `issuer_stan`, after its own request was reversed (R13)."""
        entries = []
        if reversal_owed:
            self.stood_in_for = self.issuer_stan
            entries.append(self.owe_reversal(at))
        self.leg_mti = f"{self.mti[:2]}20"
        self.issuer_stan, self.approval, self.de39 = issuer_stan, approval, de39
        self.approve(self.asked())
        return [*entries, self.owe(Kind.ADVICE, self.leg_mti, issuer_stan, at)]

    def approve(self, amount: int) -> None:
        """It has effect: the issuer holds `amount` minor units of it, or will as soon as it is told."""
        self.approved, self.standing = True, amount
        self.move_hold(HELD)

    def reduce(self, amount: str, stan: int, at: float) -> Entry:
        """Only `amount` of it stands from now on."""
        self.standing = int(amount)
        return self.owe(Kind.REDUCTION, "0420", stan, at, amount)

    def unheard(self) -> list[Entry]:
        """The advice that its issuer has certainly not heard of, and what waits behind it: all can still be dropped."""
        entries = self.entries or []
        for at, entry in enumerate(entries):
            if entry.kind is Kind.ADVICE and entry.fate is Fate.OPEN and entry.untouched:
                return entries[at:]
        return []

    def adds_to(self, original: "Transaction") -> None:
        """It is a further hold of that pre-authorization."""
        self.original = original
        if original.additions is None:
            original.additions = []
        original.additions.append(self)

    def completes(self, original: "Transaction") -> None:
        """It is a completion of that pre-authorization."""
        self.original = original
        if original.completions is None:
            original.completions = []
        original.completions.append(self)

    @property
    def head(self) -> "Transaction":
        """The pre-authorization that it adds to or completes; itself, where it does neither."""
        return self.original or self

    def family(self) -> "Iterator[Transaction]":
        """A pre-authorization with all that added to it or completed it."""
        head = self.head
        yield head
        yield from head.additions or ()
        yield from head.completions or ()

    @property
    def is_advice(self) -> bool:
        """Did the acquirer advise of it, rather than ask?"""
        return self.mti[2] == "2"

    @property
    def stood_in(self) -> bool:
        """Did the switch approve it for its issuer?"""
        return self.leg_mti != self.mti

    @property
    def released(self) -> bool:
        """Is it of a pre-authorization whose completion has taken its place at the issuer, or is going to?"""
        completions = self.head.completions if self.preauthorised else None
        return any(completion.is_told for completion in completions or ())

    @property
    def is_told(self) -> bool:
        """Has its issuer been told of it, or will it be?"""
        return not any(entry.fate is Fate.DROPPED for entry in self.entries or ())

    def request_stan(self) -> int:
        """Under which the request itself went to the issuer."""
        return self.stood_in_for or self.issuer_stan

    def asked_under(self, stan: int) -> bool:
        """Did the request itself go to the issuer under `stan`, and not something that was told about it?"""
        return self.conn != NO_CONNECTION and stan == self.request_stan()

    def asked(self) -> int:
        """DE 4 in minor units; no amount counts as zero."""
        return decimal(self.amount) if self.amount else 0

    def is_plain(self) -> bool:
        """Has nothing happened since it ended, and does no other hang on it? Then its records say all there is."""
        return (
            self.entries is None
            and not self.taken_back
            and self.original is None
            and self.additions is None
            and self.completions is None
        )

    @property
    def owes(self) -> bool:
        """Is there something about it that its issuer has yet to take?"""
        return self.entries is not None and any(entry.fate is Fate.OPEN for entry in self.entries)

    @property
    def reference(self) -> str:
        """See `reference_of`. What it is made of never changes."""
        if not self.key:
            self.key = reference_of(self.acquirer_id, self.stan, self.rrn, self.terminal, self.mti)
        return self.key


def reference_of(acquirer_id: str, stan: str, rrn: str, terminal: str, mti: str) -> str:
    """What a repeat and a reversal share with their original (R4): DE 32, 11, 37, 41 and the MTI's class.

    The local date, DE 13, belongs to the duplicate key too, but a reversal does not carry it: `Transactions` keeps
    equal references of different days in a chain, newest first.
    """
    return f"{acquirer_id}|{stan}|{rrn}|{terminal}|{mti[1]}"


def unknown_original(mti: str, acquirer_id: str, stan: str, rrn: str, terminal: str) -> Transaction:
    """R9: what is remembered of a reversal that came without, or before, its original: no card, no day."""
    tx = Transaction()
    tx.mti = tx.leg_mti = mti
    tx.acquirer_id, tx.stan, tx.rrn, tx.terminal = acquirer_id, stan, rrn, terminal
    tx.move(FINISHED)
    return tx
