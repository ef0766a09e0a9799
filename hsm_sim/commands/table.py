"""All commands of the device, as data."""

from collections.abc import Callable
from dataclasses import dataclass

from hsm_sim.commands import card_verification, diagnostics, key_management, lmk_pins, mac, pin, pin_dukpt, pin_ibm
from hsm_sim.fields import Fields
from hsm_sim.keys import Keys

Handler = Callable[[Keys, Fields], bytes]


@dataclass(frozen=True, slots=True)
class Command:
    """One row: how to answer, under which response code, and whether the data counts its own bytes."""

    handle: Handler
    response: bytes
    counted: bool


def response_code(code: bytes) -> bytes:
    """The code of a response: the command's with its second character moved on by one.

    >>> response_code(b"CC"), response_code(b"A0")
    (b'CD', b'A1')
    """
    return code[:1] + bytes([(code[1] + 1) % 256])


_HANDLERS: dict[bytes, Handler] = {
    b"A0": key_management.generate,
    b"A6": key_management.import_key,
    b"A8": key_management.export_key,
    b"B2": diagnostics.echo,
    b"BK": pin_ibm.offset_of_block,
    b"BU": key_management.key_check_value,
    b"CA": pin.translate_from_tpk,
    b"CC": pin.translate_from_zpk,
    b"CI": pin_dukpt.translate,
    b"CW": card_verification.generate,
    b"CY": card_verification.verify,
    b"DA": pin_ibm.verify_under_tpk,
    b"DC": pin.verify_under_tpk,
    b"DE": pin_ibm.offset_of_lmk_pin,
    b"DG": pin.generate_pvv,
    b"EA": pin_ibm.verify_under_zpk,
    b"EC": pin.verify_under_zpk,
    b"G0": pin_dukpt.translate_from,
    b"JC": lmk_pins.seal_from_tpk,
    b"JE": lmk_pins.seal_from_zpk,
    b"JG": lmk_pins.unseal_to_zpk,
    b"M6": mac.generate,
    b"M8": mac.verify,
    b"NC": diagnostics.diagnostics,
    b"NO": diagnostics.status,
}
_COUNTED = frozenset({b"B2", b"M6", b"M8"})

COMMANDS = {code: Command(handle, response_code(code), code in _COUNTED) for code, handle in _HANDLERS.items()}
