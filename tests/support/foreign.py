"""A stranger's client: messages built by pyiso8583, PIN blocks by psec, nothing of ours.

The same builder serves the virtual-time tests and those over TCP. Its BCD spec is written from jPOS's iso87binary
layout, apart from ours.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import iso8583
from iso8583.specs import default_ascii
from psec import des, pinblock

Doc = dict[str, str]


def _bcd_spec() -> dict[str, dict[str, Any]]:
    spec = deepcopy(default_ascii)
    spec["t"] |= {"data_enc": "b", "max_len": 2}
    spec["p"] |= {"data_enc": "b", "max_len": 8}
    spec["1"] |= {"data_enc": "b", "max_len": 8}
    fixed = [*range(3, 28), 53, *range(66, 91)]
    for number in fixed:
        digits = default_ascii[str(number)]["max_len"]
        spec[str(number)] |= {"data_enc": "b", "len_count": "nibbles", "max_len": digits, "left_pad": "0"}
    for number in (2, 32, 33, 35, 99, 100):
        spec[str(number)] |= {
            "data_enc": "b", "len_enc": "bcd", "len_type": 1, "len_count": "nibbles", "right_pad": "0",
        }  # fmt: skip
    for number in (34, 44, 45, 101, 102, 103):
        spec[str(number)] |= {"len_enc": "bcd", "len_type": 1}
    for number in (36, *range(46, 49), *range(54, 64), *range(104, 128)):
        spec[str(number)] |= {"len_enc": "bcd", "len_type": 2}
    for number in (52, 64, 128):
        spec[str(number)] |= {"data_enc": "b", "max_len": 8}
    return spec


def _ebcdic_spec() -> dict[str, dict[str, Any]]:
    """EBCDIC as a mainframe sends it: characters and lengths in code page 500, bitmaps and binary fields as bytes."""
    spec = {key: entry | {"data_enc": "cp500", "len_enc": "cp500"} for key, entry in default_ascii.items()}
    for key in ("p", "1", "52", "64", "65", "96", "128"):
        spec[key] |= {"data_enc": "b", "max_len": 8}
    spec["55"] |= {"data_enc": "b", "max_len": 999}
    return spec


# ISO 8583:1993, written from jPOS's ISO93APackager: where its fields stand in another form than in 1987's.
# number → digits of the length prefix, length
_FORMS_OF_93: dict[int, tuple[int, int]] = {
    12: (0, 12), 15: (0, 6), 22: (0, 12), 24: (0, 3), 25: (0, 4), 26: (0, 4), 28: (0, 6), 29: (0, 3), 30: (0, 24),
    31: (2, 99), 39: (0, 3), 43: (2, 99), 44: (2, 99), 46: (3, 204), 53: (2, 48), 54: (3, 120), 55: (3, 255),
    56: (2, 35), 57: (0, 3), 58: (2, 11), 66: (3, 204), 71: (0, 8), 72: (3, 999), 82: (0, 10), 83: (0, 10),
    84: (0, 10), 85: (0, 10), 90: (0, 10), 91: (0, 3), 92: (0, 3), 93: (2, 11), 94: (2, 11), 95: (2, 99), 96: (3, 999),
    105: (0, 16), 106: (0, 16), 107: (0, 10), 108: (0, 10), 109: (2, 84), 110: (2, 84),
}  # fmt: skip


def _spec_of_93() -> dict[str, dict[str, Any]]:
    spec = deepcopy(default_ascii)
    for number, (prefix, length) in _FORMS_OF_93.items():
        binary = {"data_enc": "b"} if number in (53, 55, 96) else {"data_enc": "ascii"}
        spec[str(number)] |= {"len_type": prefix, "max_len": length, **binary}
    return spec


SPECS: dict[str, dict[str, dict[str, Any]]] = {
    "iso87-ascii": default_ascii,
    "iso87-bcd": _bcd_spec(),
    "cb": default_ascii,
    "iso87-ebcdic": _ebcdic_spec(),
    "iso93-ascii": _spec_of_93(),
}


@dataclass
class Foreign:
    """One acquirer's client. `link` is a row of `monetique keys --json`: dialect, institution_id, key."""

    link: dict[str, Any]
    stans: Any = field(default_factory=lambda: count(1))
    salt: str = "F"  # makes the RRNs of several clients differ

    @property
    def spec(self) -> dict[str, dict[str, Any]]:
        return SPECS[self.link["dialect"]]

    def network(self, code: str) -> Doc:
        """An 0800: 001 signs on."""
        return {"t": "0800", "7": "1121120000", "11": f"{next(self.stans):06d}", "70": code}

    def pin_block(self, pan: str, pin: str) -> str:
        """ISO-0 under the link's ZPK, in hexadecimal."""
        block = pinblock.encode_pinblock_iso_0(pin, pan)
        return des.encrypt_tdes_ecb(bytes.fromhex(self.link["key"]), block).hex().upper()

    def purchase(self, card: dict[str, Any], amount_cents: int = 100_00, pin: str | None = "", **changes: str) -> Doc:
        """A complete 0100; `pin=None` leaves DE 52 out, "" takes the card's own. Fields as `f39="00"`."""
        stan = next(self.stans)
        doc = {
            "t": "0100",
            "2": card["pan"],
            "3": "000000",
            "4": f"{amount_cents:012d}",
            "7": "1121120000",
            "11": f"{stan:06d}",
            "12": "120000",
            "13": "1121",
            "14": card["expiry"],
            "22": "051",
            "32": self.link["institution_id"],
            "37": f"{self.salt}{stan:011d}",
            "41": "TERM0001",
            "42": "MERCHANT0000001",
            "49": "978",
        }
        if pin is not None:
            doc["52"] = self.pin_block(card["pan"], pin or card["pin"])
        for name, value in changes.items():
            doc["t" if name == "mti" else name[1:]] = value
        return doc

    def repeat(self, doc: Doc) -> Doc:
        """The same with the last digit of its MTI changed (R1)."""
        return doc | {"t": doc["t"][:3] + "1"}

    def reversal(self, doc: Doc, mti: str = "0420", **changes: str) -> Doc:
        """0400 or 0420 for `doc`, as the contract lays it down."""
        kept = {key: doc[key] for key in ("2", "3", "4", "7", "11", "32", "37", "41", "42", "49")}
        original = doc["t"][:3] + "0" + doc["11"] + doc["7"] + doc["32"].rjust(11, "0") + "0" * 11
        return kept | {"t": mti, "90": original} | {name[1:]: value for name, value in changes.items()}

    def encode(self, doc: Doc) -> bytes:
        """The frame, without its length."""
        return bytes(iso8583.encode(dict(doc), self.spec)[0])

    def decode(self, frame: bytes) -> Doc:
        """A frame's fields."""
        return iso8583.decode(frame, self.spec)[0]


class Foreign93(Foreign):
    """The same client in ISO 8583:1993. Fields and codes that a caller gives are those of 1993."""

    def network(self, code: str) -> Doc:
        """An 1804: function code 801 signs on; `code` is that of 1987, as the other clients have it."""
        functions = {"001": "801", "002": "802", "301": "831"}
        stan = f"{next(self.stans):06d}"
        return {"t": "1804", "7": "1121120000", "11": stan, "12": "261121130000", "24": functions.get(code, code)}

    def purchase(self, card: dict[str, Any], amount_cents: int = 100_00, pin: str | None = "", **changes: str) -> Doc:
        """A complete 1100: chip and PIN."""
        changes = {"mti": "1100"} | changes
        doc = super().purchase(card, amount_cents, pin)
        del doc["13"]
        doc |= {"12": "261121130000", "22": "51010151314C", "24": "200" if changes["mti"][1] == "2" else "100"}
        for name, value in changes.items():
            doc["t" if name == "mti" else name[1:]] = value
        return doc

    def reversal(self, doc: Doc, mti: str = "1420", **changes: str) -> Doc:
        """1420 for `doc`, the whole amount; the customer cancelled."""
        kept = {key: doc[key] for key in ("2", "3", "4", "7", "11", "12", "32", "37", "41", "42", "49")}
        original = f"{doc['t'][:3]}0{doc['11']}{doc['12']}{len(doc['32']):02d}{doc['32']}"
        reversal = kept | {"t": mti, "24": "400", "25": "4000", "56": original}
        return reversal | {name[1:]: value for name, value in changes.items()}
