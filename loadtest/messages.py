"""The frames a measured run is made of: one purchase of 20 fields and about 500 bytes, for a thousand cards.

Everything is prepared before the run, because the generator only copies and numbers: it writes a STAN and an RRN of its
own over DE 11 and DE 37 of each request. A thousand cards, so that nothing which remembers cards is flattered by one.
"""

import time
from typing import NamedTuple

from loadtest._iso import AsciiLayout
from switch.cards.pan import check_digit
from switch.iso8583.dialect import Dialect, load

CARDS = 1000
BIN = "468738"  # never issued: published as a test range
EXPIRY = "3012"
# EMV data of a contactless purchase, private data zeroed: with it the frame has the 500 bytes of a real one.
CHIP_DATA = (
    "9F2608" + "00" * 8 + "9F2701809F100706010A03A000009F3704000000009F36020001950500000000009A03261101"
    "9C01009F02060000000100005F2A020978820239009F1A0202509F03060000000000009F3303E0F8C8"
    "9F34031F03009F3501229F1E0830303030303030318407A00000000310109F410400000001"
)
# Any eight bytes do: the HSM of the run translates without looking.
PIN_BLOCK = "0123456789ABCDEF"

# CC (translate a PIN block from one ZPK to another): header, two keys, longest PIN, block, both formats, account.
HSM_COMMAND = b"0001CC" + b"U" + b"0" * 32 + b"U" + b"1" * 32 + b"12" + PIN_BLOCK.encode() + b"0101" + b"000000000000"


class Load(NamedTuple):
    """Prepared frames without their length, and where in them DE 11 and DE 37 stand."""

    purchases: list[bytes]
    sign_on: bytes
    stan_at: int
    rrn_at: int


def ascii_layout(dialect: Dialect) -> AsciiLayout:
    """The compiled stubs' view of a dialect; ValueError when a field of it is not plain ASCII."""
    fields = [(0, 0), (0, 0)]
    for number in range(2, 129):
        rule = dialect.spec[str(number)]
        if (rule["data_enc"], rule["len_enc"]) != ("ascii", "ascii"):
            raise ValueError(f"dialect {dialect.name}: DE {number} is {rule['data_enc']}, the stubs read ASCII only")
        fields.append((rule["len_type"], rule["max_len"]))
    return AsciiLayout(fields)


def prepare(institution_id: str, now: float) -> Load:
    """The run's frames for an acquirer named `institution_id` (DE 32), dated `now` (seconds since the epoch).

    >>> load = prepare("10000000001", 1_800_000_000.0)
    >>> len(load.purchases), len(load.purchases[0]), load.purchases[0][:4]
    (1000, 498, b'0100')
    """
    dialect = load("iso87-ascii")
    date = time.strftime("%m%d%H%M%S", time.gmtime(now))
    purchases = [dialect.layout.encode(purchase(test_pan(card), institution_id, date)) for card in range(CARDS)]
    sign_on = {"t": "0800", "7": date, "11": "000001", "32": institution_id, "70": "001"}
    return Load(purchases, dialect.layout.encode(sign_on), *numbered_at(purchases[0]))


def numbered_at(frame: bytes) -> tuple[int, int]:
    """Where in an iso87-ascii frame DE 11 and DE 37 stand. ValueError for one that lacks them."""
    view = load("iso87-ascii").layout.scan(frame)
    stan, rrn = view.span(11), view.span(37)
    if stan is None or rrn is None:
        raise ValueError(f"a prepared {view.mti} must have DE 11 and DE 37")
    return stan[0], rrn[0]


def test_pan(card: int) -> str:
    """The number of the run's card `card`.

    >>> test_pan(7)
    '4687380000000073'
    """
    digits = f"{BIN}{card:09}"
    return digits + check_digit(digits)


def purchase(pan: str, institution_id: str, date: str) -> dict[str, str]:
    """A purchase of 100.00 euros with chip and PIN; `date` is MMDDhhmmss."""
    return {
        "t": "0100",
        "2": pan,
        "3": "000000",
        "4": "000000010000",
        "7": date,
        "11": "000000",
        "12": date[4:],
        "13": date[:4],
        "14": EXPIRY,
        "18": "5411",
        "22": "051",
        "25": "00",
        "32": institution_id,
        "35": f"{pan}={EXPIRY}2010000000000000",
        "37": "000000000000",
        "41": "BENCH001",
        "42": "MERCHANT0000001",
        "43": "MONETIQUE BENCH          PARIS        FR",
        "49": "978",
        "52": PIN_BLOCK,
        "55": CHIP_DATA,
    }
