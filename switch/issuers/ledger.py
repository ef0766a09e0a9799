"""The issuer's state: accounts, the requests remembered for their repeats and reversals, totals, and the zone key.

State changes in one way only, `apply(record)`: the issuer decides, writes the record and applies it, and after a crash
the same records are applied again. So what a restart rebuilds cannot differ from what was there.

A pre-authorization and what was added to it form a chain, by the key of the pre-authorization. A completion releases
the whole chain, once; each completion posts its own amount.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from switch.cards.masking import mask_pan
from switch.issuers import records
from switch.issuers.accounts import Account, euro_cents, opened
from switch.issuers.behaviours import ORDINARY, Behaviour, behaviour
from switch.issuers.keys import ZoneKey
from switch.issuers.records import Armed, Balances, Booked, KeyChanged, Record, Reversed, Snapshot
from switch.issuers.specs import CardSpec, IssuerSpec
from switch.issuers.totals import Totals

_BALANCES: Final = Balances.__struct_fields__


class Ledger:
    """Accounts by PAN, decided requests by duplicate key, newest request by origin."""

    def __init__(self, spec: IssuerSpec) -> None:
        self._spec = spec
        self.booked: OrderedDict[str, Booked] = OrderedDict()  # oldest first
        self._latest: dict[str, Booked] = {}  # origin → the newest request of that origin
        self._chains: dict[str, list[Booked]] = {}  # key of a pre-authorization → it and what was added, oldest first
        self.early: OrderedDict[str, float] = OrderedDict()  # origin → when it was reversed before it came
        self.totals = Totals()
        self.zone_key = ZoneKey(spec.zpk, spec.key_grace_s)
        self._open(spec.cards)

    def _open(self, cards: Iterable[CardSpec]) -> None:
        """References are masked PANs; of several equal ones the later get a number, so that the log can tell them."""
        self._accounts: dict[str, Account] = {}
        self._by_reference: dict[str, Account] = {}
        seen: Counter[str] = Counter()
        for card in cards:
            if not behaviour(card.behaviour).known:
                continue
            masked = mask_pan(card.pan)
            seen[masked] += 1
            account = opened(card, masked if seen[masked] == 1 else f"{masked}/{seen[masked]}")
            self._accounts[card.pan] = self._by_reference[account.reference] = account

    def account(self, pan: str) -> Account | None:
        """The account of a card, None when the issuer has no such card."""
        return self._accounts.get(pan)

    def reference(self, pan: str) -> str:
        """How records name a card, known or not."""
        account = self._accounts.get(pan)
        return account.reference if account else f"unknown {mask_pan(pan)}"

    def behaviour(self, pan: str) -> Behaviour:
        """How a card behaves; one the issuer does not have is declined in the ordinary way."""
        account = self._accounts.get(pan)
        return account.behaviour if account else ORDINARY

    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order of the cards."""
        return tuple(self._accounts.values())

    def original(self, origin: str) -> Booked | None:
        """The newest request that a reversal with this origin may mean."""
        return self._latest.get(origin)

    def preauthorization(self, origin: str, account: str) -> Booked | None:
        """The pre-authorization of that account which something with this origin is, or adds to; None if none."""
        named = self._latest.get(origin)
        head = self.booked.get(named.chain) if named is not None and named.chain else named
        if head is None or not (head.preauthorised and head.approved and head.account == account):
            return None
        return head

    # -- the fold ---------------------------------------------------------------------------------------------------

    def apply(self, record: Record) -> None:
        """Change the state as `record` says. A card no longer configured keeps its memory, not its account."""
        if isinstance(record, Booked):
            self._book(record)
        elif isinstance(record, Reversed):
            self._reverse(record)
        elif isinstance(record, Armed):
            account = self._by_reference.get(record.account)
            if account is not None:
                account.armed_count, account.armed_de39 = record.count, record.de39
        elif isinstance(record, KeyChanged):
            self.zone_key.change(record)
        else:
            self._reset()

    def _book(self, booked: Booked) -> None:
        if not booked.reversed:  # else an advice that was taken back before it came
            booked.standing, booked.live_cents = booked.amount, booked.effect_cents
        if booked.approved and booked.chain:
            self._follow(booked)
        account = self._by_reference.get(booked.account)
        if account is not None:
            account.move(booked.live_cents, booked.at, counted=_is_counted(booked))
            account.tries = booked.tries
            account.armed_count -= booked.armed
        self.totals.approve(booked)
        self._remember(booked)
        self.early.pop(origin_of_key(booked.key), None)
        self._forget(booked.at)

    def _follow(self, booked: Booked) -> None:
        """What comes after a pre-authorization: a completion ends what is held of it; once completed, nothing is."""
        chain = self._chains.get(booked.chain, [])
        if not booked.preauthorised:
            for held in chain:
                self._release(held, 0)
                held.completed = True
        elif chain and chain[0].completed:
            booked.live_cents, booked.completed = 0, True

    def _reverse(self, reversal: Reversed) -> None:
        booked = self._latest.get(reversal.origin)
        if booked is None:
            self.early.setdefault(reversal.origin, reversal.at)
            self._forget(reversal.at)
            return
        assert not booked.reversed, "the issuer acknowledges a second reversal without a record"
        self.totals.take_back(booked, booked.standing - reversal.standing)
        booked.standing = reversal.standing
        if reversal.standing:
            booked.reductions += (reversal.standing,)
            self._release(booked, _effect_of(booked, reversal.standing))
        else:
            booked.reversed = True
            self._release(booked, 0, uncounted=_is_counted(booked))

    def _release(self, booked: Booked, left_cents: int, *, uncounted: bool = False) -> None:
        """Only `left_cents` of the effect live on; what lives no more cannot be released again."""
        account = self._by_reference.get(booked.account)
        if booked.live_cents and account is not None:
            account.undo(booked.live_cents - left_cents, booked.at, counted=uncounted)
        booked.live_cents = left_cents if booked.live_cents else 0

    def _reset(self) -> None:
        self._open(self._spec.cards)
        for booked in self.booked.values():
            booked.live_cents = 0

    # -- memory -----------------------------------------------------------------------------------------------------

    def _remember(self, booked: Booked) -> None:
        self.booked[booked.key] = booked
        self._latest[origin_of_key(booked.key)] = booked
        if booked.preauthorised and booked.approved:
            if not booked.chain:
                self._chains[booked.key] = [booked]
            elif booked.chain in self._chains:
                self._chains[booked.chain].append(booked)

    def _forget(self, now: float) -> None:
        """Drop what is too old, and the oldest beyond the limit."""
        oldest_at, limit = now - self._spec.retention_s, self._spec.max_transactions
        while self.booked and (len(self.booked) > limit or next(iter(self.booked.values())).at < oldest_at):
            key, booked = self.booked.popitem(last=False)
            origin = origin_of_key(key)
            if self._latest[origin] is booked:
                del self._latest[origin]
            self._chains.pop(key, None)  # with its head a chain can be named no more
        while self.early and (len(self.early) > limit or next(iter(self.early.values())) < oldest_at):
            self.early.popitem(last=False)

    def snapshot(self) -> bytes:
        """The whole state, for `restore`."""
        balances = [Balances(*(getattr(account, name) for name in _BALANCES)) for account in self.accounts()]
        booked, early = list(self.booked.values()), dict(self.early)
        return records.encode(Snapshot(balances, booked, early, self.totals.days(), self.zone_key.changes()))

    def restore(self, snapshot: bytes) -> None:
        """Take the state of a snapshot; accounts it does not know are new."""
        state = records.decode_snapshot(snapshot)
        for balances in state.accounts:
            account = self._by_reference.get(balances.reference)
            if account is not None:
                for name in _BALANCES:
                    setattr(account, name, getattr(balances, name))
        for booked in state.booked:
            self._remember(booked)
        self.early.update(state.early)
        self.totals.restore(state.figures)
        for change in state.keys:
            self.zone_key.change(change)


def origin_of_key(key: str) -> str:
    """A duplicate key without the local date at its end, which a reversal does not carry."""
    return key.rpartition("|")[0]


def _effect_of(booked: Booked, amount: int) -> int:
    """The effect of `amount` minor units in place of what was booked."""
    cents = euro_cents(amount, booked.asked.rpartition("|")[2])
    return cents if booked.effect_cents > 0 else -cents


def _is_counted(booked: Booked) -> bool:
    """Does it count against the card's debits of the day? What follows a pre-authorization is part of it."""
    return booked.effect_cents < 0 and not booked.chain
