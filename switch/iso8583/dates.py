"""Dates and times as ISO 8583 writes them: is there such a day, such a time of day?

A date has no year, so 29 February is always one. Every request is asked, so these compare characters:
compiled, they cost next to nothing.
"""


def is_month_day(text: str, at: int = 0) -> bool:
    """MMDD at `at`.

    >>> is_month_day("0229"), is_month_day("261131", 2), is_month_day("1301"), is_month_day("12")
    (True, False, False, False)
    """
    month, day = two_digits(text, at), two_digits(text, at + 2)
    if not 1 <= month <= 12 or day < 1:
        return False
    if month == 2:
        return day <= 29
    return day <= (30 if month in (4, 6, 9, 11) else 31)


def is_time(text: str, at: int = 0) -> bool:
    """The time of day hhmmss at `at`.

    >>> is_time("235959"), is_time("1121000000", 4), is_time("240000"), is_time("256199")
    (True, True, False, False)
    """
    return (
        0 <= two_digits(text, at) <= 23 and 0 <= two_digits(text, at + 2) <= 59 and 0 <= two_digits(text, at + 4) <= 59
    )


def is_year_month(text: str) -> bool:
    """YYMM.

    >>> is_year_month("2812"), is_year_month("2800"), is_year_month("28")
    (True, False, False)
    """
    return two_digits(text, 0) >= 0 and 1 <= two_digits(text, 2) <= 12


def two_digits(text: str, at: int) -> int:
    """The number that two digits at `at` are; -1 where they are none.

    >>> two_digits("0709", 2), two_digits("07 9", 2), two_digits("070", 2)
    (9, -1, -1)
    """
    if at + 2 > len(text) or not ("0" <= text[at] <= "9" and "0" <= text[at + 1] <= "9"):
        return -1
    return (ord(text[at]) - 48) * 10 + ord(text[at + 1]) - 48
