"""What the handlers of an issuer share: its ledger, its sessions, the effects they leave.

`Issuer` owns one `Context`; `requests`, `postings` and `network` are its handlers, each for some classes of messages.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

from switch.core import fields as de
from switch.core.effects import ANSWER, CLOSE, COMMIT, EVENT, HSM, Effect
from switch.iso8583.codec import View
from switch.issuers import records
from switch.issuers.ledger import Ledger
from switch.issuers.macs import MacGate
from switch.issuers.messages import RefusedError
from switch.issuers.specs import IssuerSpec
from switch.issuers.steering import Declining

HsmHandler: TypeAlias = Callable[[bytes | None, float], None]

ANSWERS: Final = {
    "0100": "0110",
    "0101": "0110",
    "0120": "0130",
    "0121": "0130",
    "0200": "0210",
    "0201": "0210",
    "0220": "0230",
    "0221": "0230",
    "0400": "0410",
    "0401": "0410",
    "0420": "0430",
    "0421": "0430",
    "0500": "0510",
    "0501": "0510",
    "0520": "0530",
    "0521": "0530",
    "0800": "0810",
    "0801": "0810",
}


class Context:
    """The state of the issuer, without its rules."""

    def __init__(self, spec: IssuerSpec, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self.layout = spec.dialect.layout
        self.code_of = spec.dialect.response_codes
        self.profile = spec.profile  # how late it answers
        self.declining: Declining | None = None
        self.ledger = Ledger(spec)
        self.counters: Counter[str] = Counter()
        self.effects: list[Effect] = []
        self.signed_on: dict[int, bool] = {}  # by connection
        self.gate = MacGate(spec, self.ask_hsm, self.event) if spec.tak else None
        self._echoed = self.layout.mask((*de.ECHOED, de.BUSINESS_DATE, de.NETWORK_CODE))
        self._asked: dict[int, HsmHandler] = {}
        self._last_tag = 0

    def commit(self, record: records.Record) -> None:
        """Log `record`, whatever is answered after this waits until it is durable, and let it take effect."""
        self.effects.append((COMMIT, records.encode(record)))
        self.ledger.apply(record)

    def ask_hsm(self, command: bytes, handler: HsmHandler) -> None:
        """Send a host command; `handler(reply, now)` is called with its answer, or with None."""
        self._last_tag += 1
        self._asked[self._last_tag] = handler
        self.effects.append((HSM, self._last_tag, command))

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        """The HSM's answer to command `tag`, from its command code on; None when there is none."""
        handler = self._asked.pop(tag, None)
        if handler is None:
            self.counters["hsm-reply-unmatched"] += 1
            return
        handler(reply, now)

    def require_sign_on(self, conn: int) -> None:
        """Raise `RefusedError` (91) unless the connection is signed on."""
        if not self.signed_on.get(conn):
            raise RefusedError("issuer_down", "the connection is not signed on: send 0800 with DE 70 = 001")

    # -- out --------------------------------------------------------------------------------------------------------

    def answer(self, conn: int, view: View, patches: dict[int, str | None]) -> None:
        """Answer `view`: what R2 echoes, the business date, and `patches`."""
        self.send(conn, self.layout.emit(ANSWERS[view.mti], view, self._echoed, patches))

    def approve(self, conn: int, view: View) -> None:
        """Answer `view` with "approved" alone."""
        self.answer(conn, view, {de.RESPONSE: self.code_of["approved"]})

    def send(self, conn: int, frame: bytes) -> None:
        """Send a frame behind everything committed so far, with a MAC where the link has one."""
        if self.gate is not None and conn in self.signed_on:
            self.gate.seal(conn, frame, lambda sealed: self._write(conn, sealed))
        else:
            self._write(conn, frame)

    def _write(self, conn: int, frame: bytes) -> None:
        if conn in self.signed_on:
            self.effects.append((ANSWER, conn, frame, None))
        else:
            self.counters["answers-undeliverable"] += 1

    def refuse(self, conn: int, view: View, refused: RefusedError) -> None:
        """Answer a request that is not decided, and so not remembered."""
        code = self.code_of[refused.result]
        self.counters[f"de39-{code}"] += 1
        self.explain("refused", refused.result, str(refused), view, code)
        self.answer(conn, view, {de.RESPONSE: code})

    def close(self, conn: int, why: str) -> None:
        """Close a connection."""
        self.effects.append((CLOSE, conn, why))

    def explain(self, name: str, result: str, why: str, view: View, de39: str) -> None:
        """Say why a message did not simply pass."""
        reason = result.replace("_", "-")
        stan, rrn, terminal = (view.text(field) or "" for field in (de.STAN, de.RRN, de.TERMINAL))
        self.event(name, reason, why, mti=view.mti, stan=stan, rrn=rrn, terminal=terminal, de39=de39)

    def event(self, name: str, reason: str, why: str, **fields: str | int | float) -> None:
        """One structured line, and its reason counted."""
        self.counters[reason] += 1
        self.effects.append((EVENT, name, {"issuer": self.spec.name, "reason": reason, "why": why, **fields}))
