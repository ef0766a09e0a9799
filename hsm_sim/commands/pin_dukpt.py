"""PINs from terminals that derive a key for each transaction: CI and G0 (translation from a BDK to a ZPK).

The KSN comes as hexadecimal digits. Its descriptor is three of them, the lengths of the base key's identifier, of the
sub-key's and of the device's; the counter takes five more. So 605 is a KSN of 16 digits, and A05 or 609 one of 20. A
shorter one is filled from the left with F to the twenty that the derivation takes.

G0 derives triple-DES keys. CI is older than those and derives a single-length one. Which of the two a client of CI
means is not in the command but shows in the block: one that makes no sense under the single-length key is tried under
the other.

Keys are checked first: 10 BDK, 27 a BDK that is not of double length, 11 ZPK; then as in `hsm_sim.commands.pin_blocks`.
"""

from struct import Struct

from hsm_sim.commands.pin_blocks import ISO_0, is_iso_0, translated
from hsm_sim.crypto import dukpt
from hsm_sim.crypto.dukpt import BDK_BYTES, KSN_BYTES
from hsm_sim.crypto.pinblock import MAX_PIN
from hsm_sim.crypto.tdes import Tdes
from hsm_sim.errors import INPUT_DATA, KEY_LENGTH, SOURCE_KEY_PARITY, TARGET_KEY_PARITY, RefusedError
from hsm_sim.fields import Fields, from_hex
from hsm_sim.keys import Keys

# The marks that may stand before a BDK in G0, and the types they stand for.
_BDK_1, _BDK_2 = b"*", b"~"
_BDK_OF_MARK = {_BDK_1: "BDK-1", _BDK_2: "BDK-2"}

_BDK_DIGITS = 32
_COUNTER_DIGITS = 5
_MIN_KSN_DIGITS = 12
_MAX_KSN_DIGITS = 2 * KSN_BYTES
_KSN_FILL = b"F"

# Fields of fixed width after the KSN: block, new format, account; block, two formats, account.
_BLOCK_TO = Struct("16s2s12s")
_BLOCK_FROM_TO = Struct("16s2s2s12s")


def translate(keys: Keys, fields: Fields) -> bytes:
    """CI: BDK 32H or U+32H ‖ ZPK ‖ KSN descriptor 3H ‖ KSN 12H to 20H ‖ ISO-0 block 16H ‖ new format 2N ‖ account 12N.

    → PIN length 2N ‖ block 16H ‖ format 2N.
    """
    bdk_field, zpk_field, ksn = _keys_and_ksn(fields)
    block_digits, target_code, account = fields.unpack(_BLOCK_TO)
    fields.finish()
    block = from_hex(block_digits)
    bdk, zpk = _opened(keys, bdk_field, _BDK_1, zpk_field)
    clear = dukpt.deciphered_1998(bdk, ksn, block)
    if not is_iso_0(clear, account):
        clear = dukpt.deciphered(bdk, ksn, block)
    return translated(keys, clear, zpk, (ISO_0, target_code), account, MAX_PIN)


def translate_from(keys: Keys, fields: Fields) -> bytes:
    """G0: [mark 1] BDK ‖ ZPK ‖ descriptor 3H ‖ KSN ‖ block 16H ‖ its format 2N ‖ new format 2N ‖ account 12N. → as CI.

    The mark is * for a BDK of type 009, which is meant without a mark, too, and ~ for one of type 609.
    """
    mark = next((mark for mark in _BDK_OF_MARK if fields.delimiter(mark)), _BDK_1)
    bdk_field, zpk_field, ksn = _keys_and_ksn(fields)
    block_digits, source_code, target_code, account = fields.unpack(_BLOCK_FROM_TO)
    fields.finish()
    block = from_hex(block_digits)
    bdk, zpk = _opened(keys, bdk_field, mark, zpk_field)
    clear = dukpt.deciphered(bdk, ksn, block)
    return translated(keys, clear, zpk, (source_code, target_code), account, MAX_PIN)


def _opened(keys: Keys, bdk_field: bytes, mark: bytes, zpk_field: bytes) -> tuple[bytes, Tdes]:
    """The BDK, in clear, and the ZPK."""
    bdk = keys.open(bdk_field, keys.types[_BDK_OF_MARK[mark]], SOURCE_KEY_PARITY).clear
    if len(bdk) != BDK_BYTES:
        raise RefusedError(KEY_LENGTH)
    return bdk, keys.open(zpk_field, keys.types["ZPK"], TARGET_KEY_PARITY)


def _keys_and_ksn(fields: Fields) -> tuple[bytes, bytes, bytes]:
    """The fields of BDK and ZPK, and the KSN as the ten bytes that a key is derived with."""
    bdk_field, zpk_field = fields.key(bare_digits=_BDK_DIGITS), fields.key()
    descriptor = from_hex(b"0" + fields.take(3))
    length = descriptor[0] + (descriptor[1] >> 4) + (descriptor[1] & 0xF) + _COUNTER_DIGITS
    if not _MIN_KSN_DIGITS <= length <= _MAX_KSN_DIGITS:
        raise RefusedError(INPUT_DATA)
    return bdk_field, zpk_field, from_hex(fields.take(length).rjust(_MAX_KSN_DIGITS, _KSN_FILL))
