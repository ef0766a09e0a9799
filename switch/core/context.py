"""What the handlers of the core share: the links, the table of transactions, the effects they leave.

`Switch` owns one `Context`; the modules beside it (`authorizations`, `reversals`, `network`) are its handlers, each
for one class of messages.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from switch.cards.vault import Vault
from switch.core import fields as de
from switch.core import rebuild, records, results
from switch.core.effects import ANSWER, COMMIT, EVENT, HSM, SEND, Effect
from switch.core.exposures import Exposures
from switch.core.links import AcquirerLink, IssuerLink, Line
from switch.core.records import encode
from switch.core.shelf import KEY_BYTES
from switch.core.specs import SwitchSpec
from switch.core.totals import Totals
from switch.core.transaction import Transaction, reference_of
from switch.core.transactions import Transactions
from switch.iso8583.codec import Patches, View, emit

if TYPE_CHECKING:
    from switch.core.schemes import Scheme

HsmHandler: TypeAlias = Callable[[Any, bytes | None, float], None]

# Functions of an MTI (third digit) that ask for an answer: request, advice and, from 1993 on, notification.
ASKING = frozenset("024")

# How often a second `look_through` looks: a storm of what matches nothing may cost some percent of a core, not more.
LOOKS_PER_S = 10

# The commonest answers, which need not be worked out.
ANSWERED_BY = {"0100": "0110", "0101": "0110", "0200": "0210", "0201": "0210"}


class Context:
    """The state of the switch, without its rules."""

    def __init__(self, spec: SwitchSpec, vault: Vault, epoch: int, scheme: "Scheme | None" = None) -> None:
        self.spec = spec
        self.vault = vault
        self.epoch = epoch
        self.scheme = scheme
        self.effects: list[Effect] = []
        self.counters: Counter[str] = Counter()
        self.answered: dict[str, int] = {}  # by DE 39, not counted among those yet
        self.link_index = {link.name: index for index, link in enumerate(spec.links)}
        self.transactions = Transactions(
            spec.max_transactions, spec.retention_s, self._rebuild, vault.derive("shelf")[:KEY_BYTES]
        )  # fmt: skip
        self.acquirers: dict[int, AcquirerLink] = {}
        self.issuers: dict[int, IssuerLink] = {}  # by index of the primary line
        self.lines: dict[int, Line] = {}
        self._set_up_links()
        # None last, where NO_LINK leads.
        self._acquirer_at = [*[self.acquirers.get(index) for index in range(len(spec.links))], None]
        self._issuer_at = [*[self.issuers.get(index) for index in range(len(spec.links))], None]
        self.acquirer_of_conn: dict[int, AcquirerLink] = {}
        self.line_of_conn: dict[int, Line] = {}
        self.last_number = 0
        self.in_flight = 0
        self.totals = Totals()
        self.exposures = Exposures()
        self._asked_hsm: dict[int, tuple[HsmHandler, Any]] = {}
        self._last_tag = 0
        self._day, self._mmdd = "", ""  # the latest that `mmdd` was asked for
        self._looked_in, self._looks = 0, 0  # second, and how often in it
        self.stalled = ""  # why nothing can be recorded now; empty while it can

    def _set_up_links(self) -> None:
        for index, link in enumerate(self.spec.links):
            if link.role == "acquirer":
                self.acquirers[index] = AcquirerLink(index, link)
            elif not link.joins:
                self.issuers[index] = issuer = IssuerLink(index, link)
                self.lines[index] = issuer.lines[0]
        issuer_of = {issuer.spec.name: issuer for issuer in self.issuers.values()}
        for index, link in enumerate(self.spec.links):
            if link.joins:
                self.lines[index] = issuer_of[link.joins].join(link)

    def _rebuild(self, first: bytes, second: bytes) -> Transaction:
        return rebuild.from_shelf(first, second, self.link_index)

    def acquirer_of(self, tx: Transaction) -> AcquirerLink:
        """Whom `tx` came from."""
        link = self._acquirer_at[tx.acquirer_link]
        assert link is not None, "the index of an acquirer's link"
        return link

    def issuer_of(self, tx: Transaction) -> IssuerLink:
        """Whom `tx` was routed to."""
        link = self._issuer_at[tx.issuer_link]
        assert link is not None, "the index of an issuer's link"
        return link

    def mmdd(self, business_date: str) -> str:
        """DE 15 of a business date, YYMMDD: the same text for message after message."""
        if business_date is not self._day:
            self._day, self._mmdd = business_date, business_date[2:]
        return self._mmdd

    def next_number(self) -> int:
        """A number for a new transaction, ascending over restarts."""
        self.last_number += 1
        return self.last_number

    def original_of(self, view: View) -> Transaction | None:
        """What DE 90 of `view` names: the same DE 32, 37 and 41, and the MTI and STAN in it."""
        original = view.text(de.ORIGINAL) or ""
        key = reference_of(
            view.text(de.ACQUIRER) or "", original[4:10], view.text(de.RRN) or "", view.text(de.TERMINAL) or "",
            original[:4],
        )  # fmt: skip
        return self.transactions.find_original(key, original[10:20])

    def look_through(self, texts: tuple[str, ...], now: float) -> Iterable[Transaction]:
        """`Transactions.newest`, for a line; nothing where others were looked for too often in this second."""
        if int(now) != self._looked_in:
            self._looked_in, self._looks = int(now), 0
        self._looks += 1
        return self.transactions.newest(texts) if self._looks <= LOOKS_PER_S else ()

    def commit(self, record: records.Record) -> bytes:
        """Log `record`, as the bytes returned; what is forwarded or answered after this waits until it is durable."""
        return self.log(encode(record))

    def log(self, payload: bytes) -> bytes:
        """The same of a record that is encoded already."""
        self.effects.append((COMMIT, payload))
        return payload

    def ask_hsm(self, command: str | bytes, handler: "HsmHandler", subject: Any) -> None:
        """Send a host command; `handler(subject, reply, now)` is called with its answer, or with None."""
        self._last_tag = tag = self._last_tag + 1
        self._asked_hsm[tag] = handler, subject
        self.effects.append((HSM, tag, command if isinstance(command, bytes) else command.encode("ascii")))

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        """The HSM's answer to command `tag`, from its command code on; None when there is none."""
        asked = self._asked_hsm.pop(tag, None)
        if asked is None:
            self.counters["hsm-reply-late"] += 1
            return
        handler, subject = asked
        handler(subject, reply, now)

    def event(self, name: str, reason: str, why: str, **fields: str | int | float) -> None:
        """One structured line, and its reason counted. Nothing in it may be secret: callers pass no card data."""
        self.counters[reason] += 1
        self.effects.append((EVENT, name, {"reason": reason, "why": why, **fields}))

    def answer(
        self, conn: int, view: View, code: str, tx: Transaction | None, extras: dict[int, str] | None = None,
        timed: bool = False,
    ) -> None:  # fmt: skip
        """Answer the request `view` of `conn` with DE 39 = `code`, once everything committed before is durable.

        With `tx`, what became of it goes along: approval code, business date, an amount that is not what was asked.
        `timed`: it is the first answer, by which its latency is measured.
        """
        link = self.acquirer_of_conn.get(conn)
        if link is None:  # it hung up; a repeat on another connection gets the same answer from the table
            self.counters["answer-without-connection"] += 1
            return
        patches = Patches()
        patches.put(de.RESPONSE, code)
        if tx is not None:
            if tx.approval:
                patches.put(de.APPROVAL, tx.approval)
            if tx.approved_amount:
                patches.put(de.AMOUNT, tx.approved_amount)
            if tx.business_date:
                patches.put(de.BUSINESS_DATE, self.mmdd(tx.business_date))
        if extras:
            for number, text in extras.items():
                patches.put(number, text)
        frame = emit(link.layout, response_mti(view.mti), view, link.echoed, patches)
        self.answered[code] = self.answered.get(code, 0) + 1
        self.effects.append((ANSWER, conn, frame, tx if timed else None))

    def accept(
        self, conn: int, link: AcquirerLink | IssuerLink, view: View, patches: dict[int, str] | None = None,
        *, durable: bool = False,
    ) -> None:  # fmt: skip
        """Answer an 0800 with approval: at once or, `durable`, when everything committed before is."""
        elements = {**(patches or {}), 39: link.code_of[results.APPROVED]}
        frame = link.layout.emit(response_mti(view.mti), view, link.network_echoed, elements)
        self.effects.append((ANSWER, conn, frame, None) if durable else (SEND, conn, frame))

    def refuse(
        self, conn: int, link: AcquirerLink | IssuerLink, view: View, result: str, reason: str, why: str
    ) -> None:  # fmt: skip
        """Answer at once, with nothing to remember: a request that could not be taken as a transaction at all."""
        code = link.code_of[result]
        self.counters[f"de39-{code}"] += 1
        frame = link.layout.emit(response_mti(view.mti), view, link.network_echoed, {39: code})
        self.effects.append((SEND, conn, frame))
        self.event("refused", reason, why, link=link.spec.name, mti=view.mti, **identity(view), de39=code)


def identity(view: View) -> dict[str, str]:
    """What a line quotes of a message: STAN, DE 37 and DE 41. Nothing where its fields may have slipped."""
    if not view.complete:
        return {"stan": "", "rrn": "", "terminal": ""}
    return {"stan": view.text(11) or "", "rrn": view.text(37) or "", "terminal": view.text(41) or ""}


def response_mti(mti: str) -> str:
    """The MTI that answers `mti`, a repeat as its original (R1). There are file actions of two kinds: 0300, 0302.

    >>> response_mti("0100"), response_mti("0101"), response_mti("0421"), response_mti("0801"), response_mti("0303")
    ('0110', '0110', '0430', '0810', '0312')
    """
    answer = ANSWERED_BY.get(mti)
    if answer is None:
        of_issuer = mti[1] == "3" and mti[3] in "23"
        answer = f"{mti[:2]}{int(mti[2]) + 1}{'2' if of_issuer else '0'}"
    return answer


def is_asking(mti: str) -> bool:
    """Does a message of this type expect an answer?

    >>> is_asking("0100"), is_asking("0121"), is_asking("0110"), is_asking("0A00")
    (True, True, False, False)
    """
    return mti.isascii() and mti.isdigit() and mti[2] in ASKING


def utc_mmddhhmmss(now: float) -> str:
    """DE 7 for the time `now`, in seconds since the epoch.

    >>> utc_mmddhhmmss(1_000_000_000.5)
    '0909014640'
    """
    return datetime.fromtimestamp(now, UTC).strftime("%m%d%H%M%S")
