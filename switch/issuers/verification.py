"""What only the HSM can tell of a request: is the track's CVV the card's, is the CVV2, is the PIN.

Each is a host command and a judgement of its answer. 01 is the one error that speaks of the cardholder or the card;
another says that the block or a key is bad (88), and no answer at all is our own trouble (96).
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from switch.core import hsm_errors, results
from switch.core.checks import account_number
from switch.core.hsm_errors import key_name
from switch.issuers.accounts import MAX_TRIES
from switch.issuers.messages import Request
from switch.issuers.rules import Verdict
from switch.issuers.specs import CardSpec, IssuerSpec

_ISO_0: Final = "01"  # PIN block format
_OF_CVV2: Final = "000"  # service code that a CVV2 is made with
_VERIFIED, _FAILED = "00", "01"
_NO_HSM: Final = Verdict(results.MALFUNCTION, hsm_errors.SILENT)


# What else than the value itself may be wrong.
_MADE_WITH: Final = {
    "CVV": "it must fit the PAN, expiry date and service code that track 2 has",
    "CVV2": "it is made with the card's own expiry date and service code 000",
}


class CvvCheck(NamedTuple):
    """A card verification value to verify: CY."""

    what: str  # CVV or CVV2
    value: str
    dates: str  # expiry and service code that it was made with

    def command(self, spec: IssuerSpec, card: CardSpec) -> str:
        """CY: CVK pair, value, PAN, expiry, service code."""
        return f"CY{spec.cvk}{self.value}{card.pan};{self.dates}"

    def judge(self, reply: bytes | None, spec: IssuerSpec) -> Verdict | None:
        """The objection, or None."""
        if reply is None:
            return _NO_HSM
        code = error_code(reply)
        if code == _VERIFIED:
            return None
        if code == _FAILED:
            return Verdict(results.SECURITY, f"the {self.what} given is not the card's: {_MADE_WITH[self.what]}")
        why = hsm_errors.sentence(hsm_errors.CVV_VERIFICATION, code, _key_name("CVK", spec))
        return Verdict(results.of_hsm_error(code), why)


def cvv_checks(request: Request, spec: IssuerSpec, card: CardSpec) -> list[CvvCheck]:
    """The values that the request brings. The CVV covers what the track says, so a changed service code shows."""
    if not spec.cvk:
        return []
    checks = []
    if request.cvv:
        checks.append(CvvCheck("CVV", request.cvv, request.dates))
    if request.cvv2:
        checks.append(CvvCheck("CVV2", request.cvv2, card.expiry + _OF_CVV2))
    return checks


def pin_command(zpk: str, pvk: str, card: CardSpec, block: str) -> str:
    """EC: Visa PVV of an ISO-0 block under the ZPK."""
    return f"EC{zpk}{pvk}{block}{_ISO_0}{account_number(card.pan)}{card.pvki}{card.pvv}"


def why_no_pin(code: str, spec: IssuerSpec, card: CardSpec, block: str, *, exchanged: bool) -> str:
    """Why the HSM found no PIN. `exchanged`: the ZPK is not the configured one, so its check value is not at hand."""
    zpk = key_name("ZPK", spec.name, "") if exchanged else _key_name("ZPK", spec)
    account, pvk = account_number(card.pan), _key_name("PVK", spec)
    return hsm_errors.pin_sentence(hsm_errors.PIN_VERIFICATION, code, block, account, zpk, pvk)


def could_be_read(reply: bytes | None) -> bool:
    """Did the HSM find a PIN in the block, the right one or not? Then it was made under the key that it was given."""
    return reply is not None and error_code(reply) in (_VERIFIED, _FAILED)


def is_unreadable(reply: bytes | None) -> bool:
    """Does the HSM say that the block, not itself, is wrong? Then it may have been made under another key."""
    return reply is not None and not could_be_read(reply) and error_code(reply) not in results.HSM_FAULTS


def judge_pin(reply: bytes | None, tries: int, why: Callable[[str], str]) -> tuple[int, Verdict | None]:
    """Judge the HSM's answer to EC, `ED` and an error code, after `tries` wrong PINs: the tries now, and the objection.

    A wrong PIN is 55, and 75 when it was the last try; nothing else counts a try. `why` puts another code into words.

    >>> judge_pin(b"ED00", 2, str), judge_pin(b"ED01", 0, str)[0], judge_pin(b"ED20", 1, str)[1].result
    ((0, None), 1, 'cryptographic')
    """
    if reply is None:
        return tries, _NO_HSM
    code = error_code(reply)
    if code == _VERIFIED:
        return 0, None
    if code != _FAILED:
        return tries, Verdict(results.of_hsm_error(code), why(code))
    tries += 1
    return tries, Verdict("wrong_pin" if tries < MAX_TRIES else "pin_tries", f"wrong PIN number {tries} in a row")


def _key_name(key_type: str, spec: IssuerSpec) -> str:
    return key_name(key_type, spec.name, spec.check_values.get(key_type, ""))


def error_code(reply: bytes) -> str:
    """The two characters behind the answer's command code."""
    return reply[2:4].decode("ascii", "replace")
