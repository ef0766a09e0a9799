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

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from switch.cards import disposable
from switch.cards.masking import FIRST, mask_pan
from switch.cards.number_map import KEY_BYTES, NumberMap
from switch.cards.pan import is_pan
from switch.cards.vault import Vault
from switch.core import results
from switch.core.checks import Failure
from switch.core.currencies import EURO, FRANC, converted
from switch.core.fields import AMOUNT, CURRENCY, PRIVATE
from switch.core.schemes import FileAction, Filed, Kept, Payment, Resolved, Weight

PURCHASE, REFUND, VERIFICATION = "00", "20", "37"  # DE 3, first two digits
KINDS: Final = frozenset({PURCHASE, REFUND, VERIFICATION})
CURRENCIES: Final = frozenset({EURO, FRANC})  # others cannot be held against a cap
ADD, DELETE, INQUIRE = "1", "3", "5"  # DE 91

# DE 48: elements of a tag, a length (two digits each) and a value.
SITE, USES, VALIDITY_S, NUMBER, EXPIRY, UNTIL, STATE, USED = "80", "81", "82", "83", "84", "86", "87", "88"
CVV2: Final = "92"
HEAD_DIGITS: Final = 4  # of an element: tag and length
ONE, MANY = "1", "M"  # uses

DAY_S: Final = 86_400.0

# Repeats of file actions that are recognised: those of the last so many numbers given out. Terminals repeat at once.
MAX_REFERENCES: Final = 100_000


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """`[ocard]`; `ocard.toml` says what each is for. Without BINs there is no Ocard."""

    bins: tuple[Annotated[str, Meta(pattern=r"^[0-9]{6}$")], ...] = ()
    file_name: Annotated[str, Meta(min_length=1, max_length=17)] = "OCARD"
    max_valid_days: Annotated[int, Meta(ge=1, le=3650)] = 365
    max_numbers: Annotated[int, Meta(ge=1, le=100_000_000)] = 10_000_000
    final_after_days: Annotated[int, Meta(ge=0, le=3650)] = 30
    reversal_returns_amount: bool = True
    reversal_returns_use: bool = True


class Place(Struct, frozen=True):
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

    number: str
    pan: str
    card_expiry: str  # YYMM, or empty where whoever asked did not say
    expiry: str  # YYMM
    place: Place
    cap: int  # minor units
    currency: str
    single: bool
    valid_until: float
    reference: str  # of the file action

    def __repr__(self) -> str:
        return f"Terms({mask_pan(self.number)})"


class Standing(Struct, array_like=True):
    """What became of it so far."""

    used: int = 0  # minor units that weigh on it
    uses: int = 0  # purchases that do
    cancelled_at: float = 0.0


class Life(Enum):
    """Where a number is."""

    ISSUED = "issued"
    ACTIVE = "active"
    CONSUMED = "consumed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUND_ONLY = "refund-only"


# What a number that is over is answered with. CONSUMED is not among them: what adds to its purchase may still pass.
OVER: Final = {
    Life.EXPIRED: Failure(results.EXPIRED, "number-expired", "the disposable number has expired"),
    Life.CANCELLED: Failure(results.RESTRICTED, "number-cancelled", "the disposable number was cancelled"),
    Life.REFUND_ONLY: Failure(results.NO_SUCH_CARD, "number-over", "the disposable number has long been over"),
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


class _Number:
    """One number, without the card: that stays sealed."""

    __slots__ = ("cap", "currency", "expiry", "number", "place", "sealed", "single", "standing", "valid_until")

    def __init__(self, terms: Terms, place: Place, sealed: bytes, standing: Standing) -> None:
        self.number, self.expiry, self.place = terms.number, terms.expiry, place
        self.cap, self.currency, self.single = terms.cap, terms.currency, terms.single
        self.valid_until = terms.valid_until
        self.sealed, self.standing = sealed, standing

    @property
    def spent(self) -> bool:
        return self.standing.used >= self.cap or (self.single and self.standing.uses > 0)


class Ocard:
    """The scheme, as `switch.core.schemes.Scheme` has it."""

    def __init__(self, spec: OcardSpec, vault: Vault) -> None:
        self._parameters = spec.parameters
        self._bins = frozenset(spec.parameters.bins)
        self._cards = spec.cards
        self._places = {place.name: place for place in spec.places}
        self._vault = vault
        self._key = vault.derive("disposable numbers")
        self._map = NumberMap(vault.derive("number map")[:KEY_BYTES])
        self._numbers: list[_Number] = []  # mark - 1
        self._interned: dict[Place, Place] = {}  # of numbers; the configuration's may have changed since
        self._by_reference: dict[str, int] = {}  # the newest of them

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
        found = self._numbers[mark - 1]
        if (payment.acquirer_id, payment.merchant) != (found.place.acquirer_id, found.place.merchant):
            return OTHER_SITE
        if payment.of_a_card or payment.kind not in KINDS or payment.currency not in CURRENCIES:
            return WRONG_KIND
        if payment.asks and payment.kind != REFUND and (failure := self._objection(found, payment, now)):
            return failure
        terms = self._terms(found)
        return Resolved(mark, found.number, terms.pan, terms.card_expiry or None, without_cvv2(payment.private))

    def _objection(self, found: _Number, payment: Payment, now: float) -> Failure | None:
        if over := OVER.get(self._life(found, now)):
            return over
        if payment.expiry not in (None, found.expiry):
            return WRONG_EXPIRY
        if payment.private is not None:
            cvv2 = elements(payment.private).get(CVV2)
            if cvv2 is not None and cvv2 != self._cvv2(found):
                return WRONG_CVV2
        if payment.begins and found.spent:
            return SPENT
        amount = converted(payment.amount, payment.currency, found.currency)
        if payment.kind == PURCHASE and found.standing.used + amount > found.cap:
            return OVER_CAP
        return None

    def weighs(self, mark: int, weight: Weight) -> None:
        """Something counts, or does not any more."""
        if mark > len(self._numbers):
            return  # a snapshot tells of the transactions first, and of what they came to afterwards
        found, policy = self._numbers[mark - 1], self._parameters
        if not weight.taken_back or policy.reversal_returns_amount:
            before, now = (converted(cents, weight.currency, found.currency) for cents in (weight.before, weight.now))
            found.standing.used += now - before
        if not weight.taken_back or policy.reversal_returns_use:
            found.standing.uses += weight.uses

    def _life(self, found: _Number, now: float) -> Life:
        standing = found.standing
        ends = min(found.valid_until, standing.cancelled_at or found.valid_until)
        if now >= ends + self._parameters.final_after_days * DAY_S:
            return Life.REFUND_ONLY
        if standing.cancelled_at:
            return Life.CANCELLED
        if found.spent:
            return Life.CONSUMED
        if now >= found.valid_until:
            return Life.EXPIRED
        return Life.ACTIVE if standing.used or standing.uses else Life.ISSUED

    def _terms(self, found: _Number) -> Terms:
        return _decode_terms(self._vault.open_bytes(found.sealed))

    def _cvv2(self, found: _Number) -> str:
        return disposable.cvv2_for(found.number, found.expiry, self._key)

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
        standing = self._numbers[mark - 1].standing
        if action.code == INQUIRE or standing.cancelled_at:
            return Filed(None, mark)
        return Filed(Kept(mark, None, _encode(msgspec.structs.replace(standing, cancelled_at=now))), mark)

    def _add(self, action: FileAction, epoch: int, serial: int, now: float) -> Filed | Failure:
        pan, asked = action.number, elements(action.private)
        if mark := self._by_reference.get(action.reference):
            return Filed(None, mark) if self._terms(self._numbers[mark - 1]).pan == pan else NOT_A_REPEAT
        if objection := self._bad_terms(action, asked):
            return objection
        valid_s = int(asked[VALIDITY_S])
        if len(self._numbers) >= self._parameters.max_numbers:
            return Failure(results.MALFUNCTION, "numbers-exhausted", f"{len(self._numbers)} were given out, the limit")
        try:
            number = disposable.number_for(pan, epoch=epoch, serial=serial, key=self._key, taken=self._taken)
        except disposable.RangeExhaustedError as error:
            return Failure(results.MALFUNCTION, "numbers-exhausted", str(error))
        last_month = f"{datetime.fromtimestamp(now + valid_s, UTC):%y%m}"
        terms = Terms(
            number, pan, action.expiry or "", disposable.expiry_for(number, last_month, self._key),
            self._places[asked[SITE]], action.amount, action.currency, asked[USES] == ONE, now + valid_s,
            action.reference,
        )  # fmt: skip
        mark = len(self._numbers) + 1
        return Filed(Kept(mark, _encode(terms), _encode(Standing())), mark)

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
        return None

    def _taken(self, number: str) -> bool:
        return number in self._cards or number in self._map

    def keep(self, mark: int, sealed: bytes, clear: bytes | None, state: bytes) -> None:
        """A record from the log, or on its way there."""
        standing = _decode_standing(state)
        if clear is None:
            self._numbers[mark - 1].standing = standing
            return
        assert mark == len(self._numbers) + 1, "numbers are kept in the order in which they were given out"
        terms = _decode_terms(clear)
        self._map.insert(terms.number, mark)
        self._numbers.append(_Number(terms, self._interned.setdefault(terms.place, terms.place), sealed, standing))
        self._by_reference[terms.reference] = mark
        if len(self._by_reference) > MAX_REFERENCES:
            del self._by_reference[next(iter(self._by_reference))]

    def kept(self) -> Iterable[tuple[int, bytes, bytes]]:
        """(mark, sealed, state) of every number."""
        return ((mark, found.sealed, _encode(found.standing)) for mark, found in enumerate(self._numbers, 1))

    # -- showing ----------------------------------------------------------------------------------------------------

    def fields(self, mark: int, now: float) -> dict[int, str]:
        """DE 4, 48 and 49 of an 0312: all that its holder has to know."""
        found = self._numbers[mark - 1]
        told = {
            SITE: found.place.name, USES: ONE if found.single else MANY, NUMBER: found.number, EXPIRY: found.expiry,
            UNTIL: str(int(found.valid_until)), STATE: self._life(found, now).value, USED: str(found.standing.used),
            CVV2: self._cvv2(found),
        }  # fmt: skip
        return {AMOUNT: f"{found.cap:012d}", PRIVATE: joined(told), CURRENCY: found.currency}

    def rows(self, now: float) -> Iterator[dict[str, Any]]:
        """All numbers, masked."""
        for found in self._numbers:
            yield {
                "vpan": mask_pan(found.number), "site": found.place.name, "max_cents": found.cap,
                "currency": found.currency, "used_cents": found.standing.used, "uses": ONE if found.single else "many",
                "valid_until": found.valid_until, "state": self._life(found, now).value,
            }  # fmt: skip


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
    return "".join(f"{tag}{len(value):02d}{value}" for tag, value in told.items())


def without_cvv2(private: str | None) -> str | None:
    """DE 48 for the issuer, who knows no CVV2 of the number's.

    >>> without_cvv2("8004shop9203123"), without_cvv2("9203123"), without_cvv2("free text")
    ('8004shop', None, 'free text')
    """
    told = elements(private) if private is not None else {}
    if CVV2 not in told:
        return private
    return joined({tag: value for tag, value in told.items() if tag != CVV2}) or None
