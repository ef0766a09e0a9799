"""Card numbers: the Luhn check digit (ISO/IEC 7812-1, annex B) and which numbers are for tests.

A bench must not be pointed at people's cards by mistake. Numbers that no issuer gives to a cardholder are recognised
here; a configuration with any other is refused unless it says `allow_real_bins = true`.

    >>> check_digit("7992739871")
    '3'
    >>> is_pan("4111111111111111"), is_pan("4111111111111112"), is_pan("411111")
    (True, False, False)
"""

from typing import Final

MIN_DIGITS: Final = 12  # ISO/IEC 7812-1: a PAN has 12 to 19 digits in use (the shortest are Maestro's)
MAX_DIGITS: Final = 19

# Ranges never issued: two Visa BINs set aside for tests, and major industry identifier 9, which ISO/IEC 7812 leaves to
# national standards bodies and no international scheme uses.
TEST_PREFIXES: Final = ("468738", "468739", "9")

# Single numbers that schemes and gateways publish in their test guides.
PUBLISHED_TEST_PANS: Final = frozenset(
    {
        "4111111111111111",
        "4012888888881881",
        "4222222222222",
        "5555555555554444",
        "5105105105105100",
        "378282246310005",
        "371449635398431",
        "30569309025904",
        "38520000023237",
        "6011111111111117",
        "6011000990139424",
        "3530111333300000",
        "3566002020360505",
    }
)


# What a digit counts for as it stands, and what it does doubled: the digits of its double, added. Bytes are translated
# and added up without an object a digit, a tenth of the price.
_DIGITS: Final = b"0123456789"
_PLAIN: Final = bytes.maketrans(_DIGITS, bytes(range(10)))
_DOUBLED: Final = bytes.maketrans(_DIGITS, bytes(sum(divmod(2 * digit, 10)) for digit in range(10)))


def check_digit(digits: str) -> str:
    """The Luhn digit that completes `digits`: every second digit from the right is doubled, its digits added."""
    text = digits.encode("ascii")
    total = sum(text[-1::-2].translate(_DOUBLED)) + sum(text[-2::-2].translate(_PLAIN))
    return str(-total % 10)


def is_pan(text: str) -> bool:
    """Whether `text` is 12 to 19 decimal digits with a right check digit."""
    return (
        MIN_DIGITS <= len(text) <= MAX_DIGITS
        and text.isascii()
        and text.isdigit()
        and check_digit(text[:-1]) == text[-1]
    )


def is_test_number(digits: str) -> bool:
    """Whether a PAN, or a prefix to route by, lies wholly among the test numbers.

    >>> is_test_number("468738"), is_test_number("46873"), is_test_number("4111111111111111"), is_test_number("411111")
    (True, False, True, False)
    """
    return digits.startswith(TEST_PREFIXES) or digits in PUBLISHED_TEST_PANS
