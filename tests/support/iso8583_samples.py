"""Messages and specifications that the tests and the benchmark of the codec share."""

from typing import Any

# A purchase as the default acquirers send it: 20 fields, 500 bytes in iso87-ascii. The PAN is in Visa's test range.
PURCHASE = {
    "t": "0100",
    "2": "4687380000000003",
    "3": "000000",
    "4": "000000010000",
    "7": "1121235959",
    "11": "000001",
    "12": "235959",
    "13": "1121",
    "14": "2812",
    "22": "051",
    "25": "00",
    "32": "12345678901",
    "35": "4687380000000003=28122011234567890",
    "37": "332523000001",
    "41": "TERM0001",
    "42": "MERCHANT0000001",
    "43": "MONETIQUE TEST SHOP    PARIS         FR ",
    "48": "A" * 150,
    "49": "978",
    "52": "0123456789ABCDEF",
    "55": "9F26081122334455667788" * 5,
}

# An authorization of the same kind that both shipped dialects hold.
SHORT_PURCHASE = {key: text for key, text in PURCHASE.items() if key != "48"} | {"35": "4687380000000003D2812201"}


def bcd_spec() -> dict[str, dict[str, Any]]:
    """jPOS's iso87binary as a client of pyiso8583 would write it down, field by field, without our dialect file.

    Amounts x + n (DE 28–31, 97) have no form of their own there: their sign stands as the two hex digits of its byte.
    DE 65 is left out: pyiso8583 takes it for the announcement of a third bitmap.
    """
    spec: dict[str, dict[str, Any]] = {
        "h": _fixed("ascii", 0),
        "t": _fixed("b", 2),
        "p": _fixed("b", 8),
        "1": _fixed("b", 8),
    }
    digits = {3: 6, 4: 12, 5: 12, 6: 12, 7: 10, 8: 8, 9: 8, 10: 8, 11: 6, 12: 6, 13: 4, 14: 4, 15: 4, 16: 4, 17: 4}
    digits |= {18: 4, 19: 3, 20: 3, 21: 3, 22: 3, 23: 3, 24: 3, 25: 2, 26: 2, 27: 1, 53: 16, 66: 1, 67: 2, 68: 3}
    digits |= {
        69: 3,
        70: 3,
        71: 4,
        72: 4,
        73: 6,
        **dict.fromkeys(range(74, 82), 10),
        **dict.fromkeys(range(82, 86), 12),
    }
    digits |= {**dict.fromkeys(range(86, 90), 16), 90: 42}
    for number, count in digits.items():
        spec[str(number)] = _fixed("b", count) | {"len_count": "nibbles", "left_pad": "0"}
    for number, count in {2: 19, 32: 11, 33: 11, 35: 37, 99: 11, 100: 11}.items():
        spec[str(number)] = _variable("b", 1, count) | {"len_count": "nibbles", "right_pad": "0"}
    for number, count in {28: 5, 29: 5, 30: 5, 31: 5, 97: 9, 52: 8, 64: 8, 96: 16, 128: 8}.items():
        spec[str(number)] = _fixed("b", count)
    characters = {37: 12, 38: 6, 39: 2, 40: 3, 41: 8, 42: 15, 43: 40, 49: 3, 50: 3, 51: 3, 91: 1, 92: 2, 93: 6, 94: 7}
    for number, count in (characters | {95: 42, 98: 25}).items():
        spec[str(number)] = _fixed("ascii", count)
    for number, count in {34: 28, 44: 25, 45: 76, 101: 17, 102: 28, 103: 28}.items():
        spec[str(number)] = _variable("ascii", 1, count)
    long = {36: 104, 54: 120, 104: 100, **dict.fromkeys([46, 47, 48, *range(56, 64), *range(105, 128)], 999)}
    for number, count in long.items():
        spec[str(number)] = _variable("ascii", 2, count)
    spec["55"] = _variable("b", 2, 999)
    return spec


def _fixed(encoding: str, size: int) -> dict[str, Any]:
    return {"data_enc": encoding, "len_enc": "ascii", "len_type": 0, "max_len": size, "desc": ""}


def _variable(encoding: str, width: int, max_len: int) -> dict[str, Any]:
    return {"data_enc": encoding, "len_enc": "bcd", "len_type": width, "max_len": max_len, "desc": ""}
