"""Exchanges of a link's zone PIN key: 0800 with DE 70 = 101, or 161 (R15).

The message carries the new key under the link's ZMK and its check value, `U` + 32 + 6 hexadecimal digits. Either side
may begin:

    partner ─▶ 0800/101 ─▶ HSM A6: under our LMK, check value right? ─▶ COMMIT ─▶ 0810/00
    operator ─▶ HSM A0: a new key, under both ─▶ 0800/101 ─▶ 0810/00 ─▶ COMMIT

Whatever goes wrong, the old key stays. When the partner's 0810 is lost the two may disagree: the operator is told, and
exchanges again.
"""

import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from switch.core import fields as de
from switch.core import hsm_errors, records, results
from switch.core.context import Context
from switch.core.links import AcquirerLink, IssuerLink, configured_key_name
from switch.core.questions import Questions
from switch.core.transaction import NO_CONNECTION
from switch.iso8583.codec import View

KEY_TYPE_ZPK, SCHEME = "001", "U"

KEY_AND_CHECK_VALUE = re.compile(r"(U[0-9A-F]{32})([0-9A-F]{6})")

# A7: a key of wrong parity (01) is imported, adjusted; whether it is the right one says its check value.
IMPORTED = re.compile(rb"A7(?:0[01](U[0-9A-F]{32})([0-9A-F]{6})|([0-9A-Z]{2}))")

# A1: the new key under the LMK, under the ZMK, its check value.
GENERATED = re.compile(rb"A1(?:00(U[0-9A-F]{32})(U[0-9A-F]{32})([0-9A-F]{6})|([0-9A-Z]{2}))")

Party: TypeAlias = AcquirerLink | IssuerLink


# A9: the key under the ZMK, its check value.
EXPORTED = re.compile(rb"A9(?:00(U[0-9A-F]{32})([0-9A-F]{6})|([0-9A-Z]{2}))")


class Exported(NamedTuple):
    """The zone PIN key that an exchange has left in use, as an 0800/101 would carry it."""

    field: str  # `U`, 32 digits under the ZMK, 6 of check value; "" where the configured key is in use
    why: str = ""  # it could not be exported


class Exchange(NamedTuple):
    """How an exchange that we began has ended."""

    done: bool
    kcv: str  # of the new key
    why: str


class _Incoming(NamedTuple):
    conn: int
    party: Party
    view: View
    kcv: str


class _Outgoing(NamedTuple):
    conn: int
    party: Party
    report: Callable[[Exchange], None]


class KeyExchanges:
    """The handler of key changes, whoever begins."""

    def __init__(self, context: Context, questions: Questions) -> None:
        self.context = context
        self.questions = questions
        self._begun: set[str] = set()  # links with an exchange of ours under way

    # -- begun by the partner ---------------------------------------------------------------------------------------

    def request(self, conn: int, party: Party, view: View) -> None:
        """A new key from the partner, which has signed on."""
        context, spec = self.context, party.spec
        if not spec.zmk:
            why = f"{spec.name} has no ZMK to exchange keys under: give it a [[key]] of type ZMK"
            context.refuse(conn, party, view, results.INVALID_TRANSACTION, "no-zmk", why)
            return
        if spec.name in self._begun:
            why = f"an exchange with {spec.name} that we began is under way"
            context.refuse(conn, party, view, results.INVALID_TRANSACTION, "exchange-under-way", why)
            return
        found = KEY_AND_CHECK_VALUE.fullmatch(view.text(spec.key_field) or "")
        if found is None:
            form = "U, 32 hexadecimal digits of a key under the ZMK, 6 of its check value"
            why = f"DE {spec.key_field} (key_field), {len(view.text(spec.key_field) or '')} characters, is not {form}"
            context.refuse(conn, party, view, results.FORMAT_ERROR, "bad-key-field", why)
            return
        key, kcv = found.groups()
        command = f"A6{KEY_TYPE_ZPK}{spec.zmk}{key}{SCHEME}"
        context.ask_hsm(command, self._imported, _Incoming(conn, party, view, kcv))

    def _imported(self, incoming: _Incoming, reply: bytes | None, now: float) -> None:
        """A new key becomes the current one before the 0810 that says so; the same key again changes nothing."""
        conn, party, view, told_kcv = incoming
        found = IMPORTED.fullmatch(reply or b"")
        if found is None:
            reason, why = without_answer(reply, hsm_errors.KEY_IMPORT)
            self.context.refuse(conn, party, view, results.MALFUNCTION, reason, why)
            return
        zmk = configured_key_name("ZMK", party.spec)
        key, kcv, error = (group.decode("ascii") if group else "" for group in found.groups())
        if error:
            result = results.MALFUNCTION if error in results.HSM_FAULTS else results.SECURITY
            why = f"{hsm_errors.sentence(hsm_errors.KEY_IMPORT, error, zmk)}: the old key stays"
            self.context.refuse(conn, party, view, result, f"hsm-{error}", why)
        elif kcv != told_kcv:
            why = (
                f"the new key's check value is {kcv}, DE {party.spec.key_field} says {told_kcv}: likely it was sent "
                f"under another key than the {zmk}: the old key stays"
            )
            self.context.refuse(conn, party, view, results.SECURITY, "bad-check-value", why)
        else:
            if key != party.keys.current:
                self._change(party, key, kcv, now)
            self.context.accept(conn, party, view, durable=True)

    # -- begun by us ------------------------------------------------------------------------------------------------

    def begin(self, party: Party, report: Callable[[Exchange], None]) -> None:
        """Exchange the key of `party`; `report` is called once with how it ended."""
        spec, conn = party.spec, party.conn_in_service()
        outgoing = _Outgoing(conn, party, report)
        if not spec.zmk:
            report(Exchange(False, "", f"{spec.name} has no ZMK: give it a [[key]] of type ZMK"))
        elif spec.name in self._begun:
            report(Exchange(False, "", f"an exchange with {spec.name} is under way"))
        elif conn == NO_CONNECTION:
            report(Exchange(False, "", f"{spec.name} is not signed on"))
        else:
            self._begun.add(spec.name)
            command = f"A01{KEY_TYPE_ZPK}{SCHEME}{spec.zmk}{SCHEME}"
            self.context.ask_hsm(command, self._generated, outgoing)

    def _generated(self, outgoing: _Outgoing, reply: bytes | None, now: float) -> None:
        conn, party, _ = outgoing
        found = GENERATED.fullmatch(reply or b"")
        if found is None:
            self._failed(outgoing, *without_answer(reply, hsm_errors.KEY_GENERATION))
            return
        key, key_under_zmk, kcv, error = (group.decode("ascii") if group else "" for group in found.groups())
        if error:
            zmk = configured_key_name("ZMK", party.spec)
            self._failed(outgoing, f"hsm-{error}", hsm_errors.sentence(hsm_errors.KEY_GENERATION, error, zmk))
            return
        spec = party.spec
        patches = {de.NETWORK_CODE: spec.key_code, spec.key_field: key_under_zmk + kcv}

        def told(answer: View | None, at: float) -> None:
            self._answered(outgoing, key, kcv, answer, at)

        self.questions.ask(conn, party.layout, "0800", patches, spec.timeout_s, now, told)

    def _answered(self, outgoing: _Outgoing, key: str, kcv: str, answer: View | None, now: float) -> None:
        party, spec = outgoing.party, outgoing.party.spec
        if answer is None:
            why = f"no 0810 from {spec.name} within {spec.timeout_s:g} s, or its connection was lost: if it has taken "
            self._failed(outgoing, "exchange-unanswered", why + "the new key, exchange again")
            return
        code = answer.text(de.RESPONSE) or ""
        if code != party.code_of[results.APPROVED]:
            self._failed(
                outgoing, "exchange-refused", f"{spec.name} answered DE 39 = {code or 'nothing'} to the new key"
            )
            return
        self._change(party, key, kcv, now)
        self._begun.discard(spec.name)
        outgoing.report(Exchange(True, kcv, f"{spec.name} has a new key"))

    def _failed(self, outgoing: _Outgoing, reason: str, why: str) -> None:
        why, name = f"{why}: the old key stays", outgoing.party.spec.name
        self._begun.discard(name)
        self.context.event("key", reason, why, link=name)
        outgoing.report(Exchange(False, "", why))

    # -- asked for by a terminal of ours ----------------------------------------------------------------------------

    def export(self, party: Party, report: Callable[[Exported], None]) -> None:
        """Report the key in use, if an exchange has changed it: a simulated acquirer that was not there learns it."""
        spec = party.spec
        if not (spec.zmk and party.keys.changed_at):
            report(Exported(""))
            return
        command = f"A8{KEY_TYPE_ZPK}{spec.zmk}{party.keys.current}{SCHEME}"
        self.context.ask_hsm(command, self._exported, report)

    def _exported(self, report: Callable[[Exported], None], reply: bytes | None, now: float) -> None:  # noqa: ARG002
        found = EXPORTED.fullmatch(reply or b"")
        if found is None:
            report(Exported("", without_answer(reply, "key export")[1]))
            return
        key, kcv, error = (group.decode("ascii") if group else "" for group in found.groups())
        report(Exported("", f"the HSM answered {error} to the key export") if error else Exported(key + kcv))

    # -- both -------------------------------------------------------------------------------------------------------

    def _change(self, party: Party, key: str, kcv: str, now: float) -> None:
        spec = party.spec
        self.context.commit(records.KeyChange(now, spec.name, key, kcv))
        party.keys.change(key, kcv, now, spec.key_grace_s)
        why = f"the new key's check value is {kcv}; the one before it stays valid for {spec.key_grace_s:g} s at most"
        self.context.event("key", "key-changed", why, link=spec.name)


def without_answer(reply: bytes | None, what: str) -> tuple[str, str]:
    """Reason and sentence for an HSM that said nothing, or nothing that can be read."""
    if reply is None:
        return "hsm-silent", f"{what}: {hsm_errors.SILENT}"
    return "hsm-malformed", hsm_errors.MALFORMED.format(command=what)
