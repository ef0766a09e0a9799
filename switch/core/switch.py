"""The switch, sans I/O: frames and times in, effects out.

Theory of operation. A shell feeds it: `connected`, `receive`, `hsm_reply`, `tick`, each with the time `now`. It decides
in memory, over state that it alone owns, and leaves effects (`switch.core.effects`). What it decides becomes true in
the log: an intent before a request is forwarded, an outcome before it is answered; after a crash `restore` folds the
log back into the same state. It never reads a clock, a socket or a random number, so the very same code runs on
uvloop and on virtual time.

    acquirer frame ─▶ scan ─▶ signed on? ─▶ checks ─▶ duplicate? ─▶ route ─▶ HSM ─▶ COMMIT intent ─▶ FORWARD
    issuer frame   ─▶ scan ─▶ STAN, 37, 41 match ─▶ COMMIT outcome ─▶ ANSWER
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from switch.cards.bins import BinTable
from switch.cards.vault import Vault
from switch.core import recovery, results
from switch.core.advices import Advices
from switch.core.authorizations import Authorizations
from switch.core.closings import Closings
from switch.core.context import Context, identity, is_asking
from switch.core.days import Days
from switch.core.deliveries import Deliveries
from switch.core.effects import CLOSE, Effect
from switch.core.endings import Endings
from switch.core.file_actions import FileActions
from switch.core.keys import Exchange, Exported, KeyExchanges
from switch.core.links import AcquirerLink, IssuerLink, Line, LinkState
from switch.core.macs import Macs
from switch.core.network import SIGN_ON, Network
from switch.core.overload import refuse_new
from switch.core.part import Part
from switch.core.questions import Questions
from switch.core.reconciliation import Reconciliation
from switch.core.reversals import Reversals
from switch.core.schemes import Scheme
from switch.core.specs import SwitchSpec
from switch.core.totals import Figures
from switch.core.transaction import NO_CONNECTION
from switch.iso8583.codec import FormatError, View, scan
from switch.iso8583.dialect_file import SPOKEN_VERSION
from switch.iso8583.doctor import guess, other_edition

AUTHORIZATION_MTIS = frozenset({"0100", "0101", "0200", "0201"})
REVERSAL_MTIS = frozenset({"0400", "0401", "0420", "0421"})
NETWORK_MTIS = frozenset({"0800", "0801"})
ADVICE_MTIS = frozenset({"0120", "0121", "0220", "0221"})
RECONCILIATION_MTIS = frozenset({"0500", "0501", "0520", "0521"})
FILE_ACTION_MTIS = frozenset({"0302", "0303"})
REQUEST_MTIS = AUTHORIZATION_MTIS | ADVICE_MTIS | REVERSAL_MTIS | NETWORK_MTIS | RECONCILIATION_MTIS | FILE_ACTION_MTIS

AUTHORIZATION_ANSWERS = frozenset({"0110", "0210"})
DELIVERY_ANSWERS = frozenset({"0410", "0430", "0130", "0230"})
ANSWERS_TO_US = frozenset({"0810", "0530"})  # what the switch itself has asked

KNOWN_FROM_ISSUERS = AUTHORIZATION_ANSWERS | DELIVERY_ANSWERS | NETWORK_MTIS | ANSWERS_TO_US

# Parts of a message in front of its fields, as a FormatError names them: header, MTI, bitmaps.
BEFORE_FIELDS = frozenset({"h", "t", "p", "1"})


class Timed(Protocol):
    """A handler for which time counts."""

    def tick(self, now: float) -> None:
        """Do everything whose time has come."""

    def next_deadline(self) -> float | None:
        """When `tick` has something to do."""


class Switch(Part):
    """Routes authorizations between acquirers and issuers. All times: seconds since the epoch, as passed in."""

    def __init__(self, spec: SwitchSpec, vault: Vault, epoch: int, scheme: Scheme | None = None) -> None:
        """`epoch` counts the starts of this switch, durably: with it no nonce of the vault ever serves twice."""
        self._context = context = Context(spec, vault, epoch, scheme)
        self._deliveries = Deliveries(context)
        self._ends = Endings(context, self._deliveries)
        self._reversals = Reversals(context, self._deliveries, self._ends)
        self._questions = Questions(context)
        self._keys = KeyExchanges(context, self._questions)
        self._days = Days(context)
        self._network = Network(context, self._questions, self._deliveries, self._keys, self._days)
        self._reconciliation = Reconciliation(context)
        self._closings = Closings(context, self._questions)
        self._file_actions = FileActions(context)
        index_of = {issuer.spec.name: index for index, issuer in context.issuers.items()}
        routes = BinTable((route.prefix, index_of[route.link]) for route in spec.routes)
        self._authorizations = Authorizations(context, self._deliveries, self._ends, routes)
        self._advices = Advices(context, self._deliveries, routes)
        self._timed: tuple[Timed, ...] = (
            self._days, self._authorizations, self._deliveries, self._questions, self._network, self._closings,
        )  # fmt: skip
        self._macs = Macs(context, self._hand_in)
        self._guards = any(link.tak for link in spec.links)  # is there a link with MACs at all?
        self._dated = tuple(link.dialect for link in spec.links if link.dialect.dated)

    # -- the past ---------------------------------------------------------------------------------------------------

    def restore(self, snapshot: bytes | None, payloads: Iterable[bytes], now: float) -> None:
        """Fold the log back. What was forwarded and not answered is declined and owed a reversal."""
        fold = recovery.Fold(self._context)
        fold.apply(snapshot, payloads)
        self._days.restored(now)
        for entry in fold.owed():
            entry.maybe_sent = True
            self._deliveries.owe(entry, now)
        for tx in fold.unanswered():
            self._ends.recover(tx, now)

    def snapshot(self) -> bytes:
        """The state as of every COMMIT handed out so far, for `restore`."""
        return recovery.snapshot(self._context)

    # -- connections ------------------------------------------------------------------------------------------------

    def connected(self, conn: int, link: int, now: float) -> None:
        """Connection `conn` of `spec.links[link]` stands: an acquirer's may sign on, on an issuer's we do."""
        self._tell_time(now)
        context = self._context
        self._macs.connected(conn, context.spec.links[link])
        acquirer = context.acquirers.get(link)
        if acquirer is not None:
            if not acquirer.enabled:
                context.effects.append((CLOSE, conn, "link is down"))
                return
            context.acquirer_of_conn[conn] = acquirer
            acquirer.sessions[conn] = False
            return
        line = context.lines[link]
        if not line.enabled or line.conn != NO_CONNECTION:
            context.effects.append((CLOSE, conn, "link is down" if not line.enabled else "already connected"))
            return
        context.line_of_conn[conn] = line
        line.conn = conn
        line.state = LinkState.CONNECTED
        line.heard_at = now
        line.missed_echoes = 0
        self._network.ask(line, SIGN_ON, now)

    def disconnected(self, conn: int, now: float) -> None:
        """Connection `conn` is gone."""
        context = self._context
        self._macs.disconnected(conn)
        acquirer = context.acquirer_of_conn.pop(conn, None)
        if acquirer is not None:
            del acquirer.sessions[conn]
            self._questions.lost(conn, now)
            return
        line = context.line_of_conn.pop(conn, None)
        if line is None:
            return
        line.conn = NO_CONNECTION
        line.state = LinkState.DOWN
        why = f"the connection to {line.spec.name} is gone; {len(line.issuer.sent_on(conn))} requests waited on it"
        context.event("link", "issuer-disconnected", why, link=line.spec.name)
        self._authorizations.line_lost(line, conn, now)
        self._questions.lost(conn, now)

    def set_link(self, name: str, up: bool, now: float) -> None:
        """Take a link out of service or back in: KeyError for a name that no link has."""
        context = self._context
        links: list[AcquirerLink | Line] = [*context.acquirers.values(), *context.lines.values()]
        link = {link.spec.name: link for link in links}[name]
        link.enabled = up
        why = f"{name} was {'put back into' if up else 'taken out of'} service by control at {now:.3f}"
        context.event("link", "link-up" if up else "link-down", why, link=name)
        if not up:
            conns = link.sessions if isinstance(link, AcquirerLink) else [link.conn] * (link.conn != NO_CONNECTION)
            context.effects.extend((CLOSE, conn, "link down by control") for conn in conns)

    def exchange_key(self, name: str, report: Callable[[Exchange], None]) -> None:
        """A new zone PIN key with the institution of a link (R15); `report` is called once. KeyError: no such link."""
        self._keys.begin(self._party(name), report)

    def export_key(self, name: str, report: Callable[[Exported], None]) -> None:
        """The zone PIN key in use after exchanges, under the ZMK; `report` is called once. KeyError: no such link."""
        self._keys.export(self._party(name), report)

    def _party(self, name: str) -> AcquirerLink | IssuerLink:
        """The institution that a link, or a further line, leads to."""
        context = self._context
        parties: dict[str, AcquirerLink | IssuerLink] = {a.spec.name: a for a in context.acquirers.values()}
        parties |= {line.spec.name: line.issuer for line in context.lines.values()}
        return parties[name]

    def cut_over(self, now: float) -> str:
        """All links go to the next business day, which is returned (YYMMDD); issuers are told (R16)."""
        return self._days.cut_over_all(now)

    def refuse_new(self, conn: int, frames: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """For a shell that is behind, before `receive`: what is to be received all the same, answers to the rest."""
        if conn in self._macs.lines:  # who it is from is not known yet
            return list(frames), []
        return refuse_new(self._context, conn, frames)

    def stall(self, why: str) -> None:
        """Nothing can be recorded, and why; "" once it can be again. Meanwhile no new request is taken."""
        self._context.stalled = why

    # -- frames -----------------------------------------------------------------------------------------------------

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """A whole frame, without its length."""
        if self._guards and conn in self._macs.lines:
            self._macs.arrive(conn, frame, now)
        else:
            self._hand_in(conn, frame, now)

    def _hand_in(self, conn: int, frame: bytes, now: float) -> None:
        """A frame that the rules may take for what it says."""
        acquirer = self._context.acquirer_of_conn.get(conn)
        if acquirer is not None:
            self._from_acquirer(conn, acquirer, frame, now)
            return
        line = self._context.line_of_conn.get(conn)
        if line is not None:
            self._from_issuer(line, frame, now)

    def _from_acquirer(self, conn: int, link: AcquirerLink, frame: bytes, now: float) -> None:
        try:
            view = scan(link.layout, frame)
        except FormatError as error:
            self._malformed(conn, link, frame, error)
            return
        mti = view.mti
        if mti in AUTHORIZATION_MTIS and link.sessions[conn]:
            self._authorizations.request(conn, link, view, now)
        elif mti in NETWORK_MTIS:
            self._network.request(conn, link, view, now)
        elif is_asking(mti) and not link.sessions[conn]:
            reason, why = "not-signed-on", "this connection has not signed on: send 0800 with DE 70 = 001"
            if edition := other_edition(mti, SPOKEN_VERSION):
                reason, why = "wrong-edition", edition
            self._context.refuse(conn, link, view, results.ISSUER_DOWN, reason, why)
        elif mti in REVERSAL_MTIS and self._context.stalled:
            why = f"{self._context.stalled}; left to its repeat"
            self._context.event("unanswered", "log-stalled", why, link=link.spec.name, mti=mti)
        elif mti in REVERSAL_MTIS:
            self._reversals.request(conn, link, view, now)
        elif mti in ADVICE_MTIS:
            self._advices.request(conn, link, view, now)
        elif mti in RECONCILIATION_MTIS:
            self._reconciliation.request(conn, link, view)
        elif mti in FILE_ACTION_MTIS:
            self._file_actions.request(conn, link, view, now)
        elif mti in ANSWERS_TO_US:
            self._questions.answered(conn, link.spec.name, view, now)
        else:
            self._unknown_mti(conn, link, view)

    def _unknown_mti(self, conn: int, link: AcquirerLink, view: View) -> None:
        mti = view.mti
        if is_asking(mti):
            reason, why = "unknown-mti", f"MTI {mti} is not one that this switch serves"
            if edition := other_edition(mti, SPOKEN_VERSION):
                reason, why = "wrong-edition", edition
            self._context.refuse(conn, link, view, results.INVALID_TRANSACTION, reason, why)
            return
        why = f"{mti} matched nothing pending: this switch has asked {link.spec.name} for nothing"
        self._context.event("unmatched", "answer-unmatched", why, link=link.spec.name, mti=mti)

    def _malformed(self, conn: int, link: AcquirerLink, frame: bytes, error: FormatError) -> None:
        """R18: a request of which we know the fields → 30, and its connection goes on; else this is not our dialect."""
        context, partial = self._context, error.partial
        hint = guess(frame, link.spec.dialect.language)
        why = f"{error}; {hint}" if hint else str(error)
        if partial.mti in REQUEST_MTIS and error.field not in BEFORE_FIELDS:
            context.refuse(conn, link, partial, results.FORMAT_ERROR, "undecodable", why)
            return
        reason = "wrong-dialect" if hint and partial.mti not in REQUEST_MTIS else "undecodable"
        context.event("closed", reason, why, link=link.spec.name, conn=conn, bytes=len(frame))
        context.effects.append((CLOSE, conn, "undecodable"))

    def _from_issuer(self, line: Line, frame: bytes, now: float) -> None:
        issuer = line.issuer
        try:
            view = scan(issuer.layout, frame)
        except FormatError as error:
            self._malformed_from_issuer(line, frame, error)
            return
        line.heard_at = now
        mti = view.mti
        if mti in AUTHORIZATION_ANSWERS:
            self._authorizations.response(issuer, view, now)
        elif mti in DELIVERY_ANSWERS:
            self._deliveries.response(issuer, view, now)
        elif mti in ANSWERS_TO_US:
            self._questions.answered(line.conn, line.spec.name, view, now)
        elif mti in NETWORK_MTIS:
            self._network.request_of_issuer(line, view, now)
        else:
            why = other_edition(mti, SPOKEN_VERSION) or (
                f"{mti} is nothing that an issuer sends: it answers 01xx, 02xx, 04xx and 0520, and asks by 0800 alone"
            )
            self._context.event("unmatched", "unexpected-mti", why, link=line.spec.name, mti=mti)

    def _malformed_from_issuer(self, line: Line, frame: bytes, error: FormatError) -> None:
        """R18: with a readable MTI only this answer is lost, to the timer; without one the stream is."""
        context, partial = self._context, error.partial
        hint = guess(frame, line.spec.dialect.language)
        if partial.mti in KNOWN_FROM_ISSUERS:
            why = f"{error}: left to the timer" + (f"; {hint}" if hint else "")
            context.event(
                "refused", "issuer-undecodable", why, link=line.spec.name, mti=partial.mti, **identity(partial)
            )
            return
        reason, why = ("wrong-dialect", f"{error}; {hint}") if hint else ("undecodable", str(error))
        context.event("closed", reason, why, link=line.spec.name, conn=line.conn, bytes=len(frame))
        context.effects.append((CLOSE, line.conn, "undecodable"))

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        """The answer to the (HSM, tag, …) effect, from its command code on; None when there is none."""
        self._context.hsm_reply(tag, reply, now)

    # -- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Do everything whose time has come."""
        self._tell_time(now)
        for part in self._timed:
            part.tick(now)

    def _tell_time(self, now: float) -> None:
        for dialect in self._dated:
            dialect.at(now)

    def next_deadline(self) -> float | None:
        """When `tick` will have something to do; None while nothing waits."""
        return min((at for part in self._timed if (at := part.next_deadline()) is not None), default=None)

    def take_effects(self) -> list[Effect]:
        """What the shell must do, in this order; each effect is handed out once."""
        context = self._context
        effects, context.effects = context.effects, []
        return self._macs.seal(effects) if self._guards else effects

    # -- looking in -------------------------------------------------------------------------------------------------

    @property
    def counters(self) -> dict[str, int]:
        """Counts by reason and by DE 39 since the start, and of transactions forgotten for want of room."""
        context = self._context
        for code, count in context.answered.items():
            context.counters[f"de39-{code}"] += count
        context.answered.clear()
        context.counters["forgotten-early"] = context.transactions.forgotten_early
        return context.counters

    def ready(self) -> bool:
        """Is every line to an issuer that should be in service signed on?"""
        return all(line.serves() for line in self._context.lines.values() if line.enabled)

    def link_states(self) -> list[tuple[str, str, str, int]]:
        """(name, role, state, connections) of every link."""
        context = self._context
        states = []
        for acquirer in context.acquirers.values():
            signed_on = any(acquirer.sessions.values())
            state = (
                "disabled"
                if not acquirer.enabled
                else "signed-on"
                if signed_on
                else "connected"
                if acquirer.sessions
                else "down"
            )
            states.append((acquirer.spec.name, "acquirer", state, len(acquirer.sessions)))
        for line in context.lines.values():
            state = "disabled" if not line.enabled else line.state.name.lower().replace("_", "-")
            states.append((line.spec.name, "issuer", state, int(line.conn != NO_CONNECTION)))
        return states

    def business_dates(self) -> dict[str, str]:
        """Of every acquirer's link: YYMMDD."""
        return {link.spec.name: link.business_date for link in self._context.acquirers.values()}

    def totals(self) -> list[tuple[str, str, str, Figures]]:
        """(link, business date, currency, figures), of all days that are kept (R17)."""
        names = [link.name for link in self._context.spec.links]
        everything = self._context.totals.everything()
        return [(names[index], day, currency, figures) for index, day, currency, figures in everything]

    def instruments(self, now: float) -> list[dict[str, Any]]:
        """The numbers of the payment scheme, masked."""
        scheme = self._context.scheme
        return [] if scheme is None else list(scheme.rows(now))

    def in_flight(self) -> int:
        """Requests that wait for their answer now."""
        return self._context.in_flight

    def reversals_owed(self) -> int:
        """Reversals that no issuer has acknowledged yet."""
        return self._owed("0420")

    def advices_owed(self) -> int:
        """The same for completions, and other advices."""
        return self._owed("0120") + self._owed("0220")

    def _owed(self, mti: str) -> int:
        issuers = self._context.issuers.values()
        return sum(entry.mti == mti for issuer in issuers for entry in issuer.saf.entries.values())

    def exhausted(self) -> list[tuple[float, str, str, str, str, str, int]]:
        """What issuers never took, for people to look at: (at, issuer link, MTI, STAN, DE 37, DE 41, attempts)."""
        return [
            (entry.ended_at, issuer.spec.name, entry.mti, tx.stan, tx.rrn, tx.terminal, entry.attempts)
            for issuer in self._context.issuers.values()
            for entry in issuer.exhausted
            for tx in (entry.tx,)
        ]
