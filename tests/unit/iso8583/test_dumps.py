"""Bytes as people paste them, in the words of the tools and languages that print them so."""

import subprocess
from collections.abc import Callable

import pytest

from switch.iso8583.dialect import load
from switch.iso8583.dumps import odd_digits, parse

DOC = {"t": "0100", "2": "4687380000000016", "3": "000000", "11": "000001", "41": "01 02 03", "42": "MERCHANT0000001"}
ASCII, BCD = (load(name).layout.encode(DOC) for name in ("iso87-ascii", "iso87-bcd"))
SAMPLES = [ASCII, BCD, ASCII[:8], BCD[:15], ASCII[:16], BCD[:17], bytes(range(256)), BCD + bytes(70) + b"\1"]


def printable(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def rows(data: bytes) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + 16]) for at in range(0, len(data), 16)]


def jpos(data: bytes) -> str:
    """As org.jpos.iso.ISOUtil.hexdump prints it: two spaces between the halves and before the characters."""
    halves = [(at, row[:8].hex(" ").upper(), row[8:].hex(" ").upper(), printable(row)) for at, row in rows(data)]
    return "\n".join(f"{at:04X}  {f'{left} ':<24} {f'{right} ':<25}{text}" for at, left, right, text in halves)


def wireshark(data: bytes) -> str:
    return "\n".join(f"{at:04x}   {row.hex(' '):<47}   {printable(row)}" for at, row in rows(data))


def tcpdump(data: bytes) -> str:
    return "\n".join(f"\t0x{at:04x}:  {row.hex(' ', -2):<39}  {printable(row)}" for at, row in rows(data))


def signed(data: bytes) -> list[int]:
    return [byte - 256 if byte > 127 else byte for byte in data]


FORMS: dict[str, Callable[[bytes], str]] = {
    "hex": lambda data: data.hex(),
    "spaces": lambda data: data.hex(" ").upper() + "\n",
    "colons": lambda data: data.hex(":"),
    "dashes": lambda data: data.hex("-").upper(),
    "lines": lambda data: "\r\n".join(row.hex() for _, row in rows(data)),
    "0x": lambda data: "0x" + data.hex(),
    "0x30, 0x38": lambda data: ", ".join(f"0x{byte:02x}" for byte in data),
    "C": lambda data: "char packet[] = {\n" + ",\n".join(", ".join(map(hex, row)) for _, row in rows(data)) + "\n};",
    "escaped": lambda data: '"' + "".join(f"\\x{byte:02x}" for byte in data) + '"',
    "Python": repr,
    "Python, a name": lambda data: f"frame = {data!r}",
    "bytearray": lambda data: repr(bytearray(data)),
    "bytes([…])": lambda data: f"bytes({[*data]})",
    "fromhex": lambda data: f'bytes.fromhex("{data.hex(" ")}")',
    "Go %v": lambda data: "[" + " ".join(map(str, data)) + "]",
    "Go %#v": lambda data: "[]byte{" + ", ".join(map(hex, data)) + "}",
    "Java": lambda data: str(signed(data)),
    "Java, new": lambda data: "new byte[] {" + ", ".join(map(str, signed(data))) + "};",
    "Java, cast": lambda data: "byte[] b = {" + ", ".join(f"(byte) 0x{byte:02X}" for byte in data) + "};",
    "JavaScript": lambda data: f"Buffer.from('{data.hex()}', 'hex')",
    "node": lambda data: f"<Buffer {data.hex(' ')}>",
    "jPOS": jpos,
    "jPOS, a log": lambda data: f"<log><![CDATA[\n{jpos(data)}\n]]></log>",
    "Wireshark": wireshark,
    "tcpdump": tcpdump,
}


@pytest.mark.parametrize("data", SAMPLES, ids=lambda data: f"{len(data)}")
@pytest.mark.parametrize("form", FORMS)
def test_every_form(form: str, data: bytes) -> None:
    assert data in parse(FORMS[form](data).encode())


@pytest.mark.parametrize("data", SAMPLES, ids=lambda data: f"{len(data)}")
@pytest.mark.parametrize(
    "command", ["hexdump -C", "xxd", "xxd -p", "xxd -g1", "od -A x -t x1z", "od -t x1"], ids=lambda words: words
)
def test_the_tools_themselves(command: str, data: bytes) -> None:
    try:
        done = subprocess.run(command.split(), input=data, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip(f"there is no {command.split()[0]} here")
    assert data in parse(done.stdout)


def test_numbers_of_two_digits_may_be_either() -> None:
    assert parse(b"48, 49, 48, 48") == [bytes.fromhex("48494848"), b"0100"]
    assert parse(b"[48, 49, 48, 48]") == [b"0100", bytes.fromhex("48494848")]


@pytest.mark.parametrize("text", [b"", b"0", b"0100 and more", ASCII, BCD, b"[300, 1]", b"b'0100", b"[1]", b"{}"])
def test_what_is_no_dump(text: bytes) -> None:
    assert parse(text) == []


def test_half_a_byte_is_left_out_and_told() -> None:
    assert (parse(b"30 31 3"), odd_digits(b"30 31 3\n"), odd_digits(b"30 31"), odd_digits(b"text")) == (
        [b"01"], True, False, False
    )  # fmt: skip
