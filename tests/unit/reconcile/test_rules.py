"""The rules on planted worlds: a clean one stays clean, and each kind of disagreement is found where it was planted."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.acquirers.records import AcquirerRecord
from switch.issuers.records import Booked, Reversed, Snapshot
from switch.reconcile import rules
from switch.reconcile.model import Books, IssuerBook, Key, SwitchBook, booking_key, euro_effect, is_approval
from switch.reconcile.verdict import MAX_LISTED, verdict_of
from switch.store.book import Authorization, Owed

START = 1_790_000_000.0
LATER = START + 100_000.0  # when the books are compared
ISSUERS = ("issuer-1", "issuer-2")
KINDS = ("000000", "010000", "200000", "310000")

# How a transaction may end well: what the acquirer saw (None: it keeps no book), the switch's outcome and reversal,
# and whether the issuer booked it and reversed it.
Seen = Literal["foreign", "answered", "reversed"]
GOOD_ENDS: tuple[tuple[Seen, str, str, str, bool, bool], ...] = (
    ("answered", "00", "approved", "none", True, False),
    ("answered", "51", "declined", "none", True, False),
    ("answered", "92", "refused", "none", False, False),
    ("answered", "91", "declined", "owed", False, False),
    ("answered", "91", "declined", "owed", True, False),  # booked late, its reversal still in store and forward
    ("answered", "91", "declined", "delivered", True, True),
    ("answered", "91", "declined", "delivered", False, True),  # the reversal came first
    ("reversed", "00", "approved", "delivered", True, True),
    ("reversed", "00", "approved", "owed", True, False),
    ("reversed", "68", "declined", "delivered", True, True),
    ("reversed", "51", "declined", "none", True, False),
    ("foreign", "00", "approved", "none", True, False),
    ("foreign", "00", "approved", "delivered", True, True),
)


@dataclass
class World:
    """Books, and the transactions that stand in them at the same index."""

    seen: list[AcquirerRecord]
    logged: list[Authorization]
    entries: dict[str, list[tuple[int, Any]]]
    settled: int = 1_000_000
    reversals: tuple[Key, ...] = ()

    def issuers(self) -> dict[str, IssuerBook]:
        books = {name: IssuerBook(name, self.settled) for name in self.entries}
        for name, entries in self.entries.items():
            for sequence, record in entries:
                books[name].apply(sequence, record)
        return books

    def verdict(self, now: float = LATER) -> dict[str, Any]:
        switch = SwitchBook(self.logged, frozenset(self.reversals))
        return verdict_of(Books(self.seen, switch, self.issuers()), now)

    def kinds(self, now: float = LATER) -> list[str]:
        return [entry["kind"] for entry in self.verdict(now)["disagreements"]]


def add(world: World, end: tuple[Seen, str, str, str, bool, bool], de3: str = "000000", cents: int = 1000) -> None:
    """One more transaction that ends like `end`."""
    seen, de39, outcome, reversal, booked, undone = end
    number = len(world.logged) + 1
    issuer = ISSUERS[number % 2]
    logged = Authorization(
        number=number, at=START + number, mti="0100", acquirer_id="10000000001", stan=f"{number:06d}",
        rrn=f"{number:012d}", terminal="TERM0001", local_date="0922", de3=de3, amount=cents, currency="978",
        issuer=None if outcome == "refused" else issuer, issuer_stan=None if outcome == "refused" else number + 500,
        de39=de39, outcome=outcome, reversal=reversal,
    )  # fmt: skip
    world.logged.append(logged)
    key, entries = booking_key(logged), world.entries[issuer]
    approved = outcome == "approved" or (de39 == "91" and booked)
    if booked:
        effect = euro_effect(de3, cents, "978") if approved else 0
        asked = f"{de3[:2]}|{cents}|978"
        entries.append((len(entries) + 1, Booked(logged.at, key, "a", asked, effect, de39="00" if approved else de39)))
    if undone:
        entries.append((len(entries) + 1, Reversed(logged.at + 9, key.rpartition("|")[0])))
    if seen != "foreign":
        answered, reversal_seen = (de39, "none") if seen == "answered" else (None, "acknowledged")
        world.seen.append(
            AcquirerRecord(
                logged.acquirer_id, logged.terminal, logged.stan, logged.rrn, "0100", de3, "468738******1234", cents,
                "978", sent_at=logged.at, answered_at=logged.at + 1, de39=answered,
                reversal=reversal_seen,  # type: ignore[arg-type]
            )
        )  # fmt: skip


def empty() -> World:
    return World([], [], {name: [] for name in ISSUERS})


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Clean ones of up to 30 transactions."""
    world = empty()
    for end in draw(st.lists(st.sampled_from(GOOD_ENDS), max_size=30)):
        add(world, end, draw(st.sampled_from(KINDS)), draw(st.integers(1, 10**6)))
    return world


@given(worlds(), st.floats(0, 10**6))
def test_a_clean_world_is_clean(world: World, age_s: float) -> None:
    verdict = world.verdict(START + age_s)
    assert verdict["disagreements"] == []
    assert verdict["verdict"] == "clean"
    counts = verdict["acquirer"]
    assert counts["requests"] == sum(counts[end] for end in ("approved", "declined", "reversed", "unanswered"))
    counts = verdict["switch"]
    assert counts["requests"] == sum(counts[end] for end in ("approved", "declined", "refused", "open"))


# -- planting --------------------------------------------------------------------------------------------------------

Plant = Callable[[World], None]
APPROVED, DECLINED = GOOD_ENDS[0], GOOD_ENDS[1]


def logged(**changes: Any) -> Plant:
    """The switch says something else of the last transaction."""

    def plant(world: World) -> None:
        world.logged[-1] = replace(world.logged[-1], **changes)

    return plant


def seen(**changes: Any) -> Plant:
    """The acquirer does."""

    def plant(world: World) -> None:
        for name, value in changes.items():
            setattr(world.seen[-1], name, value)

    return plant


def booked(**changes: Any) -> Plant:
    """The issuer does."""

    def plant(world: World) -> None:
        record = entries_of_last(world)[-1][1]
        for name, value in changes.items():
            setattr(record, name, value)

    return plant


def entries_of_last(world: World) -> list[tuple[int, Any]]:
    return world.entries[ISSUERS[len(world.logged) % 2]]


def forget_in_switch(world: World) -> None:
    world.logged.pop()


def forget_at_issuer(world: World) -> None:
    entries_of_last(world).pop()


def book_twice(world: World) -> None:
    entries = entries_of_last(world)
    entries.append((len(entries) + 1, deepcopy(entries[-1][1])))


def forward_twice(world: World) -> None:
    """The same request under two STANs: each is an effect of its own."""
    again = replace(world.logged[-1], number=10**6, issuer_stan=999)
    entries = entries_of_last(world)
    entries.append((len(entries) + 1, Booked(START, booking_key(again), "a", "00|1000|978", -1000, de39="00")))
    world.logged.append(again)


def reverse_at_issuer(world: World) -> None:
    entries = entries_of_last(world)
    entries.append((len(entries) + 1, Reversed(START, booking_key(world.logged[-1]).rpartition("|")[0])))


def reverse_what_nobody_knows(world: World) -> None:
    entries = entries_of_last(world)
    entries.append((len(entries) + 1, Reversed(START + 1, "1|000001|10000000001|900000000001|TERM0009")))


PLANTS: dict[str, tuple[tuple[Seen, str, str, str, bool, bool], Plant, set[str]]] = {
    "the acquirer waits": (DECLINED, seen(de39=None, reversal="pending"), {"unanswered"}),
    "the switch waits": (DECLINED, logged(outcome="open", de39=None), {"undecided", "answered-without-outcome"}),
    "another code": (DECLINED, seen(de39="05"), {"answer-differs"}),
    "declined towards the acquirer": (APPROVED, seen(de39="05"), {"answer-differs"}),
    "another amount at the acquirer": (APPROVED, seen(amount_cents=999), {"amount-differs"}),
    "another amount at the issuer": (APPROVED, booked(effect_cents=-999), {"amount-differs"}),
    "credited, not held": (APPROVED, booked(effect_cents=1000), {"amount-differs"}),
    "the switch lost it": (APPROVED, forget_in_switch, {"not-in-switch", "effect-without-intent"}),
    "the switch lost a decline": (DECLINED, forget_in_switch, {"not-in-switch"}),
    "the switch lost a reversal": (GOOD_ENDS[8], forget_in_switch, {"reversal-lost", "effect-without-intent"}),
    "a reversal has no effect": (APPROVED, seen(de39=None, reversal="acknowledged"), {"reversal-ignored"}),
    "a reversal nobody asked for": (APPROVED, logged(reversal="owed"), {"reversed-unasked"}),
    "the issuer lost it": (APPROVED, forget_at_issuer, {"effect-missing"}),
    "the issuer declined": (APPROVED, booked(effect_cents=0, de39="51"), {"effect-missing"}),
    "held though declined": (DECLINED, booked(effect_cents=-1000), {"held-though-declined"}),
    "held though reversed": (GOOD_ENDS[5], forget_at_issuer, {"held-though-reversed"}),
    "booked twice": (APPROVED, book_twice, {"double-effect"}),
    "forwarded twice": (APPROVED, forward_twice, {"double-effect"}),
    "reversed at the issuer alone": (APPROVED, reverse_at_issuer, {"orphan-reversal", "effect-missing"}),
    "a reversal of nothing": (APPROVED, reverse_what_nobody_knows, {"orphan-reversal"}),
}


@pytest.mark.parametrize("name", PLANTS)
@given(before=worlds(), after=st.lists(st.sampled_from(GOOD_ENDS), max_size=3))
def test_a_planted_disagreement_is_found(name: str, before: World, after: list[Any]) -> None:
    end, plant, kinds = PLANTS[name]
    add(before, end)
    rrn = before.logged[-1].rrn
    plant(before)
    planted = before.verdict()
    assert planted["verdict"] == "violated"
    assert {entry["kind"] for entry in planted["disagreements"]} == kinds
    if name != "a reversal of nothing":
        assert {entry["rrn"] for entry in planted["disagreements"]} == {rrn}
    for entry in planted["disagreements"]:
        assert entry["rrn"] in entry["why"]
        assert entry["terminal"] in entry["why"]
    assert planted["double_effects"] == (kinds == {"double-effect"})
    assert planted["orphan_reversals"] == ("orphan-reversal" in kinds)


# -- flows: a transaction that is more than a request and its answer --------------------------------------------------

DELIVERED, OWED, EXHAUSTED = "delivered", "owed", "exhausted"


def tell(world: World, *owed: Owed, **changes: Any) -> Authorization:
    """One more approval of 1,000 that the switch tells its issuer about; no acquirer's book knows it."""
    add(world, GOOD_ENDS[11])
    entries_of_last(world).pop()
    told = {"approved_amount": 1000, "standing_amount": 1000, "issuer": ISSUERS[0], "owed": owed}
    world.logged[-1] = replace(world.logged[-1], **told | changes)
    return world.logged[-1]


def post(world: World, logged: Authorization, stan: int | None = None, amount: int = 1000, **changes: Any) -> str:
    """Its issuer books it, and returns the key."""
    key, entries = booking_key(logged, stan), world.entries[ISSUERS[0]]
    booked = Booked(START, key, "a", "00|1000|978", -amount, de39="00", approved=True, amount=amount)
    for name, value in changes.items():
        setattr(booked, name, value)
    entries.append((len(entries) + 1, booked))
    return key


def take_back(world: World, key: str, standing: int = 0) -> None:
    entries = world.entries[ISSUERS[0]]
    entries.append((len(entries) + 1, Reversed(START + 9, key.rpartition("|")[0], standing)))


def complete(world: World, state: str, *, posts: bool = True, releases: bool = True) -> None:
    """A pre-authorization with an increment, and what it came to in the end."""
    first = tell(world, preauthorised=True)
    key = post(world, first, preauthorised=True)
    more = tell(world, preauthorised=True, original=first.number)
    post(world, more, preauthorised=True, chain=key)
    stan = 900
    last = tell(world, Owed("0220", stan, None, state, 20), mti="0220", original=first.number, issuer_stan=stan)
    if posts:
        post(world, last, amount=1000, advice=True, chain=key if releases else "")


def stand_in(world: World, request: str, advice: str, *, posts: bool = True) -> None:
    """The issuer booked a request and was silent: reversed, then told that the switch approved it."""
    found = tell(world, Owed("0420", 501, None, request, 20), Owed("0120", 900, None, advice, 20), issuer_stan=501,
                 stand_in_stan=900)  # fmt: skip
    key = post(world, found)
    if request == DELIVERED:
        take_back(world, key)
    if posts:
        post(world, found, 900, advice=True)


def reduce(world: World, state: str, *, releases: bool = True, standing: int = 300) -> None:
    key = post(world, tell(world, Owed("0420", 900, standing, state, None), standing_amount=standing))
    if releases:
        take_back(world, key, standing)


def approve_in_part(world: World, booked: int) -> None:
    post(world, tell(world, approved_amount=400, standing_amount=400), amount=booked)


def drop(world: World) -> None:
    """An advice that was reversed before its issuer heard of it."""
    tell(world, Owed("0220", 900, None, "dropped", None), mti="0220", reversal="dropped", standing_amount=0)


FLOWS: dict[str, tuple[Callable[[World], None], set[str]]] = {
    "completed": (lambda world: complete(world, DELIVERED), set()),
    "to be completed": (lambda world: complete(world, OWED, posts=False), set()),
    "completed, not acknowledged yet": (lambda world: complete(world, OWED), set()),
    "completed and not released": (lambda world: complete(world, DELIVERED, releases=False), {"held-though-completed"}),
    "completed and not posted": (
        lambda world: complete(world, DELIVERED, posts=False), {"effect-missing", "held-though-completed"},
    ),
    "never told of the completion": (lambda world: complete(world, EXHAUSTED, posts=False), {"exhausted"}),
    "stood in": (lambda world: stand_in(world, DELIVERED, DELIVERED), set()),
    "stood in, all owed": (lambda world: stand_in(world, OWED, OWED, posts=False), set()),
    "stood in, not posted": (lambda world: stand_in(world, DELIVERED, DELIVERED, posts=False), {"effect-missing"}),
    "stood in, both held": (lambda world: stand_in(world, EXHAUSTED, DELIVERED), {"exhausted", "double-effect"}),
    "reduced": (lambda world: reduce(world, DELIVERED), set()),
    "to be reduced": (lambda world: reduce(world, OWED, releases=False), set()),
    "reduced, not acknowledged yet": (lambda world: reduce(world, OWED), set()),
    "not reduced": (lambda world: reduce(world, DELIVERED, releases=False), {"amount-differs"}),
    "approved in part": (lambda world: approve_in_part(world, 400), set()),
    "approved in part, held whole": (lambda world: approve_in_part(world, 1000), {"amount-differs"}),
    "dropped": (drop, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOWS)
def test_flows(name: str) -> None:
    """Those that agree are clean; those that do not are found."""
    world, (plant, kinds) = empty(), FLOWS[name]
    plant(world)
    assert set(world.kinds()) == kinds


def test_every_kind_is_planted() -> None:
    """The list in the module's docstring and the plants name the same kinds."""
    described = (rules.__doc__ or "").partition("between\n")[2].partition("Without")[0]
    alone = ("unanswered", "undecided", "exhausted")
    named = {word for word in described.replace(":", " ").split() if "-" in word or word in alone}
    planted = [kinds for _, _, kinds in PLANTS.values()] + [kinds for _, kinds in FLOWS.values()]
    assert named == set().union(*planted)


# -- what is no disagreement -----------------------------------------------------------------------------------------


def test_what_is_young_is_counted_and_not_accused() -> None:
    world = empty()
    add(world, DECLINED)
    seen(de39=None, reversal="pending")(world)
    logged(outcome="open", de39=None)(world)
    young = world.verdict(START + 1 + rules.SETTLED_AFTER_S)
    assert (young["verdict"], young["unanswered"]) == ("clean", 1)
    assert sorted(world.kinds(START + 1.1 + rules.SETTLED_AFTER_S)) == ["unanswered", "undecided"]


@pytest.mark.parametrize("plant", [forget_in_switch, reverse_at_issuer, reverse_what_nobody_knows, book_twice])
def test_what_an_issuer_did_while_the_books_were_read_accuses_nobody(plant: Plant) -> None:
    world = empty()
    add(world, GOOD_ENDS[11])  # no acquirer's book knows it
    add(world, GOOD_ENDS[11])
    before = {name: len(entries) for name, entries in world.entries.items()}
    plant(world)
    if plant is forget_in_switch:
        before[ISSUERS[0]] -= 1
    world.settled = min(before.values())
    assert [kind for kind in world.kinds() if kind != "double-effect"] == []


@pytest.mark.parametrize("de39", ["12", "13", "30", "58", "91", "94", "96"])
def test_what_the_switch_refuses_at_once_is_in_no_log(de39: str) -> None:
    world = empty()
    add(world, DECLINED)
    forget_in_switch(world)
    seen(de39=de39)(world)
    assert world.kinds() == []


def test_a_reversal_without_original_is_logged_as_such() -> None:
    world = empty()
    add(world, GOOD_ENDS[8])
    gone = world.logged.pop()
    entries_of_last(world).clear()
    world.entries = {name: [] for name in ISSUERS}
    assert world.kinds() == ["reversal-lost"]
    world.reversals = (Key(gone.acquirer_id, gone.terminal, gone.rrn, gone.stan, "1"),)
    assert world.kinds() == []


def test_books_that_begin_later_accuse_nobody_of_what_was_before() -> None:
    world = empty()
    add(world, APPROVED)
    issuer = IssuerBook("issuer-2", 0)
    issuer.since = START + 50
    books = Books(world.seen, SwitchBook(world.logged), {"issuer-2": issuer})
    assert verdict_of(books, LATER)["verdict"] == "clean"
    issuer.since = START
    assert verdict_of(books, LATER)["verdict"] == "violated"
    switch = SwitchBook([], since=START + 50)
    assert verdict_of(Books(world.seen, switch, {}), LATER)["verdict"] == "clean"


def test_a_card_whose_issuer_keeps_no_book_is_named() -> None:
    world = empty()
    add(world, APPROVED)
    world.entries = {}
    verdict = world.verdict()
    assert verdict["verdict"] == "clean"
    assert verdict["issuer"]["absent"] == ["issuer-2"]
    assert verdict["issuer"]["present"] is False


# What acquirer and issuer can tell between them, where the switch keeps no book.
OF_TWO_ENDS = {
    "the acquirer waits": "unanswered",
    "another amount at the acquirer": "amount-differs",
    "another amount at the issuer": "amount-differs",
    "declined towards the acquirer": "held-though-declined",
    "held though declined": "held-though-declined",
    "a reversal has no effect": "held-though-reversed",
    "the issuer lost it": "effect-missing",
    "reversed at the issuer alone": "effect-missing",
    "booked twice": "double-effect",
}


@pytest.mark.parametrize(("name", "kind"), OF_TWO_ENDS.items())
def test_without_a_switch_acquirer_and_issuer_are_compared(name: str, kind: str) -> None:
    world = empty()
    add(world, APPROVED)
    add(world, PLANTS[name][0])
    clean = verdict_of(Books(world.seen, None, world.issuers()), LATER)
    assert (clean["verdict"], clean["switch"]) == ("clean", {"present": False})
    PLANTS[name][1](world)
    found = verdict_of(Books(world.seen, None, world.issuers()), LATER)["disagreements"]
    assert [entry["kind"] for entry in found] == [kind]


def test_the_list_is_bounded_and_says_so() -> None:
    world = empty()
    for _ in range(MAX_LISTED + 17):
        add(world, APPROVED)
        forget_at_issuer(world)
    listed = world.verdict()["disagreements"]
    assert len(listed) == MAX_LISTED + 1
    assert listed[-1]["kind"] == "more"
    assert listed[-1]["why"] == "17 more; in all 117 effect-missing"
    assert listed[-1].keys() == listed[0].keys()


def test_a_reset_hides_nothing_that_was_booked() -> None:
    """`control reset` makes accounts as new; what a snapshot after it holds is not what was booked."""
    world = empty()
    add(world, APPROVED)
    ((_, record),) = entries_of_last(world)
    record.live_cents = 0
    issuer = IssuerBook("issuer-2", 10)
    issuer.restore(Snapshot([], [record], {}), 5)
    verdict = verdict_of(Books(world.seen, SwitchBook(world.logged), {"issuer-2": issuer}), LATER)
    assert verdict["verdict"] == "clean"
    assert verdict["issuer"]["live_cents"] == -1000


def test_approval_is_all_zeros_or_of_a_part() -> None:
    assert [code for code in ("00", "000", "0", "", "10", "91") if is_approval(code)] == ["00", "000", "0", "10"]
