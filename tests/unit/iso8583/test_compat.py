"""pyiso8583's interface on our codec: what its users rely on."""

import copy
import pickle
from types import MappingProxyType
from typing import Any

import iso8583
import pytest
from iso8583.specs import default, default_ascii

from switch.iso8583 import compat
from tests.support.iso8583_samples import PURCHASE, bcd_spec


def spec_of(base: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return copy.deepcopy(base)


@pytest.mark.parametrize("spec", [default_ascii, default, bcd_spec()])
def test_the_same_as_pyiso8583(spec: dict[str, dict[str, Any]]) -> None:
    ours = {key: text for key, text in PURCHASE.items() if key not in ("35", "48")} | {"70": "301"}
    theirs = dict(ours)
    assert compat.encode(ours, spec) == iso8583.encode(theirs, spec)
    assert list(ours.items()) == list(theirs.items())
    raw, wire = iso8583.encode(theirs, spec)
    assert compat.decode(raw, spec) == iso8583.decode(raw, spec) == (ours, wire)


@pytest.mark.parametrize("encoding", ["ascii", "b", "cp500"])
def test_a_third_bitmap(encoding: str) -> None:
    spec = spec_of(default_ascii) | {"130": default_ascii["3"], "192": default_ascii["4"]}
    spec["1"] |= {"data_enc": encoding}
    for extra in ({"130": "123456"}, {"70": "301", "192": "000000000001"}):
        ours, theirs = ({"t": "0100"} | extra for _ in range(2))
        raw, wire = iso8583.encode(theirs, spec)
        assert compat.encode(ours, spec) == (raw, wire)
        assert list(ours.items()) == list(theirs.items())
        assert compat.decode(raw, spec) == iso8583.decode(raw, spec) == (ours, wire)


def test_the_native_path_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if compat.IMPLEMENTATION == "twin":
        return  # there is none to take it
    for function in ("decode", "encode"):
        monkeypatch.setattr(iso8583, function, lambda *_: pytest.fail("pyiso8583 was asked"))
    raw, _ = compat.encode(dict(PURCHASE), default_ascii)
    assert compat.decode(raw, default_ascii)[0]["52"] == PURCHASE["52"]


def test_errors_are_pyiso8583s_own_and_pickle() -> None:
    assert (compat.DecodeError, compat.EncodeError, compat.pp) == (iso8583.DecodeError, iso8583.EncodeError, iso8583.pp)
    with pytest.raises(iso8583.DecodeError) as caught:
        compat.decode(b"0100", default_ascii)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert vars(copied) == vars(caught.value)
    assert (copied.field, copied.pos, copied.s, str(copied)) == ("p", 4, b"0100", str(caught.value))
    with pytest.raises(compat.EncodeError) as encode_error:
        compat.encode({"t": "0100", "3": "12345"}, default_ascii)
    assert pickle.loads(pickle.dumps(encode_error.value)).field == "3"


def test_type_errors() -> None:
    with pytest.raises(TypeError, match="must be bytes or bytearray, not str"):
        compat.decode("0100", default_ascii)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be dict, not list"):
        compat.encode([], default_ascii)  # type: ignore[arg-type]


def outcomes(function: str, argument: Any, spec: dict[str, dict[str, Any]]) -> list[Any]:
    """The results of our function and of pyiso8583's, or what their errors say."""
    results = []
    for module in (compat, iso8583):
        try:
            results.append(getattr(module, function)(copy.copy(argument), spec))
        except ValueError as error:
            results.append(str(error))
    return results


@pytest.mark.parametrize(
    ("key", "name", "value"),
    [("3", "max_len", 7), ("3", "len_type", 2), ("3", "data_enc", "b"), ("t", "data_enc", "b"), ("h", "max_len", 4)],
)
def test_a_changed_specification_is_never_stale(key: str, name: str, value: Any) -> None:
    spec = spec_of(default_ascii)
    doc = {"t": "0100", "3": "123456", "h": "ISO0"}
    raw, _ = compat.encode(dict(doc), spec)
    spec[key][name] = value
    for function, argument in (("decode", raw), ("encode", doc)):
        ours, theirs = outcomes(function, argument, spec)
        assert ours == theirs


def test_an_item_taken_out_of_or_put_into_an_entry_is_seen() -> None:
    spec = spec_of(bcd_spec())
    doc = {"t": "0100", "22": "051"}
    assert compat.encode(dict(doc), spec)[1]["22"]["data"] == b"\x00\x51"
    del spec["22"]["left_pad"]  # the last item
    ours, theirs = outcomes("encode", doc, spec)
    assert ours == theirs == "Failed to encode field, odd-length nibble data, specify pad: field 22"
    spec["22"]["right_pad"] = "0"
    assert compat.encode(dict(doc), spec)[1]["22"]["data"] == b"\x05\x10"
    spec["22"] |= {f"note {number}": number for number in range(40)}
    assert compat.encode(dict(doc), spec)[1]["22"]["data"] == b"\x05\x10"


@pytest.mark.parametrize(
    "extra",
    [
        {"65": "0" * 16},
        {"1": "F" * 16},
        {"p": "F" * 16, "bm": "a note"},
        {"h": "unused"},
        {"65": "0" * 16, "70": "301"},
        {"02": "1"},
        {"0": "1"},
        {"193": "1"},
        {"²": "1"},
    ],
)
def test_keys_that_are_no_fields(extra: dict[str, str]) -> None:
    ours, theirs = ({"t": "0100", "3": "123456"} | extra for _ in range(2))
    try:
        expected: Any = iso8583.encode(theirs, default_ascii)
    except (ValueError, KeyError) as error:
        with pytest.raises(type(error)) as caught:
            compat.encode(ours, default_ascii)
        expected = None
        assert str(caught.value) == str(error)  # noqa: PT017 - two errors are compared
    else:
        assert compat.encode(ours, default_ascii) == expected
    assert list(ours.items()) == list(theirs.items())


@pytest.mark.parametrize("encoding", ["cp500", "latin-1", "utf-8", "cp1252"])
def test_other_text_encodings_are_native_too(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {key: entry | {"data_enc": encoding, "len_enc": encoding} for key, entry in default_ascii.items()}
    doc = {"t": "0100", "2": "4687380000000003", "43": "ÉPICERIE".ljust(39 if encoding == "utf-8" else 40), "70": "301"}
    expected = iso8583.encode(dict(doc), spec)
    decoded = iso8583.decode(expected[0], spec)
    if compat.IMPLEMENTATION == "native":
        for function in ("decode", "encode"):
            monkeypatch.setattr(iso8583, function, lambda *_: pytest.fail("pyiso8583 was asked"))
    assert compat.encode(dict(doc), spec) == expected
    assert compat.decode(expected[0], spec) == decoded


@pytest.mark.parametrize("encoding", ["ascii", "bcd", "b", "cp500"])
def test_a_length_that_its_prefix_cannot_hold(encoding: str) -> None:
    spec = spec_of(default_ascii)
    spec["63"] |= {"len_enc": encoding, "len_type": 1, "max_len": 999}
    for size in (9, 10, 99, 100, 255, 256):
        ours, theirs = outcomes("encode", {"t": "0100", "63": "x" * size}, spec)
        assert ours == theirs


def test_a_specification_of_another_kind_of_mapping() -> None:
    for spec in (MappingProxyType(default_ascii), {k: MappingProxyType(v) for k, v in default_ascii.items()}):
        raw, _ = compat.encode({"t": "0800", "70": "301"}, spec)
        assert compat.decode(raw, spec) == iso8583.decode(raw, default_ascii)


def test_more_specifications_than_are_kept() -> None:
    many = [spec_of(default_ascii) for _ in range(40)]
    for number, spec in enumerate(many):
        spec["3"]["max_len"] = number + 1
    for _ in range(2):
        for number, spec in enumerate(many):
            assert compat.encode({"t": "0100", "3": "0" * (number + 1)}, spec)[1]["3"]["data"] == b"0" * (number + 1)


def test_a_message_longer_than_the_native_buffer() -> None:
    spec = spec_of(default_ascii)
    for key in map(str, range(105, 128)):
        spec[key] |= {"len_type": 4, "max_len": 9999}
    doc = {"t": "0100"} | {str(key): "x" * 9999 for key in range(105, 128)}
    ours, theirs = compat.encode(dict(doc), spec), iso8583.encode(dict(doc), spec)
    assert ours == theirs
    assert compat.decode(ours[0], spec) == iso8583.decode(theirs[0], spec)


def test_specs_are_where_pyiso8583_has_them() -> None:
    import iso8583.specs

    assert compat.specs is iso8583.specs
