"""Exchange of the zone PIN key, started by either side (R15).

    switch ── 0800/101, key under the ZMK ──▶ issuer ── A6 ──▶ HSM     taken if its check value is the one sent
    switch ◀── 0800/101, key under the ZMK ── issuer ── A0 ──▶ HSM     taken once the switch has answered 00

A key is durable before it is acknowledged, or used.
"""

from datetime import UTC, datetime

from switch.core import fields as de
from switch.core import hsm_errors, results
from switch.iso8583.codec import View
from switch.issuers import keys
from switch.issuers.context import Context
from switch.issuers.messages import RefusedError
from switch.issuers.records import KeyChanged
from switch.issuers.verification import error_code

# A6's codes with which a key comes back; the second says that its parity had to be mended.
_IMPORTED = ("00", "01")


class KeyExchange:
    """The handler of 0800 with the link's key code, and of the answers to our own."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._offered: tuple[str, keys.Key] | None = None  # DE 11 of our 0800, and the key in it
        self._last_stan = 0

    # -- the switch's -----------------------------------------------------------------------------------------------

    def take(self, conn: int, view: View) -> None:
        """The switch sends a key.

        Raises:
            RefusedError: the connection is not signed on (91), the field is malformed (30), or there is no ZMK (12).
        """
        context, spec = self.context, self.context.spec
        context.require_sign_on(conn)
        if not spec.zmk:
            raise RefusedError(results.INVALID_TRANSACTION, "the issuer has no ZMK to exchange keys under")
        sent = keys.read_key(view.text(spec.key_field) or "")
        if sent is None:
            why = f"DE {spec.key_field} is not U, 32 hexadecimal digits and a check value of six"
            raise RefusedError(results.FORMAT_ERROR, why)
        key, kcv = sent
        command = keys.import_command(spec.zmk, key).encode("ascii")
        context.ask_hsm(command, lambda reply, now: self._imported(conn, view, kcv, reply, now))

    def _imported(self, conn: int, view: View, kcv: str, reply: bytes | None, now: float) -> None:
        context = self.context
        try:
            zpk = _accepted(reply, kcv, self._zmk_name())
        except RefusedError as refused:
            context.refuse(conn, view, refused)
            return
        if zpk != context.ledger.zone_key.current:  # else a repeat
            self._change(zpk, kcv, now)
        context.approve(conn, view)

    # -- our own ----------------------------------------------------------------------------------------------------

    def offer(self) -> None:
        """Have a key made and send it to the switch.

        Raises:
            ValueError: no ZMK, or no connection that is signed on.
        """
        context = self.context
        conn = next((conn for conn, signed_on in context.signed_on.items() if signed_on), None)
        if not context.spec.zmk:
            raise ValueError(f"issuer {context.spec.name} has no ZMK: a key cannot be exchanged without one")
        if conn is None:
            raise ValueError(f"the switch is not signed on with issuer {context.spec.name}: try again once it is")
        command = keys.generate_command(context.spec.zmk).encode("ascii")
        context.ask_hsm(command, lambda reply, now: self._send(conn, reply, now))

    def _send(self, conn: int, reply: bytes | None, now: float) -> None:
        context, spec = self.context, self.context.spec
        key = keys.generated(reply or b"")
        if key is None:
            context.event("key-exchange", "no-key", f"{self._why_no_key(reply)}: the old key stays")
            return
        self._last_stan += 1
        stan = f"{self._last_stan % 1_000_000:06d}"
        self._offered = stan, key
        fields = {
            "t": "0800",
            f"{de.TRANSMITTED}": f"{datetime.fromtimestamp(now, UTC):%m%d%H%M%S}",
            f"{de.STAN}": stan,
            f"{de.NETWORK_CODE}": spec.key_code,
            f"{spec.key_field}": key.under_zmk + key.kcv,
        }
        context.send(conn, context.layout.encode(fields))

    def _zmk_name(self) -> str:
        spec = self.context.spec
        return hsm_errors.key_name("ZMK", spec.name, spec.check_values.get("ZMK", ""))

    def _why_no_key(self, reply: bytes | None) -> str:
        if reply is None:
            return f"key generation: {hsm_errors.SILENT}"
        code = error_code(reply)
        if code == "00":
            return hsm_errors.MALFORMED.format(command=hsm_errors.KEY_GENERATION)
        return hsm_errors.sentence(hsm_errors.KEY_GENERATION, code, self._zmk_name())

    def answered(self, view: View, now: float) -> None:
        """0810: the switch has taken the key, or not."""
        context, stan, code = self.context, view.text(de.STAN), view.text(de.RESPONSE) or ""
        if self._offered is None or self._offered[0] != stan:
            context.event("unexpected", "answer-unmatched", "an 0810 that answers nothing asked", mti=view.mti)
            return
        key, self._offered = self._offered[1], None
        if code == context.code_of[results.APPROVED]:
            self._change(key.zpk, key.kcv, now)
        else:
            why = f"the switch answered {code} to the new key: the old one stays"
            context.event("key-exchange", "key-refused", why, de39=code)

    def _change(self, zpk: str, kcv: str, now: float) -> None:
        self.context.commit(KeyChanged(now, zpk))
        self.context.event("key-exchange", "key-changed", f"new zone PIN key, check value {kcv}")


def _accepted(reply: bytes | None, kcv: str, zmk: str) -> str:
    """The key that the HSM imported, under the LMK.

    Raises:
        RefusedError: no HSM (96), or a key that is not what its check value says (63).
    """
    if reply is None:
        raise RefusedError(results.MALFUNCTION, f"key import: {hsm_errors.SILENT}")
    code = error_code(reply)
    if code in results.HSM_FAULTS:
        raise RefusedError(results.MALFUNCTION, hsm_errors.sentence(hsm_errors.KEY_IMPORT, code, zmk))
    key = keys.imported(reply)
    if key is None:
        why = f"the new key has no odd parity under the {zmk}: likely it was sent under another ZMK"
        if code not in _IMPORTED:
            why = hsm_errors.sentence(hsm_errors.KEY_IMPORT, code, zmk)
        raise RefusedError(results.SECURITY, f"{why}: the old key stays")
    if key.kcv != kcv:
        why = (
            f"the new key's check value is {key.kcv}, the message says {kcv}: likely it was sent under another key than"
        )
        raise RefusedError(results.SECURITY, f"{why} the {zmk}: the old key stays")
    return key.zpk
