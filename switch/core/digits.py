"""Texts of decimal digits, which most of a message is: as `str.isdigit` and `int` have them, at a tenth of the price.

Those two know every digit of Unicode and numbers of any length; here it is a loop over characters, once compiled.
"""

MOST_DIGITS = 18  # that surely fit 64 bits


def is_decimal(text: str) -> bool:
    """Nothing but "0" to "9", and at least one of them.

    >>> is_decimal("000042"), is_decimal(""), is_decimal("4 2"), is_decimal("٤٢")
    (True, False, False, False)
    """
    for character in text:
        if not "0" <= character <= "9":
            return False
    return bool(text)


def is_alphanumeric(text: str) -> bool:
    """Nothing but ASCII digits and letters, and at least one of them.

    >>> is_alphanumeric("0N"), is_alphanumeric("é1"), is_alphanumeric(" 0"), is_alphanumeric("")
    (True, False, False, False)
    """
    for character in text:
        if not ("0" <= character <= "9" or "A" <= character <= "Z" or "a" <= character <= "z"):
            return False
    return bool(text)


def leading_two(text: str) -> int:
    """The number that the first two digits are, as of DE 3; -1 where they are none.

    >>> leading_two("093000"), leading_two("9"), leading_two("A0")
    (9, -1, -1)
    """
    if len(text) < 2 or not ("0" <= text[0] <= "9" and "0" <= text[1] <= "9"):
        return -1
    return (ord(text[0]) - 48) * 10 + ord(text[1]) - 48


def decimal(text: str) -> int:
    """`int(text)`, ValueError where that is none.

    >>> decimal("000000012345"), decimal("7" * 20)
    (12345, 77777777777777777777)
    """
    number = 0
    if not text or len(text) > MOST_DIGITS:
        return int(text)
    for character in text:
        if not "0" <= character <= "9":
            return int(text)
        number = number * 10 + ord(character) - 48
    return number
