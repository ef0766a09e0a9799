"""What the HSM's error codes mean, and what usually leads to them: the words of the lines about a failed command.

A payShield answers a command with two characters. Most of them mean the same in every command (`MEANINGS`); some have a
meaning of their own in one (`MEANINGS_IN`). Beside the meaning stands the likely cause, which depends on what the
command was for. The sentences name keys by their link and check value (KCV), never by their value, and never show a PIN
block. Source: the host command manuals of the payShield family; `docs/hsm.md` has the codes of our own HSM.
"""

import re
from collections.abc import Mapping
from typing import Final

TRANSLATION: Final = "PIN translation"  # CC
PIN_VERIFICATION: Final = "PIN verification"  # EC
CVV_VERIFICATION: Final = "CVV verification"  # CY
MAC: Final = "MAC command"  # M6, M8
KEY_IMPORT: Final = "key import"  # A6
KEY_GENERATION: Final = "key generation"  # A0

MEANINGS: Final[Mapping[str, str]] = {
    "01": "verification failed",
    "10": "the source key has no odd parity under its LMK",
    "11": "the destination key has no odd parity under its LMK",
    "12": "the user storage has no such key",
    "13": "the LMK is not loaded, or the command names another",
    "14": "the PIN under the LMK is none",
    "15": "the command has invalid input data",
    "17": "the HSM is not in the authorised state that this command needs",
    "20": "the deciphered PIN block does not contain valid values",
    "21": "the index is out of range",
    "22": "the account is not 12 digits",
    "23": "the PIN block format is unknown, or this conversion is forbidden",
    "24": "the PIN has fewer than 4 or more than 12 digits",
    "25": "the decimalisation table is invalid",
    "26": "the key scheme is invalid",
    "27": "the key has not the length that this command takes",
    "28": "the key type is invalid",
    "29": "the function is not permitted for this key",
    "39": "fraud detection has locked PIN verification",
    "41": "the HSM has an internal error",
    "42": "the HSM has an internal error",
    "67": "the command is not licensed",
    "68": "the command is disabled",
    "69": "the PIN block format is disabled",
    "75": "a single-length key masquerades as a longer one",
    "80": "the length of the command does not fit its contents",
}

MEANINGS_IN: Final[Mapping[str, Mapping[str, str]]] = {
    PIN_VERIFICATION: {"11": "the PVK has no odd parity under its LMK"},
    KEY_IMPORT: {
        "10": "the ZMK has no odd parity under its LMK",
        "11": "the imported key is all zeros",
    },
    KEY_GENERATION: {"10": "the ZMK has no odd parity under its LMK"},
    MAC: {
        "02": "the mode is invalid",
        "03": "the input format is invalid",
        "04": "the MAC algorithm is invalid",
        "05": "the key type is invalid",
        "06": "the message length is invalid",
        "09": "the padding method is invalid",
    },
}

SILENT: Final = "no HSM, or no answer in time: look at the lines `hsm` for its address and the reason"
MALFORMED: Final = "the HSM's answer to the {command} is malformed: is it a payShield, or compatible with one?"

KEY_BLOCK: Final = re.compile(r"[AB][0-9A-E]")
KEY_BLOCK_MEANING: Final = "the key block was refused: its header or its MAC does not fit this command or LMK"
UNKNOWN: Final = "a code that no manual of the payShield family lists"

NOT_A_BLOCK: Final = (
    "DE 52 is no ISO-0 block of this card under the {source}. Likely it was made under another key, in format 1 or 3, "
    "or for another account: an account is the 12 rightmost digits of the PAN without its check digit"
)
NOT_THIS_LMK: Final = "it is not under the LMK of this HSM, or not of this type: look at under_lmk in its [[key]]"

# Likely causes; `{source}` and `{target}` are the names of the keys.
CAUSES: Final[Mapping[str, str]] = {
    "12": "configure the key itself rather than a storage slot",
    "13": "load the LMK under which the keys are configured",
    "23": "the switch asks for ISO-0 to ISO-0 (01 to 01), which the HSM must permit",
    "26": "keys are configured as U and 32 hexadecimal digits",
    "27": "keys are configured as U and 32 hexadecimal digits, of double length",
    "39": "the HSM's operator must reset it",
    "41": "look at the HSM's error log",
    "42": "look at the HSM's error log",
    "67": "the HSM's licence must include it",
    "68": "enable it on the HSM (CONFIGCMDS)",
    "69": "enable PIN block format 01 on the HSM",
}
CAUSES_IN: Final[Mapping[str, Mapping[str, str]]] = {
    TRANSLATION: {
        "10": "the source is the {source}: " + NOT_THIS_LMK,
        "11": "the destination is the {target}: " + NOT_THIS_LMK,
        "15": "DE 52 must be 8 bytes, and the PAN must have 13 digits or more",
        "20": NOT_A_BLOCK,
        "24": "likely DE 52 was made under another key than the {source}",
    },
    PIN_VERIFICATION: {
        "10": "the source is the {source}: " + NOT_THIS_LMK,
        "11": "the PVK is the {target}: " + NOT_THIS_LMK,
        "15": "DE 52 must be 8 bytes, and the card's PVKI and PVV digits",
        "20": NOT_A_BLOCK,
        "24": "likely DE 52 was made under another key than the {source}",
        "27": "the {target} must be a pair, of double length",
    },
    CVV_VERIFICATION: {
        "10": "the CVK is the {source}: " + NOT_THIS_LMK,
        "15": "the expiry date must be 4 digits and the service code 3",
        "27": "the {source} must be a pair, of double length",
    },
    MAC: {
        "04": "mac_algorithm of the link must be one that the HSM has",
        "10": "the key is the {source}: " + NOT_THIS_LMK,
        "27": "the {source} must be of double length for mac_algorithm 3",
    },
    KEY_IMPORT: {
        "10": "the ZMK is the {source}: " + NOT_THIS_LMK,
        "11": "the sender must send a real key, under the {source}",
        "26": "the key must come as U and 32 hexadecimal digits under the {source}",
    },
    KEY_GENERATION: {"10": "the ZMK is the {source}: " + NOT_THIS_LMK},
}


def sentence(command: str, code: str, source: str, target: str = "") -> str:
    """What happened, what it means, and why it probably did. `command` is one of the names above.

    >>> sentence(TRANSLATION, "11", "ZPK of link acquirer", "ZPK of link issuer-1 (check value 1F1FCD)")[:80]
    'the HSM answered 11 to the PIN translation: the destination key has no odd parit'
    >>> sentence(MAC, "68", "TAK of link acquirer")
    'the HSM answered 68 to the MAC command: the command is disabled; enable it on the HSM (CONFIGCMDS)'
    >>> sentence(MAC, "ZZ", "TAK of link acquirer")
    'the HSM answered ZZ to the MAC command: a code that no manual of the payShield family lists'
    """
    meaning = MEANINGS_IN.get(command, {}).get(code) or MEANINGS.get(code)
    if meaning is None:
        meaning = KEY_BLOCK_MEANING if KEY_BLOCK.fullmatch(code) else UNKNOWN
    cause = CAUSES_IN.get(command, {}).get(code) or CAUSES.get(code, "")
    said = f"the HSM answered {code} to the {command}: {meaning}"
    return f"{said}; {cause.format(source=source, target=target)}" if cause else said


def wrong_mac(tak: str, algorithm: str, repeat: str) -> str:
    """Why M8 answers 01, by what the link agrees on: its key, `mac_algorithm` and `mac_repeat`."""
    return (
        f"the MAC is not that of the bytes before it under the {tak}: likely the sender has another TAK, another "
        f"mac_algorithm than {algorithm} (of ISO 9797-1) or another padding than zeros, covers other bytes "
        f"(mac_repeat is {repeat}), or the message was changed on its way"
    )


def key_name(key_type: str, link: str, kcv: str) -> str:
    """A key as people compare it: by its link and its check value, where that is known.

    >>> key_name("ZPK", "acquirer", "1D16CA"), key_name("TAK", "acquirer", "")
    ('ZPK of link acquirer (check value 1D16CA)', 'TAK of link acquirer')
    """
    return f"{key_type} of link {link} (check value {kcv})" if kcv else f"{key_type} of link {link}"


# ISO 9564-1 formats 0 and 3 once the account is taken out: control, PIN length, PIN, fill (F, or A to F).
_PINS: Final = "|".join(f"{digits:X}[0-9]{{{digits}}}[A-F]{{{14 - digits}}}" for digits in range(4, 13))
CLEAR_BLOCK: Final = re.compile(f"[03](?:{_PINS})")


def pin_sentence(command: str, code: str, block: str, account: str, source: str, target: str) -> str:
    """`sentence` of a command that read a PIN block; a block that was sent in clear is called so.

    By chance not one encrypted block in a thousand million looks like a clear one.
    """
    said = sentence(command, code, source, target)
    if code in ("20", "24") and CLEAR_BLOCK.fullmatch(f"{int(block, 16) ^ int(account, 16):016X}"):
        said, _, _ = said.partition("; ")
        return f"{said}; DE 52 is a PIN block in clear: encrypt it under the {source}"
    return said
