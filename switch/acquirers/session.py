"""The session with the switch: sign-on, key changes in both directions, reconciliation; what the switch asks of us.

    connected ──0800/001──▶ signed on, once 0810 says 00 ──▶ what waited goes out

What we ask is asked again, less and less often and under a new STAN each time, until it is answered: a sign-on on every
new connection, the rest as soon as there is a session. A question that may be repeated does no harm twice.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from switch.acquirers.compose import network, reconciliation
from switch.acquirers.line import APPROVED, Line
from switch.acquirers.pinpad import PinPad
from switch.acquirers.totals import Totals
from switch.core import fields as de
from switch.iso8583.codec import View

_SECURITY: Final = "63"  # a key whose check value is not its own
_INVALID: Final = "12"  # a key change on a link without a ZMK
_SETTLEMENT: Final = 66
_IN_BALANCE: Final = "1"
_ECHOED: Final = ("7", "11", "32", "70")

Doc = dict[str, str]


class _Kind(NamedTuple):
    """A question we ask: the MTI that answers it, and whether it waits for a session."""

    answer: str
    within_session: bool = True


_KINDS: Final = {
    "sign-on": _Kind("0810", within_session=False),
    "key-change": _Kind("0810"),
    "reconciliation": _Kind("0510"),
}


class _Question:
    """One that is not answered yet."""

    __slots__ = ("compose", "done", "due", "kind", "stan", "wait_s")

    def __init__(self, kind: str, compose: Callable[[int, float], Doc], done: Callable[[View, float], None]) -> None:
        self.kind = kind
        self.compose = compose  # with a STAN and the time
        self.done = done
        self.stan = ""
        self.due: float | None = None  # when it is asked again; None: with the next session
        self.wait_s = 0.0


class Session:
    """One acquirer's session; `signed_on` is called each time there is one."""

    def __init__(self, line: Line, pinpad: PinPad, totals: Totals, signed_on: Callable[[float], None]) -> None:
        self.settlement: dict[tuple[str, str], str] = {}  # day (MMDD) and currency → DE 66
        self._line = line
        self._pinpad = pinpad
        self._totals = totals
        self._signed_on = signed_on
        self._open: dict[str, _Question] = {}  # by kind: one of each at a time

    # -- the connection ----------------------------------------------------------------------------------------------

    def connected(self, conn: int, now: float) -> None:
        """Sign on."""
        self._line.conn, self._line.signed_on = conn, False
        self._ask(
            "sign-on", lambda stan, at: network("sign-on", self._line.sender, stan=stan, now=at), self._signed, now
        )

    def disconnected(self) -> None:
        """What is not answered waits for the next session."""
        self._line.conn, self._line.signed_on = None, False
        for question in self._open.values():
            question.due = None

    def receive(self, view: View, now: float) -> None:
        """0800 from the switch, or its 0810 or 0510."""
        if view.mti in ("0800", "0801"):
            self._asked(view)
            return
        for kind, question in self._open.items():
            if _KINDS[kind].answer == view.mti and view.text(de.STAN) == question.stan:
                question.done(view, now)
                return
        self._line.event("unmatched", "unmatched", "nothing that we have asked has its STAN", view)

    def tick(self, now: float) -> None:
        """Ask again what is not answered."""
        for question in list(self._open.values()):
            if question.due is not None and question.due <= now:
                self._send(question, now)

    def next_deadline(self) -> float | None:
        """When the next question is due again."""
        return min((question.due for question in self._open.values() if question.due is not None), default=None)

    # -- what we ask -------------------------------------------------------------------------------------------------

    def exchange_key(self, random_bytes: bytes, now: float) -> None:
        """Give the switch a new zone PIN key made of 16 random bytes; used once it has said that it took it."""
        if not self._pinpad.can_exchange:
            raise ValueError(f"{self._line.spec.name} has no zone master key to exchange keys under")
        spec, offered = self._line.spec, self._pinpad.offer(random_bytes)

        def compose(stan: int, at: float) -> Doc:
            doc = network("key-change", self._line.sender, stan=stan, now=at, code=spec.key_code)
            return doc | {str(spec.key_field): offered}

        self._ask("key-change", compose, self._key_answered, now)

    def reconcile(self, now: float, day: str = "", currency: str = "") -> None:
        """Tell the switch our figures of a day (MMDD; without one the newest): DE 66 of its 0510 is noted."""
        spec = self._line.spec
        day, currency = day or self._totals.newest_day(now), currency or spec.currency
        figures = self._totals.of(day, currency).elements()

        def compose(stan: int, at: float) -> Doc:
            return reconciliation(self._line.sender, figures, stan=stan, now=at, date=day, currency=currency)

        self._ask("reconciliation", compose, lambda view, _: self._reconciled(day, currency, figures, view), now)

    def _ask(
        self, kind: str, compose: Callable[[int, float], Doc], done: Callable[[View, float], None], now: float
    ) -> None:  # fmt: skip
        question = self._open[kind] = _Question(kind, compose, done)
        question.wait_s = self._line.spec.repeat_s
        if self._line.signed_on or not _KINDS[kind].within_session:
            self._send(question, now)

    def _send(self, question: _Question, now: float) -> None:
        question.stan = self._line.next_stan()
        question.due = now + question.wait_s
        question.wait_s = min(2 * question.wait_s, self._line.spec.repeat_max_s)
        self._line.send(question.compose(int(question.stan), now))

    def _signed(self, view: View, now: float) -> None:
        code = view.text(de.RESPONSE)
        if code != APPROVED:
            self._line.event("sign-on", "sign-on-declined", f"DE 39 is {code}; tried again later")
            return
        del self._open["sign-on"]
        self._line.signed_on = True
        self._signed_on(now)
        for question in list(self._open.values()):
            self._send(question, now)

    def _key_answered(self, view: View, now: float) -> None:  # noqa: ARG002 - every answer is told when it came
        del self._open["key-change"]
        code = view.text(de.RESPONSE)
        if code == APPROVED:
            self._pinpad.offer_taken()
            self._line.counters["key-changed"] += 1
        else:
            self._line.event("key", "key-refused", f"DE 39 is {code}: the old key stays", view)

    def _reconciled(self, day: str, currency: str, figures: Doc, view: View) -> None:
        del self._open["reconciliation"]
        said = view.text(_SETTLEMENT) or ""
        self.settlement[day, currency] = said
        self._line.counters[f"de66-{said}"] += 1
        if said != _IN_BALANCE:
            differ = ", ".join(
                f"DE {number} ours {ours} theirs {theirs}"
                for number, ours in figures.items()
                if (theirs := view.text(int(number)) or "absent") != ours
            )
            why = f"DE 39 is {view.text(de.RESPONSE)}, DE 66 is {said or 'absent'} for {day}, {currency}: {differ}"
            self._line.event("reconciliation", "out-of-balance", why, view)

    # -- what the switch asks ----------------------------------------------------------------------------------------

    def _asked(self, view: View) -> None:
        """A key change is taken or refused; an echo, or a new business day, needs no more than a yes."""
        code = APPROVED
        if view.text(de.NETWORK_CODE) == self._line.spec.key_code:
            code = self._take_key(view)
        echo = {number: text for number in _ECHOED if (text := view.text(int(number))) is not None}
        self._line.send({"t": "0810", "39": code} | echo)

    def _take_key(self, view: View) -> str:
        if not self._pinpad.can_exchange:
            self._line.event("key", "no-zmk", "a key change on a link without a zone master key: refused", view)
            return _INVALID
        if not self._pinpad.take(view.text(self._line.spec.key_field) or ""):
            why = "the new key is not under our zone master key, or its check value is another's: the old key stays"
            self._line.event("key", "bad-check-value", why, view)
            return _SECURITY
        self._line.counters["key-changed"] += 1
        return APPROVED
