"""A simulated issuer: it holds accounts, verifies PINs through the HSM, and answers as late as its profile says.

    frame ─▶ readable? ─▶ MAC right, where there is one? ─▶ request ─▶ signed on? ─▶ well-formed? ─▶ decided, booked
                                                         ├▶ advice, reversal ─▶ signed on? ─▶ well-formed? ─▶ posted
                                                         └▶ network management, reconciliation

Sans-IO: the shell hands in frames, HSM replies and the time, and carries out the effects (see `switch.core.effects`).
An answer is an ANSWER effect that stands after the COMMIT of its booking, so that no approval leaves before it is
durable.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from switch.cards.masking import mask_pan
from switch.core import fields as de
from switch.core.effects import Effect
from switch.core.part import Part
from switch.iso8583.codec import FormatError, View
from switch.issuers import records
from switch.issuers.context import ANSWERS, Context
from switch.issuers.ledger import Ledger
from switch.issuers.messages import RefusedError
from switch.issuers.network import Network
from switch.issuers.postings import Postings
from switch.issuers.requests import Requests
from switch.issuers.specs import IssuerSpec
from switch.issuers.steering import Declining
from switch.profiles.latency import Profile

_NETWORK_ANSWER: Final = "0810"
_DE39: Final = re.compile(r"[0-9A-Z]{2}")


class Issuer(Part):
    """One issuer behind any number of connections from the switch."""

    def __init__(self, spec: IssuerSpec, seed: int) -> None:
        self.spec = spec
        self._context = context = Context(spec, seed)
        self._requests = requests = Requests(context)
        self._network = network = Network(context)
        postings = Postings(context, requests.in_flight)
        self._handlers: dict[str, Callable[[int, View, float], None]] = {
            "010": requests.request,
            "012": postings.advice,
            "020": requests.request,
            "022": postings.advice,
            "040": postings.reversal,
            "042": postings.reversal,
            "050": network.reconciliation,
            "052": network.reconciliation,
            "080": network.management,
        }

    @property
    def ledger(self) -> Ledger:
        """The state that the log keeps."""
        return self._context.ledger

    @property
    def counters(self) -> Counter[str]:
        """What happened how often."""
        return self._context.counters

    # -- the shell's side -------------------------------------------------------------------------------------------

    def take_effects(self) -> list[Effect]:
        """Return what is to be done since the last call, in order."""
        effects, self._context.effects = self._context.effects, []
        return effects

    def connected(self, conn: int, link: int, now: float) -> None:  # noqa: ARG002 - every part has this signature
        """The switch opened a connection; it must sign on."""
        self._context.signed_on[conn] = False

    def disconnected(self, conn: int, now: float) -> None:  # noqa: ARG002
        """The connection is gone. What is booked stays booked; its answer is lost."""
        self._context.signed_on.pop(conn, None)
        if self._context.gate is not None:
            self._context.gate.forget(conn)

    def restore(self, entries: Iterable[bytes], now: float, snapshot: bytes | None = None) -> None:  # noqa: ARG002
        """Rebuild the state: a snapshot, if there is one, and the log's records after it. Before serving."""
        if snapshot is not None:
            self.ledger.restore(snapshot)
        for entry in entries:
            self.ledger.apply(records.decode(entry))

    def snapshot(self) -> bytes:
        """Return the state for a later `restore`: records before it may then be dropped."""
        return self.ledger.snapshot()

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """Take one frame from the switch."""
        context = self._context
        if self.spec.dialect.dated:
            self.spec.dialect.at(now)
        try:
            view = context.layout.scan(frame)
        except FormatError as error:
            self._unreadable(conn, error)
            return
        if context.gate is None:
            self._handle(conn, view, None, now)
        else:
            context.gate.verify(conn, frame, now, lambda objection, at: self._handle(conn, view, objection, at))

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        """The HSM answered a command, or did not (None)."""
        self._context.hsm_reply(tag, reply, now)

    def tick(self, now: float) -> None:
        """Send the answers whose time has come."""
        self._requests.tick(now)

    def next_deadline(self) -> float | None:
        """When `tick` has something to do."""
        return self._requests.next_deadline()

    # -- control ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Make balances, holds, limits and PIN tries as new, and disarm every card."""
        self._context.commit(records.Reset())

    def arm(self, pan: str, count: int, de39: str) -> None:
        """Answer the next `count` requests of a card with `de39`; 00 approves whatever the account says.

        Raises:
            ValueError: no such card here, a negative count, or a code that is not two digits or capitals.
        """
        account = self.ledger.account(pan)
        if account is None:
            raise ValueError(f"issuer {self.spec.name} has no card {mask_pan(pan)}")
        if count < 0 or not _DE39.fullmatch(de39):
            raise ValueError("to arm a card takes a count of 0 or more and a DE 39 of two digits or capital letters")
        self._context.commit(records.Armed(account.reference, count, de39))

    def decline(self, percent: float, de39: str) -> None:
        """Decline that share of the requests that would be approved, with `de39`; 0 ends it. A restart forgets it.

        Raises:
            ValueError: a percentage outside 0 to 100, or a code that the dialect does not decline with.
        """
        declining = Declining.of(percent, de39, self._context.code_of)
        self._context.declining = declining if percent else None
        self._context.event("control", "decline-share", f"declines {declining if percent else 'nothing'} by control")

    def use_profile(self, profile: Profile) -> None:
        """Answer what is decided from now on as late as `profile` says. A restart forgets it."""
        self._context.profile = profile
        self._context.event("control", "latency-profile", f"answers as late as {profile.name} says")

    def settings(self) -> dict[str, str]:
        """Return what control can change, as `control status` shows it."""
        declining = self._context.declining
        return {"profile": self._context.profile.name, "declines": str(declining) if declining else "nothing"}

    def exchange_key(self) -> None:
        """Send the switch a new zone PIN key; it is in use once the switch has taken it.

        Raises:
            ValueError: there is no ZMK, or nobody to send it to.
        """
        self._network.keys.offer()

    # -- dispatch ---------------------------------------------------------------------------------------------------

    def _handle(self, conn: int, view: View, objection: RefusedError | None, now: float) -> None:
        """A readable message; `objection` is what its MAC has against it."""
        if view.mti not in ANSWERS:
            self._answered(view, objection, now)
            return
        try:
            if objection is not None:
                raise objection
            self._handlers[view.mti[:3]](conn, view, now)
        except RefusedError as refused:
            self._context.refuse(conn, view, refused)

    def _answered(self, view: View, objection: RefusedError | None, now: float) -> None:
        """The only answers that an issuer waits for are to its own 0800."""
        if objection is not None:
            self._context.event("dropped", "bad-mac", str(objection), mti=view.mti)
        elif view.mti == _NETWORK_ANSWER:
            self._network.keys.answered(view, now)
        else:
            self._context.event("unexpected", "unexpected-mti", f"an issuer takes no {view.mti}", mti=view.mti)

    def _unreadable(self, conn: int, error: FormatError) -> None:
        """R18: what can be told apart is answered 30, the rest costs the connection."""
        view = error.partial
        if view.mti in ANSWERS and view.has(de.STAN):
            self._context.refuse(conn, view, RefusedError("format_error", str(error)))
            return
        self._context.event("unreadable", "unreadable", str(error))
        self._context.close(conn, str(error))
