"""Ocard: a disposable number that stands for a card at one site, up to an amount, for a while (docs/schemes/ocard.md).

    ISSUED ──spent──▶ ACTIVE ──cap reached, or its one use──▶ CONSUMED ─┐
       │                 ├──clock───▶ EXPIRED ───────────────────────────┼──clock──▶ REFUND_ONLY
       └─────────────────┴──holder──▶ CANCELLED ─────────────────────────┘

States are not kept, they follow from what is: terms, what weighs on the number, when it was cancelled, the time. So
there is nothing that a restart could forget, and a reversal that gives a use back makes a number live again by itself.

Order of refusals, the first decides:

    other site 57 ─▶ not a remote purchase, refund or verification, or with a PIN, track or chip data 57
    ─▶ cancelled 62, expired 54, long over 14 ─▶ expiry not the number's 54 ─▶ CVV2 not the number's 63
    ─▶ spent 65 ─▶ more than the cap leaves 61

A refund asks for the site alone, so it reaches the card whatever became of the number; and so does an advice, for what
has happened cannot be refused: it counts, even beyond the cap. A number that was never given out is nobody's business
here: it goes to its BIN's issuer like any card number, who answers 14.

In the log a number, its card and its terms are sealed; what has been spent follows from the transactions.
"""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from switch.cards import disposable
from switch.cards.masking import FIRST, mask_pan
from switch.cards.number_map import KEY_BYTES, NumberMap
from switch.cards.number_records import NOT_KNOWN, Number, NumberRecords, in_digits
from switch.cards.pan import is_pan
from switch.cards.vault import Vault
from switch.core import results
from switch.core.checks import Failure
from switch.core.currencies import EURO, FRANC, converted
from switch.core.fields import AMOUNT, CURRENCY, PRIVATE
from switch.core.schemes import FileAction, Filed, Kept, Payment, Resolved, Scheme

PURCHASE, REFUND, VERIFICATION = "00", "20", "37"  # DE 3, first two digits
KINDS: Final = frozenset({PURCHASE, REFUND, VERIFICATION})
CURRENCIES: Final = (EURO, FRANC)  # others cannot be held against a cap
ADD, DELETE, INQUIRE = "1", "3", "5"  # DE 91

# DE 48: elements of a tag, a length (two digits each) and a value.
SITE, USES, VALIDITY_S, NUMBER, EXPIRY, UNTIL, STATE, USED = "80", "81", "82", "83", "84", "86", "87", "88"
CVV2: Final = "92"
HEAD_DIGITS: Final = 4  # of an element: tag and length
CVV2_DIGITS: Final = 3
CVV2_HEAD: Final = f"{CVV2}{CVV2_DIGITS:02d}"
YYMM_DIGITS: Final = 4
ONE, MANY = "1", "M"  # uses

DAY_S: Final = 86_400.0

# Repeats of file actions that are recognised: those of the last so many numbers given out. Terminals repeat at once.
MAX_REFERENCES: Final = 100_000


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """`[ocard]`; `ocard.toml` says what each is for. Without BINs there is no Ocard."""

    bins: tuple[Annotated[str, Meta(pattern=r"^[0-9]{6}$", description="6 digits, in quotes")], ...] = ()
    file_name: Annotated[str, Meta(min_length=1, max_length=17)] = "OCARD"
    max_valid_days: Annotated[int, Meta(ge=1, le=3650)] = 365
    max_numbers: Annotated[int, Meta(ge=1, le=100_000_000)] = 10_000_000
    final_after_days: Annotated[int, Meta(ge=0, le=3650)] = 30
    reversal_returns_amount: bool = True
    reversal_returns_use: bool = True


class Place(Struct, frozen=True, array_like=True):
    """A site as messages name it."""

    name: str
    acquirer_id: str  # DE 32
    merchant: str  # DE 42


class OcardSpec(Struct, frozen=True):
    """What the scheme is told at start. No number is ever one of `cards`, which are not shown."""

    parameters: Parameters
    places: tuple[Place, ...]
    cards: frozenset[str]

    def __repr__(self) -> str:
        return f"OcardSpec({self.parameters}, {len(self.cards)} cards)"


class Terms(Struct, frozen=True, array_like=True):
    """What a number is, for good. In clear it stands here and sealed in the log, nowhere else."""

    digits: int  # both numbers have so many
    number: int
    card: int
    card_expiry: int  # YYMM, NOT_KNOWN where whoever asked did not say
    expiry: int  # YYMM
    place: Place
    cap: int  # minor units
    currency: str
    single: bool
    valid_until: float
    reference: bytes  # of the file action

    def __repr__(self) -> str:
        return f"Terms({mask_pan(in_digits(self.number, self.digits))})"


class Standing(Struct, array_like=True):
    """What became of it so far."""

    used: int = 0  # minor units that weigh on it
    uses: int = 0  # purchases that do
    cancelled_at: float = 0.0


# Where a number is.
ISSUED, ACTIVE, CONSUMED = "issued", "active", "consumed"
EXPIRED, CANCELLED, REFUND_ONLY = "expired", "cancelled", "refund-only"

# What a number that is over is answered with. CONSUMED is not among them: what adds to its purchase may still pass.
OVER: Final = {
    EXPIRED: Failure(results.EXPIRED, "number-expired", "the disposable number has expired"),
    CANCELLED: Failure(results.RESTRICTED, "number-cancelled", "the disposable number was cancelled"),
    REFUND_ONLY: Failure(results.NO_SUCH_CARD, "number-over", "the disposable number has long been over"),
}
OTHER_SITE: Final = Failure(results.NOT_PERMITTED_CARD, "number-of-another-site", "it was given out for another site")
WRONG_KIND: Final = Failure(
    results.NOT_PERMITTED_CARD, "number-not-for-this",
    "a disposable number pays at a distance: no PIN, track or chip data, no cash, no balance, no third currency",
)  # fmt: skip
WRONG_EXPIRY: Final = Failure(results.EXPIRED, "number-wrong-expiry", "DE 14 is not the disposable number's expiry")
WRONG_CVV2: Final = Failure(results.SECURITY, "number-wrong-cvv2", "the CVV2 is not the disposable number's")
SPENT: Final = Failure(results.OVER_COUNT_LIMIT, "number-spent", "the disposable number is spent")
OVER_CAP: Final = Failure(results.OVER_AMOUNT_LIMIT, "number-over-cap", "more than the disposable number's cap leaves")
NOT_A_REPEAT: Final = Failure(
    results.DUPLICATE, "duplicate-differs", "same DE 32, 11, 37 and 41 as an earlier file action, but another card"
)
UNKNOWN: Final = Failure(results.NO_SUCH_CARD, "number-unknown", "DE 2 is no number that was given out")

_encode = msgspec.msgpack.Encoder().encode
_decode_terms = msgspec.msgpack.Decoder(Terms).decode
_decode_standing = msgspec.msgpack.Decoder(Standing).decode


class Ocard(Scheme):
    """The scheme, as `switch.core.schemes.Scheme` has it."""

    def __init__(self, spec: OcardSpec, vault: Vault) -> None:
        self._parameters = policy = spec.parameters
        self._bins = frozenset(policy.bins)
        self._final_after_s = policy.final_after_days * DAY_S
        self._returns_amount, self._returns_use = policy.reversal_returns_amount, policy.reversal_returns_use
        self._cards = spec.cards
        self._places = {place.name: place for place in spec.places}
        self._vault = vault
        self._key = vault.derive("disposable numbers")
        self._map = NumberMap(vault.derive("number map")[:KEY_BYTES])
        self._records = NumberRecords()
        self._sites: list[Place] = []  # of numbers; the configuration's may have changed since
        self._index_of: dict[Place, int] = {}  # in `_sites`
        self._by_reference: OrderedDict[bytes, int] = OrderedDict()  # the newest of them

    @property
    def file_name(self) -> str:
        """DE 101."""
        return self._parameters.file_name

    # -- payments ---------------------------------------------------------------------------------------------------

    def find(self, number: str) -> int:
        """The mark of a number; 0 for any other."""
        return (self._map.find(number) or 0) if number[:FIRST] in self._bins else 0

    def resolve(self, mark: int, payment: Payment, now: float) -> Resolved | Failure:
        """The card behind it, or why not."""
        found = self._records.get(mark)
        site = self._sites[found.place]
        if payment.acquirer_id != site.acquirer_id or payment.merchant != site.merchant:
            return OTHER_SITE
        if payment.of_a_card or payment.kind not in KINDS or payment.currency not in CURRENCIES:
            return WRONG_KIND
        cvv2, private = without_cvv2(payment.private)
        if payment.asks and payment.kind != REFUND:
            failure = self._objection(mark, found, payment, cvv2, now)
            if failure is not None:
                return failure
        return Resolved(payment.number, found.pan(), _yymm(found.card_expiry), private)

    def _objection(self, mark: int, found: Number, payment: Payment, cvv2: str | None, now: float) -> Failure | None:
        over = OVER.get(self._life(found, now))
        if over is not None:
            return over
        if payment.expiry is not None and payment.expiry != _yymm(found.expiry):
            return WRONG_EXPIRY
        if cvv2 is not None and cvv2 != self._cvv2(mark, found):
            return WRONG_CVV2
        if payment.begins and _spent(found):
            return SPENT
        if payment.kind == PURCHASE and found.used + _held(payment.amount, payment.currency, found) > found.cap:
            return OVER_CAP
        return None

    def weighs(self, mark: int, currency: str, before: int, now: int, uses: int, taken_back: bool) -> None:
        """Something counts, or does not any more."""
        if mark > len(self._records):
            return  # a snapshot tells of the transactions first, and of what they came to afterwards
        found = self._records.get(mark)
        if not taken_back or self._returns_amount:
            found.used += _held(now, currency, found) - _held(before, currency, found)
        if not taken_back or self._returns_use:
            found.uses += uses
        self._records.put(mark, found)

    def _life(self, found: Number, now: float) -> str:
        ends = found.valid_until
        if found.cancelled_at and found.cancelled_at < ends:
            ends = found.cancelled_at
        if now >= ends + self._final_after_s:
            return REFUND_ONLY
        if found.cancelled_at:
            return CANCELLED
        if _spent(found):
            return CONSUMED
        if now >= found.valid_until:
            return EXPIRED
        return ACTIVE if found.used or found.uses else ISSUED

    def _cvv2(self, mark: int, found: Number) -> str:
        """Worked out once: for the holder, or after a restart for the first payment."""
        if found.cvv2 == NOT_KNOWN:
            found.cvv2 = int(disposable.cvv2_for(found.text(), f"{found.expiry:04d}", self._key))
            self._records.put(mark, found)
        return f"{found.cvv2:03d}"

    # -- file actions -----------------------------------------------------------------------------------------------

    def act(self, action: FileAction, epoch: int, serial: int, now: float) -> Filed | Failure:
        """Give out, cancel or show a number."""
        if action.code == ADD:
            return self._add(action, epoch, serial, now)
        if action.code not in (DELETE, INQUIRE):
            why = "DE 91 is 1 (give out), 3 (cancel) or 5 (show)"
            return Failure(results.INVALID_TRANSACTION, "unknown-file-action", why)
        mark = self.find(action.number)
        if not mark:
            return UNKNOWN
        found = self._records.get(mark)
        if action.code == INQUIRE or found.cancelled_at:
            return Filed(None, mark)
        return Filed(Kept(mark, None, _encode(Standing(found.used, found.uses, now))), mark)

    def _add(self, action: FileAction, epoch: int, serial: int, now: float) -> Filed | Failure:
        pan, asked = action.number, elements(action.private)
        reference = disposable.reference_for(action.reference, self._key)
        if mark := self._by_reference.get(reference):
            return Filed(None, mark) if self._records.get(mark).pan() == pan else NOT_A_REPEAT
        if objection := self._bad_terms(action, asked):
            return objection
        if len(self._records) >= self._parameters.max_numbers:
            return Failure(results.MALFUNCTION, "numbers-exhausted", f"{len(self._records)} were given out, the limit")
        try:
            number = disposable.number_for(pan, epoch=epoch, serial=serial, key=self._key, taken=self._taken)
        except disposable.RangeExhaustedError as error:
            return Failure(results.MALFUNCTION, "numbers-exhausted", str(error))
        valid_until = now + int(asked[VALIDITY_S])
        last = datetime.fromtimestamp(valid_until, UTC)
        expiry = disposable.expiry_for(number, f"{last.year % 100:02d}{last.month:02d}", self._key)
        terms = Terms(
            len(pan), int(number), int(pan), int(action.expiry) if action.expiry else NOT_KNOWN, int(expiry),
            self._places[asked[SITE]], action.amount, action.currency, asked[USES] == ONE, valid_until, reference,
        )  # fmt: skip
        return Filed(Kept(len(self._records) + 1, _encode(terms), _encode(Standing())), len(self._records) + 1)

    def _bad_terms(self, action: FileAction, asked: dict[str, str]) -> Failure | None:
        """What a number cannot be given out for."""
        pan, most = action.number, self._parameters.max_valid_days
        if not is_pan(pan) or pan[:FIRST] not in self._bins or self.find(pan):
            return Failure(results.NO_SUCH_CARD, "no-number-for-card", "DE 2 is no card that may have numbers")
        if asked.get(SITE) not in self._places:
            why = f"DE 48, {SITE}: no such site; there is {', '.join(sorted(self._places)) or 'none'}"
            return Failure(results.INVALID_TRANSACTION, "unknown-site", why)
        if not action.amount or action.currency not in CURRENCIES:
            return Failure(results.INVALID_AMOUNT, "no-cap", f"DE 4 and 49 give the cap, in {EURO} or {FRANC}")
        validity = asked.get(VALIDITY_S, "")
        if not (validity.isdecimal() and 0 < int(validity) <= most * DAY_S and asked.get(USES) in (ONE, MANY)):
            why = f"DE 48: {VALIDITY_S} is seconds, up to {most} days, and {USES} is {ONE} or {MANY}"
            return Failure(results.FORMAT_ERROR, "bad-terms", why)
        if action.expiry and not (len(action.expiry) == YYMM_DIGITS and action.expiry.isdecimal()):
            return Failure(results.FORMAT_ERROR, "bad-terms", "DE 14 is the card's expiry, YYMM")
        return None

    def _taken(self, number: str) -> bool:
        return number in self._cards or number in self._map

    def keep(self, mark: int, sealed: bytes, clear: bytes | None, state: bytes) -> None:
        """A record from the log, or on its way there."""
        standing = _decode_standing(state)
        if clear is None:
            found = self._records.get(mark)
        else:
            assert mark == len(self._records) + 1, "numbers are kept in the order in which they were given out"
            terms = _decode_terms(clear)
            found = self._number_of(terms)
            self._map.insert(found.text(), self._records.append(found, sealed))
            self._by_reference[terms.reference] = mark
            if len(self._by_reference) > MAX_REFERENCES:
                self._by_reference.popitem(last=False)
        found.used, found.uses, found.cancelled_at = standing.used, standing.uses, standing.cancelled_at
        self._records.put(mark, found)

    def _number_of(self, terms: Terms) -> Number:
        found, place = Number(), self._index_of.setdefault(terms.place, len(self._sites))
        if place == len(self._sites):
            self._sites.append(terms.place)
        found.digits, found.number, found.card = terms.digits, terms.number, terms.card
        found.expiry, found.card_expiry, found.place = terms.expiry, terms.card_expiry, place
        found.cap, found.currency, found.single = terms.cap, CURRENCIES.index(terms.currency), terms.single
        found.valid_until = terms.valid_until
        return found

    def kept(self) -> Iterator[tuple[int, bytes, bytes]]:
        """(mark, sealed, state) of every number."""
        for mark in range(1, len(self._records) + 1):
            found = self._records.get(mark)
            standing = Standing(found.used, found.uses, found.cancelled_at)
            yield mark, self._records.sealed(mark), _encode(standing)

    # -- showing ----------------------------------------------------------------------------------------------------

    def fields(self, mark: int, now: float) -> dict[int, str]:
        """DE 4, 48 and 49 of an 0312: all that its holder has to know."""
        found = self._records.get(mark)
        told = {
            SITE: self._sites[found.place].name, USES: ONE if found.single else MANY, NUMBER: found.text(),
            EXPIRY: f"{found.expiry:04d}", UNTIL: str(int(found.valid_until)), STATE: self._life(found, now),
            USED: str(found.used), CVV2: self._cvv2(mark, found),
        }  # fmt: skip
        return {AMOUNT: f"{found.cap:012d}", PRIVATE: joined(told), CURRENCY: CURRENCIES[found.currency]}

    def rows(self, now: float) -> Iterator[dict[str, Any]]:
        """All numbers, masked."""
        for mark in range(1, len(self._records) + 1):
            found = self._records.get(mark)
            yield {
                "vpan": mask_pan(found.text()), "site": self._sites[found.place].name, "max_cents": found.cap,
                "currency": CURRENCIES[found.currency], "used_cents": found.used,
                "uses": ONE if found.single else "many",
                "valid_until": found.valid_until, "state": self._life(found, now),
            }  # fmt: skip


def _spent(found: Number) -> bool:
    return found.used >= found.cap or (found.single and found.uses > 0)


def _held(amount: int, currency: str, found: Number) -> int:
    """In the currency of its cap."""
    own = CURRENCIES[found.currency]
    return amount if currency == own else converted(amount, currency, own)


def _yymm(expiry: int) -> str | None:
    return None if expiry == NOT_KNOWN else f"{expiry:04d}"


def elements(private: str | None) -> dict[str, str]:
    """DE 48 by tag; nothing where it holds something else altogether.

    >>> elements("9203123"), elements("80041234"), elements(None), elements("92031234")
    ({'92': '123'}, {'80': '1234'}, {}, {})
    """
    found, rest = {}, private or ""
    while rest:
        head = rest[:HEAD_DIGITS]
        if len(head) < HEAD_DIGITS or not head.isdecimal() or len(rest) < (ends := HEAD_DIGITS + int(head[2:])):
            return {}
        found[head[:2]], rest = rest[HEAD_DIGITS:ends], rest[ends:]
    return found


def joined(told: dict[str, str]) -> str:
    """DE 48 of these elements.

    >>> joined({"80": "shop", "92": "123"})
    '8004shop9203123'
    """
    return "".join([f"{tag}{len(value):02d}{value}" for tag, value in told.items()])


def without_cvv2(private: str | None) -> tuple[str | None, str | None]:
    """The CVV2 in DE 48, and the rest for the issuer, who knows no CVV2 of the number's. None: there is none.

    >>> without_cvv2("8004shop9203123"), without_cvv2("9203123"), without_cvv2("free text"), without_cvv2(None)
    (('123', '8004shop'), ('123', None), (None, 'free text'), (None, None))
    """
    if private is None or CVV2 not in private:
        return None, private
    if len(private) == HEAD_DIGITS + CVV2_DIGITS and private.startswith(CVV2_HEAD):  # as nearly all
        return private[HEAD_DIGITS:], None
    told = elements(private)
    cvv2 = told.pop(CVV2, None)
    return (None, private) if cvv2 is None else (cvv2, joined(told) or None)
