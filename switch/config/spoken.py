"""May a link speak this dialect? The switch must find words for its results and be able to write its messages."""

from typing import Final

from switch.core.macs import MAC_FIELDS
from switch.core.results import NEEDED, SECURITY
from switch.iso8583.codec import EncodeError
from switch.iso8583.dialect import Dialect
from switch.iso8583.dialect_file import KSN

ISO_0_DIGITS: Final = 16
ISO_4_DIGITS: Final = 32

# What every link must be able to write, in the words of 1987: a purchase, its answer, its reversal, a network message.
_PURCHASE: Final = {
    "2": "4687380000000016", "3": "000000", "4": "000000010000", "7": "1126092955", "11": "000001", "12": "102955",
    "13": "1126", "14": "3012", "22": "051", "32": "", "37": "633009000001", "41": "TERM0001",
    "42": "MERCHANT0000001", "49": "978",
}  # fmt: skip
_ORIGINAL: Final = "0100" + "000001" + "1126092955" + "1".zfill(11) + "0" * 11
SAMPLES: Final = (
    {"t": "0100", **_PURCHASE},
    {"t": "0110", **_PURCHASE, "39": "00"},
    {"t": "0400", **_PURCHASE, "90": _ORIGINAL},
    {"t": "0800", "7": "1126092955", "11": "000001", "70": "301"},
)
# What a dialect that has the field must be able to write: the replacement amounts of a partial reversal.
AMOUNTS: Final = {"95": "0" * 24 + "C00000000" * 2}


def dialect_problem(dialect: Dialect, institution_id: str = "1") -> str | None:
    """Why a link of this institution may not speak this dialect; None if it may."""
    if not dialect.served:
        return f"message types are {dialect.version}xxx; a link speaks 0xxx, and 1xxx with a [conversion] to it"
    if "39" not in dialect.spec:
        return "there is no DE 39 for the response code"
    missing = [name for name in NEEDED if name not in dialect.response_codes]
    if missing:
        return f"response_codes.{missing[0]} must be given, {dialect.spec['39']['max_len']} characters"
    if KSN in dialect.roles:
        return f"roles.ksn names DE {dialect.roles[KSN]}: PIN blocks under DUKPT keys are not translated yet"
    if problem := _pin_field_problem(dialect):
        return problem
    try:
        spoken = dialect.for_link()
        samples = [*SAMPLES, {"t": "0400", **_PURCHASE, "90": _ORIGINAL, **AMOUNTS}] if "95" in spoken.spec else SAMPLES
        for message in samples:
            spoken.layout.encode({**message, "32": institution_id} if "32" in message else message)
    except EncodeError as error:
        return f"the switch could not write its messages: {error}"
    except ValueError as error:
        return str(error)
    return None


def _pin_field_problem(dialect: Dialect) -> str | None:
    """The HSM is asked to translate blocks of 8 bytes (ISO format 0)."""
    entry = dialect.spec.get("52")
    if entry is None:
        return None
    size = entry["max_len"] * 2 if entry["data_enc"] == "b" and "len_count" not in entry else entry["max_len"]
    if size == ISO_4_DIGITS:
        return "DE 52 has 16 bytes, an ISO format 4 PIN block, which is not translated yet: expected 8 bytes"
    if size < ISO_0_DIGITS or (size > ISO_0_DIGITS and not entry["len_type"]):
        return f"DE 52 has room for {size} hexadecimal digits: expected a PIN block of 8 bytes, {ISO_0_DIGITS} digits"
    return None


def mac_problem(dialect: Dialect) -> str | None:
    """Why messages of this dialect cannot carry a MAC; None if they can."""
    for number in MAC_FIELDS:
        entry = dialect.spec.get(str(number))
        size = 8 if entry and entry["data_enc"] == "b" else 16
        if entry is None or entry["len_type"] or entry["max_len"] != size:
            return f"a MAC needs DE {number} of fixed length, 8 bytes or 16 hexadecimal characters"
    if any(key.isdecimal() and int(key) > MAC_FIELDS[-1] for key in dialect.spec):
        return f"a MAC is the last field, DE {MAC_FIELDS[-1]}, and there are fields behind it"
    if len(dialect.response_codes.get(SECURITY, "")) != dialect.spec["39"]["max_len"]:
        return f"response_codes.{SECURITY} must be given: it answers a wrong MAC"
    return None
