"""Messages as an acquirer composes them: documents of text, one entry a field, ready for `Layout.encode`.

Times are passed in, as seconds since the epoch, and written in UTC: DE 7 is defined so, and for DE 12 and 13 the
simulated terminals stand in Greenwich.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

PROCESSING_CODES: Final = {
    "purchase": "000000",
    "preauth": "000000",
    "advice": "000000",
    "force-post": "000000",
    "cash": "010000",
    "cashback": "090000",
    "refund": "200000",
    "balance": "310000",
    "verification": "370000",
}
FILE_ACTIONS: Final = {"add": "1", "delete": "3", "inquire": "5"}  # DE 91
MTIS: Final = {"advice": "0120", "force-post": "0220"}  # all others are requests: 0100
NETWORK_CODES: Final = {"sign-on": "001", "sign-off": "002", "key-change": "101", "cutover": "201", "echo": "301"}
PREAUTHORIZED: Final = "06"  # DE 25
# DE 22, how card number and PIN were entered, by whether there is a PIN. Without one the number was keyed in.
_ENTRY: Final = {True: "051", False: "010"}
_ENTRY_CVV2: Final = {True: "011", False: "010"}
_ENTRY_TRACK2: Final = {True: "021", False: "022"}
_ORIGINAL_FIELDS: Final = ("2", "3", "4", "7", "11", "32", "37", "41", "42", "49")
_COMPLETED_FIELDS: Final = ("2", "3", "14", "22", "32", "37", "41", "42", "49")
_CVV2_TAG: Final = "92"  # in DE 48: tag, length, value
_CASH_PART: Final = "0040"  # DE 54: account not named, amount of cash
_UNCHANGED_REST: Final = f"{0:012d}D{0:08d}D{0:08d}"  # DE 95 after its first amount: settlement amount and fees


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
    track2: str = "",
    cvv2: str = "",
    cash_cents: int = 0,
    mti: str = "",
) -> dict[str, str]:
    """Compose a complete request of a kind in `PROCESSING_CODES`: a 0100, for an advice a 0120 or 0220.

    `pin_block` is DE 52, encrypted. With `track2` the stripe was read: DE 35 stands for DE 2 and 14. `cvv2` was read
    from the back of the card. `cash_cents` is the cash part of a cashback's amount.

    >>> doc = request("purchase", Sender("10000000001"), pan="4687380000000008", expiry="3012", amount_cents=10_000,
    ...               currency="978", stan=1, now=0.0)
    >>> doc["t"], doc["3"], doc["4"], doc["7"]
    ('0100', '000000', '000000010000', '0101000000')
    """
    entry = _ENTRY_TRACK2 if track2 else _ENTRY_CVV2 if cvv2 else _ENTRY
    doc = {
        "t": mti or MTIS.get(kind, "0100"),
        **({"35": track2} if track2 else {"2": pan, "14": expiry}),
        "3": PROCESSING_CODES[kind],
        "4": f"{amount_cents:012d}",
        **_numbered(stan, now),
        "22": entry[bool(pin_block)],
        "32": sender.institution_id,
        "37": rrn_of(now, stan),
        "41": sender.terminal,
        "42": sender.merchant,
        "49": currency,
    }
    if kind == "preauth":
        doc["25"] = PREAUTHORIZED
    if kind in MTIS:
        doc |= {"38": f"{stan:06d}", "39": "00"}  # approved at the terminal, or by voice: the code is ours
    if cvv2:
        doc["48"] = f"{_CVV2_TAG}{len(cvv2):02d}{cvv2}"
    if pin_block:
        doc["52"] = pin_block.hex().upper()
    if cash_cents:
        doc["54"] = f"{_CASH_PART}{currency}D{cash_cents:012d}"
    return doc


def incremental(original: dict[str, str], amount_cents: int, *, stan: int, now: float) -> dict[str, str]:
    """Compose the 0100 that adds to a pre-authorization: its DE 37 and 41, an STAN of its own, DE 90 naming it."""
    doc = {"t": "0100", "4": f"{amount_cents:012d}", **_numbered(stan, now)}
    return _of(original, _COMPLETED_FIELDS) | doc | {"25": PREAUTHORIZED, "90": original_data(original)}


def completion(
    original: dict[str, str], amount_cents: int, *, stan: int, now: float, approval: str = "", mti: str = "0220"
) -> dict[str, str]:  # fmt: skip
    """Compose the 0220 (or 0120) that posts what a pre-authorization held, for whatever it came to in the end."""
    doc = {"t": mti, "4": f"{amount_cents:012d}", **_numbered(stan, now), "90": original_data(original)}
    return _of(original, _COMPLETED_FIELDS) | doc | ({"38": approval} if approval else {})


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
    """Compose the reversal of a request or advice: the original's identifying fields, and DE 90 to point at it."""
    return {"t": mti} | _of(doc, _ORIGINAL_FIELDS) | {"90": original_data(doc)}


def partial_reversal_of(doc: dict[str, str], standing_cents: int, now: float) -> dict[str, str]:
    """Compose the 0420 after which `standing_cents` of the request stand (DE 95).

    DE 12 and 13 are its own: the answer echoes them, which tells it from that to a whole reversal under the same STAN.
    """
    local = {field: text for field, text in _numbered(0, now).items() if field in ("12", "13")}
    return reversal_of(doc) | local | {"95": f"{standing_cents:012d}{_UNCHANGED_REST}"}


def network(kind: str, sender: Sender, *, stan: int, now: float, date: str = "", code: str = "") -> dict[str, str]:
    """Compose an 0800 of a kind in `NETWORK_CODES`; a cutover's `date` is the new business day, MMDD.

    `code` is for networks that number the kind differently.
    """
    doc = {"t": "0800", "32": sender.institution_id, "70": code or NETWORK_CODES[kind]}
    return doc | _stamped(stan, now) | ({"15": date} if date else {})


def reconciliation(
    sender: Sender, figures: dict[str, str], *, stan: int, now: float, date: str, currency: str, mti: str = "0500"
) -> dict[str, str]:  # fmt: skip
    """Compose an 0500 (or 0520): the acquirer's own `figures`, DE 74 to 97, of a business day (MMDD) and currency."""
    doc = {"t": mti, "15": date, "32": sender.institution_id, "50": currency}
    return doc | _stamped(stan, now) | figures


def file_action(
    kind: str, sender: Sender, *, file_name: str, number: str, stan: int, now: float, fields: dict[str, str]
) -> dict[str, str]:  # fmt: skip
    """Compose an 0302 of a kind in `FILE_ACTIONS` about a number, with what further `fields` that takes."""
    doc = {"t": "0302", "2": number, "32": sender.institution_id, "37": rrn_of(now, stan), "41": sender.terminal}
    return doc | _stamped(stan, now) | {"91": FILE_ACTIONS[kind], "101": file_name} | fields


def pan_of(doc: dict[str, str]) -> str:
    """The card number: DE 2, or what stands before the separator of DE 35.

    >>> pan_of({"35": "4687380000000016=30122011"})
    '4687380000000016'
    """
    return doc["2"] if "2" in doc else doc["35"].replace("D", "=").partition("=")[0]


def _of(doc: dict[str, str], numbers: tuple[str, ...]) -> dict[str, str]:
    """Fields of an earlier message. A track is not kept: of one that was read there remain number and expiry."""
    kept = {number: doc[number] for number in numbers if number in doc}
    kept |= {"2": pan_of(doc)}
    if "35" in doc and "14" in numbers:
        kept["14"] = doc["35"].replace("D", "=").partition("=")[2][:4]
    if "22" in kept:
        kept["22"] = _ENTRY[False]
    return kept


def _stamped(stan: int, now: float) -> dict[str, str]:
    return {"7": f"{datetime.fromtimestamp(now, UTC):%m%d%H%M%S}", "11": f"{stan:06d}"}


def _numbered(stan: int, now: float) -> dict[str, str]:
    """What is new in every message about money: when, and its STAN."""
    when = datetime.fromtimestamp(now, UTC)
    return _stamped(stan, now) | {"12": f"{when:%H%M%S}", "13": f"{when:%m%d}"}
