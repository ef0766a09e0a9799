"""The readable twin of the PIN-block formats; see `hsm_sim.crypto.pinblock` for what they are."""

from hsm_sim.crypto._pinblock_rules import ACCOUNT_DIGITS, BLOCK_BYTES, MAX_PIN, MIN_PIN, PinBlockError

# Control nibble → lowest fill digit and how many there are from it: F alone, 0–F, A–F.
_FILLS = {0: (15, 1), 1: (0, 16), 3: (10, 6)}
_WITHOUT_ACCOUNT = 1


def encode(control: int, pin: bytes, account: bytes, fill: int) -> bytes:
    """See `hsm_sim.crypto.pinblock`."""
    lowest, count = _fill_of(control)
    if not MIN_PIN <= len(pin) <= MAX_PIN or not pin.isdigit():
        raise ValueError("a PIN is 4 to 12 decimal digits")
    nibbles = [control, len(pin), *(digit - ord("0") for digit in pin)]
    while len(nibbles) < 2 * BLOCK_BYTES:
        fill, drawn = divmod(fill, count)
        nibbles.append(lowest + drawn)
    block = int("".join(f"{nibble:X}" for nibble in nibbles), 16)
    return (block ^ _account_field(control, account)).to_bytes(BLOCK_BYTES)


def decode(control: int, block: bytes, account: bytes) -> bytes:
    """See `hsm_sim.crypto.pinblock`."""
    lowest, count = _fill_of(control)
    if len(block) != BLOCK_BYTES:
        raise ValueError(f"a PIN block has {BLOCK_BYTES} bytes, not {len(block)}")
    nibbles = [int(digit, 16) for digit in f"{int.from_bytes(block) ^ _account_field(control, account):016X}"]
    end = 2 + nibbles[1]
    if nibbles[0] != control or end > len(nibbles):
        raise PinBlockError("the control or the length nibble is of another format")
    if any(nibble > 9 for nibble in nibbles[2:end]):
        raise PinBlockError("a PIN digit is not decimal")
    if any(not lowest <= nibble < lowest + count for nibble in nibbles[end:]):
        raise PinBlockError("the fill is of another format")
    return bytes(ord("0") + nibble for nibble in nibbles[2:end])


def _fill_of(control: int) -> tuple[int, int]:
    if control not in _FILLS:
        raise ValueError(f"no PIN-block format has the control nibble {control} here")
    return _FILLS[control]


def _account_field(control: int, account: bytes) -> int:
    """Four zero nibbles and the twelve digits, as one number; zero where the format has no account."""
    if len(account) != ACCOUNT_DIGITS or not account.isdigit():
        raise ValueError("the account field is 12 decimal digits")
    return 0 if control == _WITHOUT_ACCOUNT else int(account, 16)
