"""The part of the fold that is of links: their keys, their days, what issuers are still to be told of these, totals."""

from collections.abc import Callable, Iterator

from switch.core import records
from switch.core.context import Context
from switch.core.days import begin_day
from switch.core.links import AcquirerLink, Closing, IssuerLink
from switch.core.totals import COUNTS, SUMS, Figures


def apply(context: Context, record: records.Record, index_of: Callable[[str], int]) -> None:
    """Take the next record; `index_of` finds a link by its name."""
    match record:
        case records.KeyChange():
            index = index_of(record.link)
            party: AcquirerLink | IssuerLink = context.acquirers.get(index) or context.issuers[index]
            party.keys.change(record.key, record.kcv, record.at, party.spec.key_grace_s)
        case records.Cutover():
            begin_day(context, record)
        case records.Closing():
            _closing(context.issuers[index_of(record.link)], record)
        case records.Totals():
            figures = Figures(
                dict(zip(COUNTS, record.counts, strict=True)), dict(zip(SUMS, record.sums, strict=True))
            )  # fmt: skip
            context.totals.replace(index_of(record.link), record.business_date, record.currency, figures)


def _closing(issuer: IssuerLink, record: records.Closing) -> None:
    found = next((closing for closing in issuer.closings if closing.closed == record.closed), None)
    if record.done and found is not None:
        issuer.closings.remove(found)
    elif not record.done and found is None:
        issuer.closings.append(Closing(record.closed, record.opened, settle_at=record.at))


def records_of(context: Context, names: list[str]) -> Iterator[records.Record]:
    """For the end of a snapshot: its totals replace what the transactions before them have added up to."""
    parties: list[AcquirerLink | IssuerLink] = [*context.acquirers.values(), *context.issuers.values()]
    for party in parties:
        keys, name = party.keys, party.spec.name
        if keys.changed_at:
            yield records.KeyChange(keys.changed_at, name, keys.previous, "")
            yield records.KeyChange(keys.changed_at, name, keys.current, keys.kcv)
    for link in context.acquirers.values():
        if link.business_date:
            yield records.Cutover(0.0, link.spec.name, link.business_date, link.cutover_reference)
    for issuer in context.issuers.values():
        for closing in issuer.closings:
            yield records.Closing(0.0, issuer.spec.name, closing.closed, closing.opened, done=False)
    for index, business_date, currency, figures in context.totals.everything():
        counts, sums = tuple(figures.counts.values()), tuple(figures.sums.values())
        yield records.Totals(0.0, names[index], business_date, currency, counts, sums)
