"""What the PIN commands share: PIN blocks by their format codes, out of one key and into another.

Checks go in the order of their error codes: 20 PIN block, 23 format or forbidden conversion, 24 PIN length. The
exceptions are an account that is not twelve digits (22) and a source format that does not exist (23), without which a
block cannot be read at all: they come before 20.
"""

from hsm_sim.crypto import pinblock
from hsm_sim.crypto.pinblock import MAX_PIN, MIN_PIN, PinBlockError
from hsm_sim.crypto.tdes import Tdes
from hsm_sim.errors import (
    ACCOUNT,
    INPUT_DATA,
    NO_ERROR,
    PIN_BLOCK,
    PIN_BLOCK_FORMAT,
    PIN_LENGTH,
    RefusedError,
)
from hsm_sim.fields import digits
from hsm_sim.keys import Keys, in_hex

# The host's format codes, and the control nibbles they stand for (ISO 9564-1).
ISO_0, ISO_1, ISO_3 = b"01", b"05", b"47"
_CONTROLS = {ISO_0: pinblock.ISO_0, ISO_1: pinblock.ISO_1, ISO_3: pinblock.ISO_3}
ACCOUNT_BOUND = (ISO_0, ISO_3)

# PCI PIN Security, requirement 3-3: a PIN may not lose the account it is bound to.
_ALLOWED_CONVERSIONS = frozenset(
    {
        (ISO_0, ISO_0),
        (ISO_0, ISO_3),
        (ISO_3, ISO_0),
        (ISO_3, ISO_3),
        (ISO_1, ISO_0),
        (ISO_1, ISO_1),
        (ISO_1, ISO_3),
    }
)

_FILL_BYTES = 8


def translated(
    keys: Keys, clear: bytes, target: Tdes, codes: tuple[bytes, bytes], account: bytes, longest: int
) -> bytes:
    """The answer to a translation: 00 ‖ PIN length 2N ‖ block 16H ‖ format 2N. `codes`: the old format and the new."""
    pin = pin_of(clear, codes[0], account)
    if codes not in _ALLOWED_CONVERSIONS:
        raise RefusedError(PIN_BLOCK_FORMAT)
    require_length(pin, MIN_PIN, longest)
    return b"%b%02d%b%b" % (NO_ERROR, len(pin), enciphered(keys, target, codes[1], pin, account), codes[1])


def pin_of(clear: bytes, code: bytes, account: bytes) -> bytes:
    """The digits of the PIN in a deciphered block, their number not checked yet."""
    require_account(account)
    control = _CONTROLS.get(code)
    if control is None:
        raise RefusedError(PIN_BLOCK_FORMAT)
    try:
        return pinblock.decode(control, clear, account)
    except PinBlockError:
        raise RefusedError(PIN_BLOCK) from None


def is_iso_0(clear: bytes, account: bytes) -> bool:
    """Whether a deciphered block is an ISO-0 one of this account; of random blocks one in 17 million is."""
    require_account(account)
    try:
        return len(pinblock.decode(pinblock.ISO_0, clear, account)) <= MAX_PIN
    except PinBlockError:
        return False


def enciphered(keys: Keys, key: Tdes, code: bytes, pin: bytes, account: bytes) -> bytes:
    """The block 16H of a PIN, a format and an account that have been checked."""
    fill = 0 if code == ISO_0 else int.from_bytes(keys.random(_FILL_BYTES))
    return in_hex(key.encrypt(pinblock.encode(_CONTROLS[code], pin, account, fill)))


def require_account(account: bytes) -> None:
    """The account must be digits; that they are twelve is the field's width."""
    if not account.isdigit():
        raise RefusedError(ACCOUNT)


def require_length(pin: bytes, shortest: int, longest: int) -> None:
    """The PIN must have a length that the command allows."""
    if not shortest <= len(pin) <= longest:
        raise RefusedError(PIN_LENGTH)


def pin_length(field: bytes) -> int:
    """A field 2N that says how long a PIN is at least or at most."""
    length = int(digits(field))
    if not MIN_PIN <= length <= MAX_PIN:
        raise RefusedError(INPUT_DATA)
    return length
