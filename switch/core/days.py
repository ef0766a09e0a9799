"""Business days and their cutover (R16).

Each acquirer's link has a business date, YYMMDD, which its requests keep for good: in flight over a cutover, in a late
reversal, in the totals. It never goes back. It moves at midnight UTC at the latest; before that by the acquirer's
0800/201 for its own link, or by an operator for all. When the oldest date moves, its day is over everywhere, and the
issuers are told (`switch.core.closings`).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from switch.core import fields as de
from switch.core import records, results
from switch.core.context import Context
from switch.core.links import AcquirerLink, Closing
from switch.core.totals import DAYS_KEPT
from switch.iso8583.codec import View

# What was in flight at the cutover is decided one issuer timer later; so much after that its totals stand.
SETTLE_S: Final = 1.0


class Days:
    """The handler of 0800 with DE 70 = 201, and of midnight."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._next_at = 0.0  # when the oldest business date has been over for good

    def restored(self, now: float) -> None:
        """The log is folded: begin today where no day has begun. Nothing of before the restart is in flight."""
        for issuer in self.context.issuers.values():
            for closing in issuer.closings:
                closing.settle_at = now + SETTLE_S
        self.tick(now)

    def request(self, conn: int, link: AcquirerLink, view: View, now: float) -> None:
        """An acquirer ends its day: the next one, which DE 15 may name, begins for its link."""
        context, asked = self.context, view.text(de.BUSINESS_DATE)
        reference = f"{view.text(de.STAN)}{view.text(de.TRANSMITTED)}"
        opened = following(link.business_date)
        if self._is_repeat(link, view, reference):
            context.counters["repeat-answered"] += 1
        elif asked is not None and asked != opened[2:]:
            why = f"DE 15 is {asked}, the day after {link.business_date} is {opened[2:]}"
            context.refuse(conn, link, view, results.INVALID_TRANSACTION, "not-the-next-day", why)
            return
        else:
            self._cut_over(records.Cutover(now, link.spec.name, opened, reference))
        context.accept(conn, link, view, {de.BUSINESS_DATE: link.business_date[2:]}, durable=True)

    @staticmethod
    def _is_repeat(link: AcquirerLink, view: View, reference: str) -> bool:
        """Of the 0800 that began this day? It may come with a DE 7 of its own when it says that it is one (R1)."""
        known = link.cutover_reference
        return known == reference or (view.mti == "0801" and bool(known) and known[:6] == reference[:6])

    def cut_over_all(self, now: float) -> str:
        """By the operator: all links to the next day, one that is ahead already stays. Returns that day."""
        self.tick(now)
        dates = [link.business_date for link in self.context.acquirers.values()]
        opened = max(following(oldest_date(self.context)), *dates, key=day_of)
        self._cut_over(records.Cutover(now, "", opened))
        return opened

    def tick(self, now: float) -> None:
        """Midnight, UTC."""
        if now < self._next_at:
            return
        today = yymmdd(now)
        if day_of(oldest_date(self.context)) < day_of(today):
            self._cut_over(records.Cutover(now, "", today))
        self._next_at = begins_at(following(oldest_date(self.context) or today))

    def next_deadline(self) -> float:
        """The end of the oldest business date."""
        return self._next_at

    def _cut_over(self, record: records.Cutover) -> None:
        context = self.context
        context.commit(record)
        begin_day(context, record)
        self._next_at = begins_at(following(oldest_date(context) or record.business_date))
        why = f"business date {record.business_date}; what is in flight keeps its own"
        context.event("day", "cutover", why, link=record.link)


def begin_day(context: Context, record: records.Cutover) -> None:
    """Apply a cutover, live or from the log: forward only; a day that is over everywhere is to be closed."""
    before = oldest_date(context)
    for link in context.acquirers.values():
        if record.link in ("", link.spec.name) and day_of(link.business_date) < day_of(record.business_date):
            link.business_date, link.cutover_reference = record.business_date, record.reference
    after = oldest_date(context)
    if before and before != after:
        for issuer in context.issuers.values():
            settle_at = record.at + issuer.spec.timeout_s + SETTLE_S
            issuer.closings.append(Closing(before, after, settle_at))
            if len(issuer.closings) > DAYS_KEPT:  # its figures are forgotten by now
                issuer.closings.popleft()


def oldest_date(context: Context) -> str:
    """The business date of the link that is furthest behind; empty until all have begun one."""
    return min((link.business_date for link in context.acquirers.values()), key=day_of, default="")


def yymmdd(now: float) -> str:
    """The day of `now`, UTC.

    >>> yymmdd(1_790_000_000.0)
    '260921'
    """
    return datetime.fromtimestamp(now, UTC).strftime("%y%m%d")


def day_of(text: str) -> date:
    """The day of a business date; one that has not begun is before all others.

    >>> day_of("") < day_of("700101") < day_of("261231") < day_of("270101")
    True
    """
    return datetime.strptime(text, "%y%m%d").replace(tzinfo=UTC).date() if text else date.min


def following(text: str) -> str:
    """The day after.

    >>> following("261231"), following("280228")
    ('270101', '280229')
    """
    return (day_of(text) + timedelta(days=1)).strftime("%y%m%d")


def begins_at(text: str) -> float:
    """When that day begins, UTC.

    >>> yymmdd(begins_at("280229")), yymmdd(begins_at("280229") - 1)
    ('280229', '280228')
    """
    return datetime.strptime(text, "%y%m%d").replace(tzinfo=UTC).timestamp()


def recent(mmdd: str, today: str) -> str | None:
    """The business date that DE 15 means on a link whose own is `today`; None for one not kept, or not begun yet.

    >>> recent("1231", "270101"), recent("0101", "270101"), recent("0102", "270101"), recent("1215", "270101")
    ('261231', '270101', None, None)
    """
    dates = ((day_of(today) - timedelta(days=days)).strftime("%y%m%d") for days in range(DAYS_KEPT))
    return next((text for text in dates if text[2:] == mmdd), None)
