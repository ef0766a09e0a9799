"""Coverage-guided fuzzing of the Python twins: `python -m tests.fuzz.guided TARGET DIRECTORY [libFuzzer's options]`.

atheris watches which branches an input takes and keeps those that take new ones, in `DIRECTORY/corpus`, beside the
seeds that this module writes there. A target gets bytes and must raise nothing but what its module documents; besides
that it checks what must hold of any input. The input that ended a run is left as `DIRECTORY/crash-…`; its path as the
only option runs it again, alone.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from zlib import crc32

os.environ["MONETIQUE_NATIVE"] = "0"

import atheris

with atheris.instrument_imports(include=["switch", "hsm_sim", "tomllib"]):
    from hsm_sim.crypto.lmk import published_test_lmk
    from hsm_sim.device import Device
    from switch.config import acquirer_spec, files, issuer_spec, switch_spec
    from switch.config.checks import IDENTITY
    from switch.config.files import ConfigError
    from switch.iso8583 import dialect as dialects
    from switch.iso8583.codec import EncodeError, FormatError, Layout
    from switch.iso8583.describe import describe, hexdump
    from switch.iso8583.doctor import guess
    from switch.iso8583.framing import LENGTHS, Framing, Splitter
    from switch.store import frames
    from switch.store.log import LogError
    from switch.store.reader import LogReader

from tests.fuzz.test_hsm import COMMANDS
from tests.support.iso8583_samples import PURCHASE, SHORT_PURCHASE, bcd_spec
from tests.support.iso8583_strategies import as_written

Target = Callable[[bytes], None]

NETWORK: Final = {"t": "0800", "7": "1121235959", "11": "000001", "70": "301"}
DIALECTS: Final = [dialects.load(name) for name in dialects.SHIPPED] + [dialects.from_spec(bcd_spec(), "stranger")]
HEADERS: Final = ("", "tpdu", "tpdu:6000030000", "49534F30")
FRAMINGS: Final = [Framing.parse(kind, header) for kind in LENGTHS for header in HEADERS]
DEVICE: Final = Device(published_test_lmk(), random=bytes)
MOST_ADDED_BYTES: Final = 128  # of an HSM's response over its command: keys and check values
DEEP, LONG = b"a = " + b"[" * 5_000, b"a = " + b"9" * 5_000  # what a parser of TOML trips over


# -- targets -----------------------------------------------------------------------------------------------------------


def scan(data: bytes) -> None:
    """Read a frame, show it, write it again, and splice it into every other layout."""
    dialect = DIALECTS[data[0] % len(DIALECTS)] if data else DIALECTS[0]
    layout, frame = dialect.layout, data[1:]
    describe(frame, dialect)
    hexdump(frame, dialect)
    guess(frame)
    try:
        view = layout.scan(frame)
    except FormatError as error:
        view = error.partial
    spans = [view.span(number) or (0, 0) for number in view.fields()]
    assert spans == sorted(spans)
    assert all(0 <= start <= end <= len(frame) for start, end in spans)
    texts = {str(number): view.text(number) or "" for number in view.fields()}
    if view.complete:
        written = layout.encode({"t": view.mti} | texts)
        again = layout.scan(written)
        said = {key: as_written(text, dialect.spec[key]) for key, text in texts.items()}
        assert {str(number): again.text(number) for number in again.fields()} == said
        assert layout.scan(view.patch({})).fields() == view.fields()
    for other in DIALECTS:
        with suppress(EncodeError):
            other.layout.scan(other.layout.emit("0100", view, other.layout.mask(view.fields()), {}))


def encode(data: bytes) -> None:
    """Write a message of any texts; what is written can be read."""
    take = atheris.FuzzedDataProvider(data)
    layout: Layout = DIALECTS[take.ConsumeIntInRange(0, len(DIALECTS) - 1)].layout
    doc = {"t": take.PickValueInList(["0100", "0800", "", take.ConsumeUnicode(5)])}
    while take.remaining_bytes() and len(doc) < 12:
        number = take.PickValueInList([str(take.ConsumeIntInRange(0, 195)), "h", "p", "02", take.ConsumeUnicode(3)])
        size = take.ConsumeIntInRange(0, 60)
        doc[number] = take.PickValueInList(
            [take.ConsumeUnicode(size), take.ConsumeBytes(size).hex().upper(), str(take.ConsumeUInt(8)).zfill(size)]
        )
    try:
        frame = layout.encode(doc)
    except EncodeError:
        return
    assert layout.scan(frame).mti == doc["t"]


def framing(data: bytes) -> None:
    """A stream gives the same frames, and the same fault, however it is cut into pieces."""
    if len(data) < 2:
        return
    chosen, step, stream = FRAMINGS[data[0] % len(FRAMINGS)], data[1] % 16 + 1, data[2:]
    whole = split(chosen, [stream])
    pieces = split(chosen, [stream[at : at + step] for at in range(0, len(stream), step)])
    assert whole == pieces
    assert all(chosen.wrap(frame) for frame in whole[0])


def split(chosen: Framing, pieces: list[bytes]) -> tuple[list[bytes], int | None]:
    """The frames, and at which byte the stream could not be cut any further."""
    splitter = Splitter(chosen)
    found: list[bytes] = []
    for piece in pieces:
        found += splitter.feed(piece)
        if splitter.fault is not None:
            return found, splitter.fault.position
    splitter.hint()
    return found, None


def hsm(data: bytes) -> None:
    """One response to every command, under the command's header."""
    response = DEVICE.respond(b"HEAD" + data)
    assert response[:4] == b"HEAD"
    assert response[6:8].isdigit()
    assert len(response) <= len(data) + MOST_ADDED_BYTES


def log(data: bytes) -> None:
    """Two segments of a log whose checksums are right, whatever they hold."""
    cut = data[0] if data else 0
    for number, content in ((1, data[1 : 1 + cut]), (data[1] if len(data) > 1 else 1, data[1 + cut :])):
        Path(f"log-{number:020d}.seg").write_bytes(repaired(content))
    try:
        reader = LogReader(Path())
        with suppress(LogError):
            reader.last_sequence()
        with suppress(LogError):
            assert all(isinstance(payload, bytes) for _, payload in reader.read())
    finally:
        for path in Path().glob("*.seg"):
            path.unlink()


def repaired(data: bytes) -> bytes:
    """The bytes with the checksum of each frame made right: chance does not get past a CRC."""
    content = bytearray(data)
    at = content.find(frames.MARKER)
    while at >= 0:
        end = at + frames.HEADER_BYTES + int.from_bytes(content[at + 8 : at + 12], "little")
        if end <= len(content):
            content[at + 4 : at + 8] = crc32(content[at + 8 : end]).to_bytes(4, "little")
        at = content.find(frames.MARKER, at + 4)
    return bytes(content)


def config(data: bytes) -> None:
    """A user's configuration over the shipped one; the parts can start with what is accepted."""
    path = Path("own.toml")
    path.write_bytes(data)
    try:
        accepted = files.load(path)
    except ConfigError:
        return
    switch_spec(accepted)
    for issuer in accepted.issuer:
        issuer_spec(accepted, issuer.name)
    for traffic in accepted.traffic:
        acquirer_spec(accepted, traffic.link)


def tables(data: bytes) -> None:
    """A user's configuration that is TOML, of tables and keys that there are: what the checks are for."""
    take = atheris.FuzzedDataProvider(data)
    shipped_tables = {name: rows for name, rows in files._shipped().items() if name in IDENTITY}
    lines = []
    while take.remaining_bytes() and len(lines) < 30:
        name = take.PickValueInList(sorted(shipped_tables))
        lines.append(f"[[{name}]]")
        for key, value in take.PickValueInList(shipped_tables[name]).items():
            match take.ConsumeIntInRange(0, 11):
                case 0:
                    continue
                case 1:
                    lines.append(f"{key} = {json.dumps(take.ConsumeUnicodeNoSurrogates(12))}")
                case 2:
                    lines.append(f"{key} = {take.ConsumeInt(9)}")
                case 3:
                    lines.append(f"{key} = {take.PickValueInList(['nan', 'inf', '-0.0', '1e308', '[]', '{}', 'true'])}")
                case _ if isinstance(value, str | int | float):
                    lines.append(f"{key} = {json.dumps(value)}")
    config("\n".join(lines).encode())


def dialect(data: bytes) -> None:
    """A dialect file, and where it is one, a frame read in it."""
    text, _, frame = data.partition(b"\0")
    path = Path("own-dialect.toml")
    path.write_bytes(text)
    try:
        own = dialects.load(path)
    except ValueError:
        return
    for sample in (frame, DIALECTS[0].layout.encode(SHORT_PURCHASE)):
        describe(sample, own)
    with suppress(EncodeError):
        own.layout.encode(SHORT_PURCHASE)


TARGETS: Final[Mapping[str, Target]] = {
    target.__name__: target for target in (scan, encode, framing, hsm, log, config, tables, dialect)
}


# -- where they start --------------------------------------------------------------------------------------------------


def messages(number: int) -> list[bytes]:
    """Right messages of the dialect `number`."""
    found = []
    for doc in (PURCHASE, SHORT_PURCHASE, NETWORK):
        with suppress(EncodeError):
            found.append(DIALECTS[number].layout.encode(doc | {"t": f"{DIALECTS[number].version}{doc['t'][1:]}"}))
    return found


def shipped(folder: Path, files_there: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob(files_there))]


def pieces(document: bytes) -> list[bytes]:
    """A TOML file, table by table: short enough to be changed in many ways."""
    return [b"[" + table for table in document.split(b"\n[")[1:]]


def seeds(target: str) -> list[bytes]:
    """Inputs that are right, for `target` to start from."""
    ascii_frames = messages(0)
    match target:
        case "scan":
            return [bytes([number]) + frame for number in range(len(DIALECTS)) for frame in messages(number)]
        case "framing":
            return [
                bytes([number, 3]) + chosen.wrap(ascii_frames[-1]) + chosen.wrap(ascii_frames[-1][:9])
                for number, chosen in enumerate(FRAMINGS)
            ]
        case "hsm":
            return [*COMMANDS, *(command + suffix for command in COMMANDS[:6] for suffix in (b"%00", b"\x19trailer"))]
        case "log":
            first, second = frames.encode(1, 0, [b"intent", b"outcome"]), frames.encode(3, 2, [b"", b"x" * 40])
            return [bytes([len(first)]) + first + second, b"\0" + first + second + bytes(40), b"\0" + bytes(9) + second]
        case "config":
            texts = shipped(Path(files.__file__).parent, "*.toml")
            shortest = sorted({table for text in texts for table in pieces(text)}, key=len)[:40]
            return [*shortest, b'extends = "none"\n', b"insecure = true\n", DEEP, LONG]
        case "dialect":
            texts = shipped(Path(dialects.__file__).parent / "dialects", "*.toml")
            extending = [b'extends = "iso87-ascii"\n' + table for text in texts for table in pieces(text)[:3]]
            return [text + b"\0" + ascii_frames[-1] for text in [*texts, *extending, DEEP, LONG]]
        case _:
            return [b"\0" * 40, bytes(range(120))]


def main(target: str, directory: Path, options: list[str]) -> None:
    """Write the seeds and start libFuzzer, which does not return; targets keep their files in the directory too."""
    corpus = directory.resolve() / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    if target in ("config", "tables"):
        files._shipped = small_shipped()
    again = [str(Path(option).resolve()) for option in options if not option.startswith("-")]
    os.chdir(directory)
    atheris.Setup([sys.argv[0], *(again or [*options, str(corpus)])], TARGETS[target])
    atheris.Fuzz()


def small_shipped() -> Callable[[], dict[str, Any]]:
    """The shipped configuration, read once and with few cards: a hundred times as many inputs in the same time."""
    document = files._shipped()
    document["card"] = document["card"][:3]
    return lambda: dict(document)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
