"""The issuer's state: accounts, and the requests remembered for their repeats and reversals.

State changes in one way only, `apply(record)`: the issuer decides, writes the record and applies it, and after a crash
the same records are applied again. So what a restart rebuilds cannot differ from what was there.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from switch.cards.masking import mask_pan
from switch.issuers.accounts import Account, opened
from switch.issuers.behaviours import ORDINARY, Behaviour, behaviour
from switch.issuers.records import Armed, Balances, Booked, Record, Reversed, Snapshot, decode_snapshot, encode
from switch.issuers.specs import CardSpec, IssuerSpec

_BALANCES: Final = Balances.__struct_fields__


class Ledger:
    """Accounts by PAN, decided requests by duplicate key, newest request by origin."""

    def __init__(self, spec: IssuerSpec) -> None:
        self._spec = spec
        self.booked: OrderedDict[str, Booked] = OrderedDict()  # oldest first
        self._latest: dict[str, Booked] = {}  # origin → the newest request of that origin
        self.early: OrderedDict[str, float] = OrderedDict()  # origin → when it was reversed before it came
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
        else:
            self._reset()

    def _book(self, booked: Booked) -> None:
        account = self._by_reference.get(booked.account)
        if account is not None:
            account.move(booked.effect_cents, booked.at)
            account.tries = booked.tries
            account.armed_count -= booked.armed
        self._remember(booked)
        self.early.pop(origin_of_key(booked.key), None)
        self._forget(booked.at)

    def _reverse(self, reversal: Reversed) -> None:
        booked = self._latest.get(reversal.origin)
        if booked is None:
            self.early.setdefault(reversal.origin, reversal.at)
            self._forget(reversal.at)
        else:
            assert not booked.reversed, "the issuer acknowledges a second reversal without a record"
            booked.reversed = True
            account = self._by_reference.get(booked.account)
            if account is not None:
                account.undo(booked.effect_cents, booked.at)

    def _reset(self) -> None:
        self._open(self._spec.cards)
        for booked in self.booked.values():
            booked.effect_cents = 0

    def _remember(self, booked: Booked) -> None:
        self.booked[booked.key] = booked
        self._latest[origin_of_key(booked.key)] = booked

    def _forget(self, now: float) -> None:
        """Drop what is too old, and the oldest beyond the limit."""
        oldest_at, limit = now - self._spec.retention_s, self._spec.max_transactions
        while self.booked and (len(self.booked) > limit or next(iter(self.booked.values())).at < oldest_at):
            key, booked = self.booked.popitem(last=False)
            origin = origin_of_key(key)
            if self._latest[origin] is booked:
                del self._latest[origin]
        while self.early and (len(self.early) > limit or next(iter(self.early.values())) < oldest_at):
            self.early.popitem(last=False)

    def snapshot(self) -> bytes:
        """The whole state, for `restore`."""
        balances = [Balances(*(getattr(account, name) for name in _BALANCES)) for account in self.accounts()]
        return encode(Snapshot(balances, list(self.booked.values()), dict(self.early)))

    def restore(self, snapshot: bytes) -> None:
        """Take the state of a snapshot; accounts it does not know are new."""
        state = decode_snapshot(snapshot)
        for balances in state.accounts:
            account = self._by_reference.get(balances.reference)
            if account is not None:
                for name in _BALANCES:
                    setattr(account, name, getattr(balances, name))
        for booked in state.booked:
            self._remember(booked)
        self.early.update(state.early)


def origin_of_key(key: str) -> str:
    """A duplicate key without the local date at its end, which a reversal does not carry."""
    return key.rpartition("|")[0]
