"""What the rules need of a payment scheme: numbers that stand for a card, and are told what became of it.

Theory of operation. A number that a scheme has given out **resolves** to a card between the checks of a request and its
route: from there on the issuer hears of the card alone, the acquirer of the number alone. The scheme judges by its own
limits first, the issuer by the card's after it. Nothing of the scheme stands here; it is named by a **mark**, the
positive integer under which it keeps the number.

What counts against a number follows from its transactions. Each weighs on it with so many minor units:

    asked for, not decided yet     what was asked: so two requests at once cannot both pass a limit
    approved, or advised of        what stands of it
    declined, taken back           nothing
    a hold that was completed      nothing: its completions weigh instead

A request, its increments and its completions are one **purchase**, which is a use of the number as long as any of them
weighs. `weigh` finds what has changed and tells the scheme, at the same moments when things happen and when the log is
folded: so the intent's mark is all that the log needs. Between `resolve` and the intent of a request nothing may wait.

A scheme keeps each number in the log too (`records.Instrument`): what it is, sealed, once, and its state whenever
somebody but a transaction changes it. In a snapshot that state replaces all that the transactions have added up to.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from switch.core import fields as de
from switch.core import results
from switch.core.checks import Failure, pan_of
from switch.core.links import AcquirerLink
from switch.core.states import FINISHED, HELD
from switch.core.totals import DEBIT, column_of_kind
from switch.core.transaction import Transaction
from switch.iso8583.codec import View

# What only a card can bring: tracks, a PIN, chip data.
OF_A_CARD = (de.TRACK2, 36, 45, de.PIN_BLOCK, 55)


class Payment:
    """What somebody wants of a number, or (not `asks`) has done with it without asking."""

    __slots__ = (
        "acquirer_id", "amount", "asks", "begins", "currency", "expiry", "kind", "merchant", "number", "of_a_card",
        "private",
    )  # fmt: skip

    def __init__(self) -> None:
        self.number = self.kind = self.currency = ""  # kind: DE 3, first two digits
        self.acquirer_id = self.merchant = ""  # DE 32, 42
        self.amount = 0
        self.expiry: str | None = None
        self.private: str | None = None
        self.of_a_card = False  # it brings what only a card can bring
        self.begins = False  # a purchase, rather than adds to one
        self.asks = False


class Resolved:
    """The card behind a number, and what its issuer gets in place of what the acquirer sent."""

    __slots__ = ("expiry", "number", "pan", "private")

    def __init__(self, number: str, pan: str, expiry: str | None, private: str | None) -> None:
        self.number, self.pan, self.expiry, self.private = number, pan, expiry, private

    def patches(self) -> dict[int, str | None]:
        """For the issuer's leg."""
        return {de.PAN: self.pan, de.EXPIRY: self.expiry, de.PRIVATE: self.private}

    def disguised(self, text: str) -> str:
        """What the issuer said, with the number wherever it named the card."""
        return text.replace(self.pan, self.number)


class FileAction(NamedTuple):
    """An 0302: somebody who may wants a number to be given out, changed or shown. `reference` names it over repeats."""

    code: str  # DE 91
    number: str  # DE 2: a card's, or one given out
    amount: int
    currency: str
    expiry: str | None
    private: str | None
    reference: str


class Kept(NamedTuple):
    """A record of a number to be logged; `clear` is what it is, None where that has been logged before."""

    mark: int
    clear: bytes | None
    state: bytes


class Filed(NamedTuple):
    """What a file action came to: what is to be logged, and the fields of its answer."""

    kept: Kept | None
    mark: int


class Scheme:
    """A payment scheme. Decides by what it was told alone: no clock, no randomness, no I/O.

    What every scheme must say, and a base class rather than a Protocol: compiled, the rules then call it directly.
    """

    @property
    def file_name(self) -> str:
        """DE 101 of its file actions."""
        raise NotImplementedError

    def find(self, number: str) -> int:
        """The mark of a number; 0 for any other, quickly."""
        raise NotImplementedError

    def resolve(self, mark: int, payment: Payment, now: float) -> Resolved | Failure:
        """The card behind the number, or why not."""
        raise NotImplementedError

    def weighs(self, mark: int, currency: str, before: int, now: int, uses: int, taken_back: bool) -> None:
        """What a transaction weighs has changed. Of a mark that it does not know yet it takes no notice.

        `uses`: 1, its purchase begins to weigh; -1, it ceases to; 0, neither. `taken_back`: by a reversal, wholly or in
        part, of what was approved.
        """
        raise NotImplementedError

    def act(self, action: FileAction, epoch: int, serial: int, now: float) -> Filed | Failure:
        """Do it, in what is returned alone: `keep` is called with that once it is in the log's order."""
        raise NotImplementedError

    def keep(self, mark: int, sealed: bytes, clear: bytes | None, state: bytes) -> None:
        """A record from the log, or on its way there."""
        raise NotImplementedError

    def fields(self, mark: int, now: float) -> dict[int, str]:
        """For the answer of a file action."""
        raise NotImplementedError

    def kept(self) -> Iterable[tuple[int, bytes, bytes]]:
        """(mark, sealed, state) of every number, for a snapshot."""
        raise NotImplementedError

    def rows(self, now: float) -> Iterator[dict[str, Any]]:
        """All numbers, masked, for people."""
        raise NotImplementedError


def resolve(
    scheme: Scheme, mark: int, link: AcquirerLink, view: View, tx: Transaction, now: float
) -> Resolved | Failure:  # fmt: skip
    """The card that `tx` is really made with. A refusal is one that the acquirer's dialect has a code for."""
    found = scheme.resolve(mark, _payment_of(tx, view), now)
    if isinstance(found, Failure) and found.result not in link.code_of:
        return found._replace(result=results.INVALID_TRANSACTION)
    return found


def _payment_of(tx: Transaction, view: View) -> Payment:
    payment = Payment()
    payment.number, payment.kind = pan_of(view), tx.de3[:2]
    payment.acquirer_id, payment.merchant = tx.acquirer_id, tx.merchant
    payment.amount, payment.currency = tx.asked(), tx.currency
    payment.expiry, payment.private = view.text(de.EXPIRY), view.text(de.PRIVATE)
    payment.of_a_card, payment.begins, payment.asks = _brings_a_card(view), tx.original is None, not tx.is_advice
    return payment


def _brings_a_card(view: View) -> bool:
    for number in OF_A_CARD:  # noqa: SIM110 - once a request: half the price of any()
        if view.has(number):
            return True
    return False


def weigh(scheme: Scheme | None, tx: Transaction, taken_back: bool = False) -> None:
    """Tell the scheme what `tx`, which bears a mark, weighs now."""
    before, now = tx.weight, weight_of(tx)
    if scheme is None or before == now:
        return
    lived = _weighs(tx)
    tx.weight = now
    scheme.weighs(tx.mark, tx.currency, before, now, _weighs(tx) - lived, taken_back)


def weigh_completed(scheme: Scheme | None, completion: Transaction) -> None:
    """The same of a completion, and of what it has taken the place of."""
    weigh(scheme, completion)
    for held in completion.family():
        if held.mark:
            weigh(scheme, held)


def _weighs(tx: Transaction) -> bool:
    """Does its purchase weigh anything?"""
    head = tx.head
    if head.additions is None and head.completions is None:  # as nearly all
        return head.weight > 0
    return bool([one for one in head.family() if one.weight])


def weight_of(tx: Transaction) -> int:
    """In minor units, as its state has it now."""
    if column_of_kind(tx.de3) != DEBIT:
        return 0
    if tx.state is not FINISHED:
        return tx.asked()
    if tx.hold is not HELD or (tx.preauthorised and tx.released):
        return 0
    return tx.standing
