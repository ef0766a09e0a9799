# The native PIN-block formats; the readable twin is hsm_sim/crypto/_pinblock_py.py, the theory in pinblock.py.
#
# All work is on sixteen nibbles in an array on the stack. The three lengths are checked on entry (`block` 8 bytes,
# `account` 12, `pin` 4 to 12), and every index below follows from them.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from hsm_sim.crypto._pinblock_rules import PinBlockError

cdef enum:
    BLOCK_BYTES = 8
    NIBBLES = 16
    ACCOUNT_DIGITS = 12
    MIN_PIN = 4
    MAX_PIN = 12
    WITHOUT_ACCOUNT = 1


# By control nibble: the lowest fill digit and how many there are from it (F alone, 0–F, none: no such format, A–F).
cdef unsigned int[4] FILL_LOWEST = [15, 0, 0, 10]
cdef unsigned int[4] FILL_COUNT = [1, 16, 0, 6]


cdef int check_control(int control) except -1:
    if not 0 <= control <= 3 or FILL_COUNT[control] == 0:
        raise ValueError(f"no PIN-block format has the control nibble {control} here")
    return 0


cdef int xor_account(int control, bytes account, unsigned char* nibbles) except -1:
    """XOR the account digits into nibbles 4 to 15; check them even where the format has no account."""
    cdef const unsigned char* digits = <const unsigned char*>PyBytes_AS_STRING(account)
    cdef unsigned int digit
    cdef int i
    if PyBytes_GET_SIZE(account) != ACCOUNT_DIGITS:
        raise ValueError("the account field is 12 decimal digits")
    for i in range(ACCOUNT_DIGITS):
        digit = <unsigned int>digits[i] - 48
        if digit > 9:
            raise ValueError("the account field is 12 decimal digits")
        if control != WITHOUT_ACCOUNT:
            nibbles[NIBBLES - ACCOUNT_DIGITS + i] ^= digit
    return 0


def encode(int control, bytes pin not None, bytes account not None, unsigned long long fill):
    cdef const unsigned char* digits = <const unsigned char*>PyBytes_AS_STRING(pin)
    cdef Py_ssize_t length = PyBytes_GET_SIZE(pin)
    cdef unsigned char[NIBBLES] nibbles
    cdef unsigned char[BLOCK_BYTES] block
    cdef unsigned int digit
    cdef int i
    check_control(control)
    if not MIN_PIN <= length <= MAX_PIN:
        raise ValueError("a PIN is 4 to 12 decimal digits")
    nibbles[0] = control
    nibbles[1] = length
    for i in range(length):
        digit = <unsigned int>digits[i] - 48
        if digit > 9:
            raise ValueError("a PIN is 4 to 12 decimal digits")
        nibbles[2 + i] = digit
    for i in range(2 + length, NIBBLES):
        nibbles[i] = FILL_LOWEST[control] + fill % FILL_COUNT[control]
        fill //= FILL_COUNT[control]
    xor_account(control, account, nibbles)
    for i in range(BLOCK_BYTES):
        block[i] = nibbles[2 * i] << 4 | nibbles[2 * i + 1]
    return PyBytes_FromStringAndSize(<char*>block, BLOCK_BYTES)


def decode(int control, bytes block not None, bytes account not None):
    cdef const unsigned char* data = <const unsigned char*>PyBytes_AS_STRING(block)
    cdef unsigned char[NIBBLES] nibbles
    cdef char[NIBBLES] pin
    cdef int length
    cdef int i
    check_control(control)
    if PyBytes_GET_SIZE(block) != BLOCK_BYTES:
        raise ValueError(f"a PIN block has {BLOCK_BYTES} bytes, not {PyBytes_GET_SIZE(block)}")
    for i in range(BLOCK_BYTES):
        nibbles[2 * i] = data[i] >> 4
        nibbles[2 * i + 1] = data[i] & 0x0F
    xor_account(control, account, nibbles)
    length = nibbles[1]
    if nibbles[0] != control or length > NIBBLES - 2:
        raise PinBlockError("the control or the length nibble is of another format")
    for i in range(length):
        if nibbles[2 + i] > 9:
            raise PinBlockError("a PIN digit is not decimal")
        pin[i] = 48 + nibbles[2 + i]
    for i in range(2 + length, NIBBLES):
        if nibbles[i] - FILL_LOWEST[control] >= FILL_COUNT[control]:
            raise PinBlockError("the fill is of another format")
    return PyBytes_FromStringAndSize(pin, length)
