"""Random specifications and messages for the property tests and the fuzzers of the codec."""

from typing import Any
from unicodedata import normalize

from hypothesis import strategies as st
from iso8583.specs import default, default_ascii

from tests.support.iso8583_samples import bcd_spec

Spec = dict[str, dict[str, Any]]

NUMBERS = [2, 3, 4, 11, 22, 35, 52, 55, 63, 64, 66, 70, 90, 128, 129, 130, 191, 192]
ENCODINGS = ["ascii", "ascii", "b", "b", "cp500", "latin-1", "utf-8"]
LENGTH_ENCODINGS = ["ascii", "b", "bcd", "cp500", "latin-1"]


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """One entry of a specification, pads and nibbles included."""
    entry: dict[str, Any] = {
        "data_enc": draw(st.sampled_from(ENCODINGS)),
        "len_enc": draw(st.sampled_from(LENGTH_ENCODINGS)),
        "len_type": draw(st.sampled_from([0, 0, 1, 2, 3, 4])),
        "max_len": draw(st.integers(0, 14)),
    }
    for name, choices in (
        ("len_count", ["bytes", "nibbles", "nibbles"]),
        ("left_pad", ["0", "F", "", "f", "07"]),
        ("right_pad", ["0", "F", "", "f"]),
        ("desc", ["a field"]),
    ):
        if draw(st.booleans()):
            entry[name] = draw(st.sampled_from(choices))
    return entry


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """A whole specification: a ready-made one, or one with random fields, header and bitmap encodings."""
    base = draw(st.sampled_from([default_ascii, default, bcd_spec()]))
    if draw(st.booleans()):
        return {key: dict(entry) for key, entry in base.items()}
    spec = {key: dict(base[key]) for key in ("h", "t", "p", "1")}
    for key in ("t", "p", "1"):
        spec[key]["data_enc"] = draw(st.sampled_from(["ascii", "b", "cp500"]))
    if draw(st.integers(0, 3)) == 0:
        spec["h"] = draw(entries())
    spec |= {str(number): draw(entries()) for number in draw(st.sets(st.sampled_from(NUMBERS), min_size=1))}
    return spec


def _text(entry: dict[str, Any]) -> st.SearchStrategy[str]:
    """Text that often fits the entry."""
    binary = entry["data_enc"] == "b"
    alphabet = "0123456789ABCDEF" if binary else "0123456789 =ABCXYZé"
    whole = entry["max_len"] * (2 if binary and entry.get("len_count", "bytes") == "bytes" else 1)
    if not binary and entry.get("len_count", "bytes") == "nibbles":
        whole //= 2
    exact = st.text(alphabet[:16], min_size=min(whole, 40), max_size=min(whole, 40))
    loose = st.text(alphabet, max_size=min(whole, 40) + 2)
    shorter = st.text(alphabet[:10], max_size=min(whole, 40))
    return st.one_of(exact, exact, loose) if not entry["len_type"] else st.one_of(exact, shorter, shorter, loose)


@st.composite
def documents(draw: st.DrawFn, spec: Spec) -> dict[str, str]:
    """A message for the specification, right more often than not."""
    doc = {"t": draw(st.sampled_from(["0100", "0210", "0420", "0800"]))}
    keys = [key for key in spec if key.isdecimal() and key not in ("1", "65")]
    for key in draw(st.lists(st.sampled_from(keys), unique=True, max_size=8)):
        doc[key] = draw(_text(spec[key]))
    if spec["h"]["max_len"] > 0:
        doc["h"] = draw(_text(spec["h"]))
    return doc


def as_written(text: str, entry: dict[str, Any]) -> str:
    """The text as it is read again: a character that the entry's encoding lacks has lost its accent, or is a `?`."""
    encoding = entry["data_enc"]
    if encoding == "b":
        return text
    bare = "".join(c if _has(encoding, c) else normalize("NFD", c)[0] for c in text)
    return bare.encode(encoding, "replace").decode(encoding)


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def in_its_encodings(doc: dict[str, str], spec: Spec) -> bool:
    """Whether each field's encoding has all its characters. pyiso8583 refuses a text with others."""
    return all(as_written(text, spec[key]) == text for key, text in doc.items())


@st.composite
def mutations(draw: st.DrawFn, frame: bytes) -> bytes:
    """The frame cut, lengthened, or with some bytes changed."""
    out = bytearray(frame)
    for _ in range(draw(st.integers(0, 3))):
        if out:
            at = draw(st.integers(0, len(out) - 1))
            out[at] = draw(st.one_of(st.integers(0, 255), st.sampled_from(b"0123456789 +_-F")))
    if draw(st.integers(0, 3)) == 0:
        del out[draw(st.integers(0, len(out))) :]
    if draw(st.integers(0, 5)) == 0:
        out += draw(st.binary(max_size=4))
    return bytes(out)
