"""Sales: a cardholder's request, and what the shop does about it afterwards.

    request ─▶ final ──some seconds──▶ step ─▶ final ──some seconds──▶ step … ─▶ end

Which steps follow is the mix's; what a step is about is found when it is due, by what stands then: an increment and a
completion need the pre-authorization, a reversal takes back the newest that stands. So a completion is never sent for
something that was declined or reversed. A step waits until the one before it is final; a reversal alone may come while
an advice is not acknowledged yet, and goes out instead of it.
"""

import heapq
from collections.abc import Callable
from typing import Final

from switch.acquirers import compose
from switch.acquirers.line import Line
from switch.acquirers.pinpad import PinPad
from switch.acquirers.records import AcquirerRecord
from switch.acquirers.specs import TerminalCard
from switch.acquirers.transactions import State, Transaction, Transactions
from switch.cards.masking import mask_pan
from switch.profiles.mix import Draw, Step, share_of, until_next_step_s

_UNROUTED: Final = TerminalCard(pan="9999990000000006", expiry="3012", pin="1234")  # MII 9: no bank has it
_EXCESS: Final = 0.3  # a restaurant's tip, at most, beyond what was held


class Sale:
    """One cardholder at one terminal: all transactions of it, and the steps still to come."""

    __slots__ = ("drawn", "due", "number", "step", "steps", "transactions")

    def __init__(self, number: int, drawn: Draw) -> None:
        self.number = number
        self.drawn = drawn
        self.steps: tuple[Step, ...] = drawn.share.then
        self.step = 0  # the next one
        self.due: float | None = None  # when it is taken
        self.transactions: list[Transaction] = []

    @property
    def first(self) -> Transaction:
        """What it began with."""
        return self.transactions[0]

    @property
    def newest_standing(self) -> Transaction | None:
        """What a reversal takes back."""
        return next((tx for tx in reversed(self.transactions) if tx.stands or tx.state is State.ADVISED), None)

    @property
    def held_cents(self) -> int:
        """By its pre-authorization and what was added to it."""
        return sum(tx.record.standing_cents or 0 for tx in self.transactions if tx.stands and tx.doc["t"] == "0100")


class Sales:
    """All sales that are not over."""

    def __init__(self, line: Line, transactions: Transactions, pinpad: PinPad, seed: int) -> None:
        self._line = line
        self._transactions = transactions
        self._pinpad = pinpad
        self._seed = seed
        self._closing = False
        self._due: list[tuple[float, int]] = []  # heap of (due, number)
        self._waiting: dict[int, Sale] = {}  # for their next step, by number

    def __len__(self) -> int:
        """How many wait for their next step."""
        return len(self._waiting)

    # -- the life of a sale ------------------------------------------------------------------------------------------

    def begin(self, number: int, drawn: Draw, now: float) -> None:
        """A cardholder comes."""
        sale = Sale(number, drawn)
        spec, share = self._line.spec, drawn.share
        card = spec.cards[int(drawn.card * len(spec.cards))] if share.routed else _UNROUTED
        pin = {"right": card.pin, "wrong": _other_than(card.pin), "none": ""}[share.pin]
        doc = compose.request(
            share.kind,
            compose.Sender(spec.institution_id, f"TERM{1 + int(drawn.terminal * spec.terminals):04d}", spec.merchant),
            pan=card.pan,
            expiry=card.expiry,
            amount_cents=drawn.amount_cents,
            currency=spec.currency,
            stan=int(self._line.next_stan()),
            now=now,
            pin_block=self._pinpad.block(pin, card.pan) if pin else None,
            track2=card.track2 if share.entry == "track2" else "",
            cvv2=card.cvv2 if share.entry == "cvv2" else "",
            cash_cents=drawn.cash_cents,
        )
        self._line.counters["requests"] += 1
        self._send(sale, share.kind, doc, now, self._pinpad.generation if pin else None)

    def ended(self, sale: Sale, now: float) -> None:
        """The newest transaction of a sale is final: its next step comes in some seconds, if there is one."""
        if sale.step < len(sale.steps):
            self._schedule(sale, now)
        else:
            self._over(sale)

    def tick(self, now: float) -> None:
        """Take the steps that are due. Without a session they wait for the next one."""
        while self._line.signed_on and self._due and self._due[0][0] <= now:
            due, number = heapq.heappop(self._due)
            sale = self._waiting.get(number)
            if sale is not None and sale.due == due:
                self._take_step(sale, now)

    def close(self) -> None:
        """The shop closes: steps still to come are taken at once."""
        self._closing = True
        for sale in self._waiting.values():
            sale.due = 0.0
        self._due = [(0.0, number) for number in self._waiting]

    def next_deadline(self) -> float | None:
        """When the next step is due."""
        return self._due[0][0] if self._due and self._line.signed_on else None

    def _schedule(self, sale: Sale, now: float) -> None:
        if sale.number in self._waiting:
            return
        wait_s = until_next_step_s(
            self._line.spec.follow_up_s, self._seed, self._line.spec.name, sale.number, sale.step
        )  # fmt: skip
        sale.due = now if self._closing else now + wait_s
        self._waiting[sale.number] = sale
        heapq.heappush(self._due, (sale.due, sale.number))

    def _over(self, sale: Sale) -> None:
        self._line.busy.difference_update(tx.record.stan for tx in sale.transactions)

    # -- steps -------------------------------------------------------------------------------------------------------

    def _take_step(self, sale: Sale, now: float) -> None:
        """Take the next step; one that has become impossible ends the sale."""
        step = sale.steps[sale.step]
        del self._waiting[sale.number]
        sale.step += 1
        part = share_of(self._seed, self._line.spec.name, sale.number, sale.step)
        if not _STEPS[step](self, sale, part, now):
            self._line.counters["steps-dropped"] += 1
            self._over(sale)

    def _increment(self, sale: Sale, part: float, now: float) -> bool:
        original = sale.first
        if not original.stands:
            return False
        cents = max(1, round(part * sale.drawn.amount_cents))
        stan = int(self._line.next_stan())
        doc = compose.incremental(original.doc, cents, stan=stan, now=now)
        self._send(sale, "incremental", doc, now, None)
        return True

    def _complete(self, sale: Sale, part: float, now: float) -> bool:  # noqa: ARG002 - every step is told a part
        return self._completed(sale, sale.held_cents, now)

    def _complete_less(self, sale: Sale, part: float, now: float) -> bool:
        return self._completed(sale, max(1, round(part * sale.held_cents)), now)

    def _complete_more(self, sale: Sale, part: float, now: float) -> bool:
        return self._completed(sale, round((1 + _EXCESS * part) * sale.held_cents), now)

    def _completed(self, sale: Sale, cents: int, now: float) -> bool:
        original = sale.first
        if not original.stands or not cents:
            return False
        stan = int(self._line.next_stan())
        doc = compose.completion(original.doc, cents, stan=stan, now=now, approval=original.approval)
        self._send(sale, "completion", doc, now, None)
        return True

    def _reduce(self, sale: Sale, part: float, now: float) -> bool:
        tx = sale.newest_standing
        if tx is None or tx.state is State.ADVISED or (tx.record.standing_cents or 0) < 2:  # a cent cannot be parted
            return False
        cents = tx.record.standing_cents or 0
        self._transactions.reduce(tx, min(max(1, round(part * cents)), cents - 1), now)
        return True

    def _reverse(self, sale: Sale, part: float, now: float) -> bool:  # noqa: ARG002 - every step is told a part
        tx = sale.newest_standing
        if tx is None:
            return False
        self._transactions.reverse(tx, now)
        return True

    # -- out ---------------------------------------------------------------------------------------------------------

    def _send(self, sale: Sale, kind: str, doc: dict[str, str], now: float, pin_generation: int | None) -> None:
        """A new transaction of the sale."""
        original = sale.first.record if sale.transactions else None
        record = AcquirerRecord(
            acquirer_id=doc["32"],
            terminal=doc["41"],
            stan=doc["11"],
            rrn=doc["37"],
            mti=doc["t"],
            de3=doc["3"],
            pan=mask_pan(compose.pan_of(doc)),
            amount_cents=int(doc["4"]),
            currency=doc["49"],
            sent_at=now,
            kind=kind,
            original_mti=original.mti if original else "",
            original_stan=original.stan if original else "",
            original_rrn=original.rrn if original else "",
        )
        tx = Transaction(doc, record, sale, pin_generation)
        sale.transactions.append(tx)
        self._line.busy.add(record.stan)
        self._transactions.begin(tx, now)
        if tx.state is State.ADVISED and sale.steps[sale.step : sale.step + 1] == ("reverse",):
            self._schedule(sale, now)


_STEPS: Final[dict[Step, Callable[[Sales, Sale, float, float], bool]]] = {
    "increment": Sales._increment,
    "complete": Sales._complete,
    "complete-less": Sales._complete_less,
    "complete-more": Sales._complete_more,
    "reduce": Sales._reduce,
    "reverse": Sales._reverse,
}


def _other_than(pin: str) -> str:
    """A wrong PIN of the same length: each digit one higher."""
    return pin.translate(str.maketrans("0123456789", "1234567890"))
