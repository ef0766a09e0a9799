"""Messages as an acquirer composes them: documents of text, one entry a field, ready for `Layout.encode`.

Times are passed in, as seconds since the epoch, and written in UTC: DE 7 is defined so, and for DE 12 and 13 the
simulated terminals stand in Greenwich.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

PROCESSING_CODES: Final = {
    "purchase": "000000",
    "cash": "010000",
    "cashback": "090000",
    "refund": "200000",
    "balance": "310000",
    "verification": "370000",
}
NETWORK_CODES: Final = {"sign-on": "001", "sign-off": "002", "echo": "301"}
_WITH_PIN, _WITHOUT_PIN = "051", "010"  # DE 22: chip and PIN entry; keyed, PIN entry unknown
_ORIGINAL_FIELDS: Final = ("2", "3", "4", "7", "11", "32", "37", "41", "42", "49")


class Sender(msgspec.Struct, frozen=True):
    """Who asks: the acquirer (DE 32), the terminal (DE 41, eight characters) and the merchant (DE 42, fifteen)."""

    institution_id: str
    terminal: str = "TERM0001"
    merchant: str = "MERCHANT0000001"


def rrn_of(now: float, stan: int) -> str:
    """Return DE 37: last digit of the day count, second of the day, STAN.

    Unique within a day for one acquirer as long as it uses fewer than a million STANs a second.

    >>> rrn_of(86_400 * 3 + 61, 42)
    '300061000042'
    """
    day, second = divmod(int(now), 86_400)
    return f"{day % 10}{second:05d}{stan:06d}"


def request(
    kind: str,
    sender: Sender,
    *,
    pan: str,
    expiry: str,
    amount_cents: int,
    currency: str,
    stan: int,
    now: float,
    pin_block: bytes | None = None,
    mti: str = "0100",
) -> dict[str, str]:
    """Compose a complete 0100 (or 0200) of a kind in `PROCESSING_CODES`; `pin_block` is DE 52, encrypted.

    >>> doc = request("purchase", Sender("10000000001"), pan="4687380000000008", expiry="3012", amount_cents=10_000,
    ...               currency="978", stan=1, now=0.0)
    >>> doc["t"], doc["3"], doc["4"], doc["7"]
    ('0100', '000000', '000000010000', '0101000000')
    """
    when = datetime.fromtimestamp(now, UTC)
    doc = {
        "t": mti,
        "2": pan,
        "3": PROCESSING_CODES[kind],
        "4": f"{amount_cents:012d}",
        "7": f"{when:%m%d%H%M%S}",
        "11": f"{stan:06d}",
        "12": f"{when:%H%M%S}",
        "13": f"{when:%m%d}",
        "14": expiry,
        "22": _WITH_PIN if pin_block else _WITHOUT_PIN,
        "32": sender.institution_id,
        "37": rrn_of(now, stan),
        "41": sender.terminal,
        "42": sender.merchant,
        "49": currency,
    }
    if pin_block:
        doc["52"] = pin_block.hex().upper()
    return doc


def repeat_of(doc: dict[str, str]) -> dict[str, str]:
    """Return the same message sent again: the MTI's last digit says so (0100 → 0101, 0420 → 0421)."""
    return doc | {"t": doc["t"][:3] + "1"}


def original_data(doc: dict[str, str]) -> str:
    """Return DE 90: MTI, STAN, DE 7, DE 32 zero-padded left to 11, eleven zeros for the forwarder.

    >>> original_data({"t": "0101", "11": "000001", "7": "0101000000", "32": "123"})
    '010000000101010000000000000012300000000000'
    """
    return f"{doc['t'][:3]}0{doc['11']}{doc['7']}{doc['32']:0>11}{0:011d}"


def reversal_of(doc: dict[str, str], mti: str = "0420") -> dict[str, str]:
    """Compose the reversal of a request: the original's identifying fields, and DE 90 to point at it."""
    return {"t": mti} | {field: doc[field] for field in _ORIGINAL_FIELDS} | {"90": original_data(doc)}


def network(kind: str, sender: Sender, *, stan: int, now: float) -> dict[str, str]:
    """Compose an 0800: sign-on, sign-off or echo."""
    when = datetime.fromtimestamp(now, UTC)
    return {
        "t": "0800",
        "7": f"{when:%m%d%H%M%S}",
        "11": f"{stan:06d}",
        "32": sender.institution_id,
        "70": NETWORK_CODES[kind],
    }
