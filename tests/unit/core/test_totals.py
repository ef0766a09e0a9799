"""Reconciliation totals: columns, days kept, what balances."""

import pytest

from switch.core.totals import DAYS_KEPT, Figures, Totals
from switch.core.transaction import Transaction


def transaction(de3: str = "000000", amount: int = 10_00, day: str = "261122", **changes: object) -> Transaction:
    tx = Transaction()
    tx.acquirer_link, tx.issuer_link = 0, 1
    tx.de3, tx.amount, tx.currency, tx.business_date, tx.mti = de3, f"{amount:012d}", "978", day, "0100"
    for name, value in changes.items():
        setattr(tx, name, value)
    return tx


@pytest.mark.parametrize(
    ("tx", "count", "amount"),
    [
        (transaction("000000"), 76, 88),
        (transaction("010000"), 76, 88),
        (transaction("090000"), 76, 88),
        (transaction("200000"), 74, 86),
        (transaction("310000"), 80, None),
        (transaction("370000"), 80, None),
        (transaction("000000", preauthorised=True), 81, None),
        (transaction("000000", mti="0220"), 76, 88),
    ],
)
def test_each_kind_has_its_column(tx: Transaction, count: int, amount: int | None) -> None:
    """R17: on the acquirer's link and on the issuer's alike."""
    totals = Totals()
    totals.approved(tx, tx.asked())
    for link in (0, 1):
        figures = totals.of(link, "261122", "978")
        assert {number for number, value in figures.counts.items() if value} == {count}
        assert {number: value for number, value in figures.sums.items() if value} == ({amount: 10_00} if amount else {})


def test_a_partial_approval_counts_what_was_approved() -> None:
    totals = Totals()
    totals.approved(transaction(), 4_00)
    assert totals.of(0, "261122", "978").sums[88] == 4_00


def test_a_reversal_counts_on_the_day_of_its_original() -> None:
    """Whole or in part: one more reversal, and the amount taken back."""
    totals, tx, refund = Totals(), transaction(), transaction("200000", 7_00)
    for each in (tx, refund, transaction(day="261123")):
        totals.approved(each, each.asked())
    totals.taken_back(tx, 2_50)
    totals.taken_back(tx, 7_50)
    totals.taken_back(refund, 7_00)
    figures = totals.of(1, "261122", "978")
    assert (figures.counts[77], figures.sums[89], figures.counts[75], figures.sums[87]) == (2, 10_00, 1, 7_00)
    assert figures.net == 0
    assert totals.of(1, "261123", "978").net == -10_00


def test_inquiries_and_holds_have_nothing_to_take_back() -> None:
    totals = Totals()
    for tx in (transaction("310000"), transaction(preauthorised=True)):
        totals.approved(tx, tx.asked())
        totals.taken_back(tx, 10_00)
    assert totals.of(0, "261122", "978").elements()[97] == "C" + "0" * 16
    assert totals.of(0, "261122", "978").counts[77] == 0


def test_ten_days_are_kept_of_each_link() -> None:
    """The newest ones, whatever comes late."""
    totals = Totals()
    days = [f"2611{day:02d}" for day in range(1, DAYS_KEPT + 3)]
    for day in days:
        totals.approved(transaction(day=day), 10_00)
    assert totals.dates(0) == days[2:]
    totals.taken_back(transaction(day=days[0]), 1)
    assert totals.dates(0) == days[2:]


def test_the_net_has_a_sign_of_its_own() -> None:
    """DE 97: C when more was credited, D when more was debited."""
    totals = Totals()
    totals.approved(transaction(amount=3_00), 3_00)
    assert totals.of(0, "261122", "978").elements()[97] == "D" + f"{3_00:016d}"
    totals.approved(transaction("200000", 5_00), 5_00)
    assert totals.of(0, "261122", "978").elements()[97] == "C" + f"{2_00:016d}"


@pytest.mark.parametrize("theirs", [{97: "C12X"}, {76: "ABC"}, {97: "D" + "0" * 15 + "1"}])
def test_what_cannot_be_read_does_not_balance(theirs: dict[int, str]) -> None:
    assert not Figures().balances(theirs)


def test_a_log_of_before_there_were_days_counts_nothing() -> None:
    totals = Totals()
    totals.approved(transaction(day=""), 10_00)
    assert list(totals.everything()) == []
