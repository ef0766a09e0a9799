"""Bringing together what the books say about one transaction.

Acquirers and switch share `Key`. Towards the issuer the switch uses a STAN of its own, so the switch's book is what
joins the other two; without it, acquirers and issuers are joined by DE 32, 37, 41 and the MTI's class alone.
"""

from collections.abc import Iterable

from switch.issuers.ledger import origin_of_key
from switch.reconcile.model import (
    Books,
    Case,
    Key,
    booking_key,
    is_reversed,
    key_at_issuer,
    key_of,
    key_of_record,
    legs_of,
)


def assemble(books: Books) -> Iterable[Case]:
    """All transactions that any book knows, each once."""
    cases: dict[Key, Case] = {}
    for record in books.acquirer or ():
        key = key_of_record(record)
        cases[key] = Case(key, record)
    if books.switch is None:
        _attach_to_acquirers(books, cases)
        return cases.values()
    explained: set[tuple[str, str]] = set()  # issuer and booking's key
    reversed_origins: set[tuple[str, str]] = set()
    for authorization in books.switch.authorizations:
        key = key_of(authorization)
        case = cases.setdefault(key, Case(key))
        case.authorizations.append(authorization)
        if authorization.issuer in books.issuers:
            for stan in legs_of(authorization):
                at_issuer = booking_key(authorization, stan)
                case.bookings += books.issuers[authorization.issuer].bookings.get(at_issuer, ())
                explained.add((authorization.issuer, at_issuer))
                if is_reversed(authorization):
                    reversed_origins.add((authorization.issuer, origin_of_key(at_issuer)))
    return [*cases.values(), *_unexplained(books, explained, reversed_origins)]


def _unexplained(
    books: Books, explained: set[tuple[str, str]], reversed_origins: set[tuple[str, str]]
) -> Iterable[Case]:
    """What issuers have that the switch never logged. A case each: the acquirer's STAN is not known."""
    for issuer in books.issuers.values():
        for key, bookings in issuer.bookings.items():
            if (issuer.name, key) not in explained:
                yield Case(key_at_issuer(origin_of_key(key)), bookings=bookings)
        for origin, early in issuer.early.items():
            if (issuer.name, origin) not in reversed_origins:
                yield Case(key_at_issuer(origin), early=[early])


def _attach_to_acquirers(books: Books, cases: dict[Key, Case]) -> None:
    """Give each acquirer's case the bookings that may be its own, where no switch says which are."""
    by_names = {(key.acquirer_id.zfill(11), key.terminal, key.rrn, key.mti_class): case for key, case in cases.items()}
    for issuer in books.issuers.values():
        for at_issuer, bookings in issuer.bookings.items():
            key = key_at_issuer(origin_of_key(at_issuer))
            case = by_names.get((key.acquirer_id, key.terminal, key.rrn, key.mti_class))
            if case is not None:
                case.bookings += bookings
