"""Standing in: the switch approves for an issuer that is down, late or lost, within limits (R7, R12, R13).

Cards and limits are configuration. The PIN is verified by the HSM, under the acquirer's zone PIN key and against the
PVV that is configured with the card; the switch never sees it. What was approved becomes a 0120 (0220 for a 0200) that
the issuer is told by store and forward, behind the reversal of the request that it did not answer.

    purchase ─▶ covered? ─▶ expiry ─▶ amount, total, count ─▶ PIN (HSM) ─▶ approved, advice owed
                   └────────────┴───────────────┴─────────────────┴─▶ declined, as if nobody stood in, or 54, 55, 75

A card that is not covered, or beyond its limits, ends as it would have without standing in: 91.
"""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from switch.core import checks, hsm_errors, results
from switch.core import fields as de
from switch.core.advices import seal_fields
from switch.core.context import Context
from switch.core.endings import Endings
from switch.core.journal import intent_of
from switch.core.links import IssuerLink, zpk_name
from switch.core.specs import StandInCard
from switch.core.states import State
from switch.core.transaction import NO_CONNECTION, Transaction
from switch.iso8583.codec import EncodeError

MAX_WRONG_PINS: Final = 3
PURCHASE: Final = "00"  # cash, refunds and enquiries wait for their issuer

# ED, error code: the answer to EC, verify a PIN against a PVV.
VERIFIED: Final = re.compile(rb"ED([0-9A-Z]{2})")
WRONG_PIN: Final = "01"


class Verification(NamedTuple):
    """A PIN block at the HSM: under the acquirer's key `source`, which the rest of the command does not name."""

    tx: Transaction
    reason: str
    why: str
    source: str
    body: str


class StandIns:
    """Decides for issuers that cannot."""

    def __init__(self, context: Context, ends: Endings) -> None:
        self.context = context
        self.ends = ends
        self._cards = {context.vault.token(card.pan): card for card in context.spec.stand_in}

    def decide(self, tx: Transaction, reason: str, why: str, now: float) -> bool:
        """Take `tx` over, to approve or decline it, now or once the HSM has verified its PIN. False: not ours."""
        card = self._cards.get(tx.token)
        if card is None or tx.preauthorised or tx.de3[:2] != PURCHASE or not self._within_limits(tx, card):
            return False
        assert tx.request is not None
        why = f"{why}; the switch stood in"
        expiry = checks.expiry_of(tx.request)
        if expiry != card.expiry or expiry < f"{datetime.fromtimestamp(now, UTC):%y%m}":
            self.ends.give_up(tx, results.EXPIRED, "stand-in-expired", f"{why}: the card has expired", now)
            return True
        block = tx.request.text(de.PIN_BLOCK)
        if block is None:
            self._approve(tx, why, now)
            return True
        if self.context.exposures.of(tx.token).wrong_pins >= MAX_WRONG_PINS:
            self.ends.give_up(tx, results.PIN_TRIES, "stand-in-pin-tries", f"{why}: too many wrong PINs", now)
            return True
        tx.move(State.STANDING_IN)
        body = f"{card.pvk}{block}01{checks.account_number(card.pan)}{card.pvki}{card.pvv}"
        key = tx.pin_key or self.context.acquirer_of(tx).keys.current  # not changed under its feet (R15)
        self._verify(Verification(tx, reason, why, key, body))
        return True

    def _verify(self, asked: Verification) -> None:
        """Host command EC: Visa PVV of an ISO-0 block."""
        self.context.ask_hsm(f"EC{asked.source}{asked.body}", self._verified, asked)

    def _within_limits(self, tx: Transaction, card: StandInCard) -> bool:
        exposure = self.context.exposures.of(tx.token)
        return (
            tx.asked() <= card.max_amount
            and exposure.total + tx.asked() <= card.max_total
            and exposure.count < card.max_count
        )

    def _verified(self, asked: Verification, reply: bytes | None, now: float) -> None:
        """The HSM's verdict on the PIN. Meanwhile the acquirer may have reversed the request."""
        tx, reason, why = asked.tx, asked.reason, asked.why
        if tx.state is not State.STANDING_IN:
            return
        found = VERIFIED.match(reply) if reply is not None else None
        code = found[1].decode("ascii") if found is not None else ""
        keys = self.context.acquirer_of(tx).keys
        if previous := keys.fallback(asked.source, code, now):
            self._verify(asked._replace(source=previous))
            return
        if code in ("00", WRONG_PIN):
            keys.served(asked.source)
        exposure = self.context.exposures.of(tx.token)
        if code == "00":
            exposure.wrong_pins = 0
            if self._within_limits(tx, self._cards[tx.token]):
                self._approve(tx, why, now)
            else:
                self.ends.give_up(tx, results.ISSUER_DOWN, reason, f"{why}, up to its limits", now)
        elif code == WRONG_PIN:
            exposure.wrong_pins += 1
            spent = exposure.wrong_pins >= MAX_WRONG_PINS
            result = results.PIN_TRIES if spent else results.WRONG_PIN
            self.ends.give_up(tx, result, "stand-in-wrong-pin", f"{why}: wrong PIN {exposure.wrong_pins}", now)
        elif code:
            self.ends.give_up(tx, results.of_hsm_error(code), f"hsm-{code}", f"{why}: {self._refused(tx, code)}", now)
        else:
            self.ends.give_up(tx, results.ISSUER_DOWN, reason, f"{why}, but no HSM verified the PIN", now)

    def _refused(self, tx: Transaction, code: str) -> str:
        """Why the HSM could not verify a PIN."""
        assert tx.request is not None
        block, account = tx.request.text(de.PIN_BLOCK) or "", checks.account_number(self._cards[tx.token].pan)
        source, target = zpk_name(self.context.acquirer_of(tx)), f"PVK of link {self.context.issuer_of(tx).name}"
        return hsm_errors.pin_sentence(hsm_errors.PIN_VERIFICATION, code, block, account, source, target)

    def _approve(self, tx: Transaction, why: str, now: float) -> None:
        """Make the advice, under a STAN of its own; where the issuer could not be told, there is no standing in."""
        context = self.context
        issuer = context.issuer_of(tx)
        left = tx.conn != NO_CONNECTION
        stan = issuer.stans.take(tx)
        if stan is None or not self._fits(tx, issuer):
            if stan is not None:
                issuer.stans.release(stan)
            self.ends.give_up(tx, results.ISSUER_DOWN, "stand-in-impossible", f"{why}, but could not tell it", now)
            return
        assert tx.request is not None
        link = context.acquirer_of(tx)
        tx.sealed_fields = seal_fields(context, tx.request, tx)
        if not left:
            tx.issuer_stan = stan
            context.commit(intent_of(tx, link.spec.name, issuer.spec.name, now))
        entries = tx.stand_in(
            stan, f"SI{tx.number % 10_000:04d}", link.code_of[results.APPROVED], now, reversal_owed=left
        )
        context.exposures.add(tx)
        self.ends.stood_in(tx, entries, why, now)

    def _fits(self, tx: Transaction, issuer: IssuerLink) -> bool:
        """Can the issuer's dialect carry the request? Then it can carry the advice of it."""
        assert tx.request is not None
        try:
            issuer.layout.emit(tx.mti, tx.request, issuer.forwarded, {})
        except EncodeError:
            return False
        return True
