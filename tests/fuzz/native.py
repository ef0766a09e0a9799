"""The native modules under sanitizers, by damaged messages: `python -m tests.fuzz.native TARGET ROUNDS [FIRST_SEED]`.

A target is a function that does one round with what a seed gives it; what it returns or raises does not matter here, as
long as the exception is one that the module documents. The sanitizers end the process where C reads or writes out of
bounds, or does what C leaves undefined.
"""

import functools
import random
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any, Final

from tests.support import sanitized

if __name__ == "__main__":
    sanitized.use()

import iso8583
from iso8583.specs import default, default_ascii

from hsm_sim.crypto import _pinblock_c
from loadtest._generator import Generator
from loadtest._hosts import Hosts
from loadtest._iso import AsciiLayout
from loadtest._relay import Relay
from loadtest._wire import Wire, WireError
from loadtest.messages import HSM_COMMAND, Load, ascii_layout, prepare
from loadtest.stubs import LOOPBACK, listening
from switch.core import _glance_c, _packing_c, _shelf_c, records
from switch.iso8583 import _codec_c, _compat_c
from switch.iso8583.dialect import SHIPPED, load
from switch.iso8583.errors import EncodeError, FormatError
from switch.store import _splitting_c
from tests.support.iso8583_samples import PURCHASE, SHORT_PURCHASE, bcd_spec
from tests.support.mutation import hostile

Spec = Mapping[str, Mapping[str, Any]]

NOW: Final = 1_800_000_000.0
TURN_S: Final = 0.001
FIRST_RRN: Final = 1
IN_FLIGHT: Final = 4
NUMBERS: Final = (2, 3, 4, 11, 22, 35, 52, 55, 63, 64, 66, 70, 90, 128, 129, 130, 191, 192)
NETWORK: Final = {"t": "0800", "11": "000001", "70": "301"}


# -- codec and compat ------------------------------------------------------------------------------------------------


@functools.cache
def specs() -> list[Spec]:
    """The shipped dialects, and specifications of pyiso8583's users."""
    return [load(name).spec for name in SHIPPED] + [default_ascii, default, bcd_spec()]


def strange_spec(rng: random.Random) -> Spec:
    """Fields of every encoding, length and padding."""
    spec = {key: dict(entry) for key, entry in rng.choice(specs()).items() if key in ("h", "t", "p", "1")}
    for number in rng.sample(NUMBERS, rng.randrange(1, len(NUMBERS))):
        spec[str(number)] = {
            "data_enc": rng.choice(["ascii", "b", "b", "cp500", "latin-1", "utf-8"]),
            "len_enc": rng.choice(["ascii", "b", "bcd", "cp500", "latin-1"]),
            "len_type": rng.choice([0, 0, 1, 2, 3, 4, 8]),
            "max_len": rng.choice([0, 1, 2, 7, 8, 13, 99, 255, 999, 65_535]),
            "len_count": rng.choice(["bytes", "nibbles"]),
            "left_pad": rng.choice(["0", "F", ""]),
            "right_pad": rng.choice(["0", "F", ""]),
            "class": rng.choice(["n", "ans"]),
            "track": rng.random() < 0.2,
        }
    return spec


def text(rng: random.Random, longest: int) -> str:
    """A value, right for some field."""
    alphabet = rng.choice(["0123456789", "0123456789ABCDEF", "0123456789=D ", "ABCé€\U0001f4b3\0"])
    return "".join(rng.choices(alphabet, k=rng.choice([0, 1, 2, 3, 6, 12, 16, 19, rng.randrange(longest)])))


def document(rng: random.Random, spec: Spec) -> dict[str, str]:
    """A message for the specification, more often right than not."""
    doc = dict(rng.choice([PURCHASE, SHORT_PURCHASE, NETWORK, {"t": rng.choice(["0100", "01", "é", "0100 "])}]))
    for key in rng.sample(sorted(spec), min(len(spec), rng.randrange(5))):
        doc[key] = text(rng, rng.choice([40, 40, 2_000, 70_000]))
    return doc


def codec(rng: random.Random) -> None:
    """Scan, read every value, splice into another layout, encode."""
    chosen = [rng.choice(specs()) if rng.random() < 0.8 else strange_spec(rng) for _ in range(2)]
    layouts = [_codec_c.Layout(spec) for spec in chosen]
    frames = []
    for layout, spec in zip(layouts, chosen, strict=True):
        with suppress(EncodeError):
            frames.append(layout.encode(document(rng, spec)))
    for layout in layouts:
        frame = hostile(rng, rng.choice(frames)) if frames and rng.random() < 0.9 else rng.randbytes(rng.randrange(80))
        frame = rng.choice(frames) if frames and rng.random() < 0.2 else frame
        try:
            view = layout.scan(frame)
        except FormatError as error:
            view = error.partial
        for field in (*view.fields(), -1, 0, 1, 65, 192, 193, 1 << 40):
            view.has(field), view.text(field), view.raw(field), view.span(field)
        repr(view)
        patches = {rng.choice(NUMBERS): rng.choice([None, text(rng, 30)]) for _ in range(rng.randrange(3))}
        mask = _codec_c.FieldMask(rng.sample(range(2, 193), rng.randrange(190)))
        for target in layouts:
            with suppress(EncodeError):
                target.emit(
                    view.mti, rng.choice([view, view, None]), rng.choice([mask, mask, mask | mask, None]), patches
                )
        with suppress(EncodeError):
            view.patch(patches)
        with suppress(FormatError):
            layout.decode(frame)


def compat(rng: random.Random) -> None:
    """pyiso8583's two functions, over specifications that change between calls."""
    chosen = rng.choice(specs()) if rng.random() < 0.7 else strange_spec(rng)
    spec = {key: dict(entry) for key, entry in chosen.items()}
    for _ in range(3):
        doc = document(rng, spec)
        frame = b"0800" + bytes(8)
        with suppress(iso8583.EncodeError, KeyError, TypeError):
            frame = bytes((_compat_c.encode(doc, spec) or iso8583.encode(doc, spec))[0])
        for given in (frame, hostile(rng, frame), bytearray(hostile(rng, frame))):
            _compat_c.decode(given, spec)
        spec[rng.choice(sorted(spec))] = strange_spec(rng).get("2", {"max_len": "long"})


# -- PIN blocks --------------------------------------------------------------------------------------------------------


def pinblock(rng: random.Random) -> None:
    """Any control nibble, any length of anything."""
    digits = bytes(rng.choices(b"0123456789", k=rng.choice([0, 1, 4, 11, 12, 12, 12, 13, 40])))
    account = digits if rng.random() < 0.9 else rng.randbytes(12)
    control = rng.choice([0, 1, 2, 3, 3, 4, -1, 2**31 - 1])
    pin = bytes(rng.choices(b"0123456789:/", k=rng.randrange(16)))
    block = rng.randbytes(rng.choice([0, 7, 8, 8, 8, 9, 16]))
    with suppress(ValueError):
        block = _pinblock_c.encode(control, pin, account, rng.getrandbits(64))
    for damaged in (block, hostile(rng, block or b"0"), bytes([block[0] | 0x0F if block else 0]) + block[1:]):
        with suppress(ValueError):
            _pinblock_c.decode(control, damaged, account)


# -- the shelf ---------------------------------------------------------------------------------------------------------


def shelf(rng: random.Random) -> None:
    """Sizes that are passed all the time, or never; serials of any age; records of any length, none among them."""
    places, room = rng.choice([1, 2, 7, 500]), rng.choice([1, 10, 1_000, 1 << 20])
    with suppress(ValueError, OverflowError):
        _shelf_c.Shelf(rng.choice([0, 1 << 31, 1 << 64, -1]), room, rng.randbytes(rng.choice([0, 15, 16, 17])))
    held = _shelf_c.Shelf(places, room, rng.randbytes(16))
    references = [text(rng, 60) for _ in range(6)]
    for _ in range(rng.randrange(200)):
        first, second = (rng.randbytes(rng.choice([0, 1, 8, 30, 300])) for _ in range(2))
        held.put(rng.choice(references), rng.random(), first, second)
        if rng.random() < 0.3:
            with suppress(KeyError):
                held.drop()
        for serial in (*held.find(rng.choice(references)), held.oldest + rng.randrange(-2, 4), rng.getrandbits(64)):
            with suppress(KeyError, OverflowError):
                held.records(serial), held.finished_at(serial)
        assert held.oldest_at >= 0
    held.contents()


# -- packing -----------------------------------------------------------------------------------------------------------


def packing(rng: random.Random) -> None:
    """Values of every kind, short and long; surrogates, which have no UTF-8; some that are none."""
    for _ in range(20):
        sizes = rng.choice([40, 300, 5_000, 70_000])
        kinds = (
            lambda: rng.getrandbits(rng.choice([4, 8, 32, 64, 65])) - rng.getrandbits(rng.choice([1, 63])),
            rng.random,
            lambda sizes=sizes: rng.randbytes(rng.randrange(sizes)),
            lambda sizes=sizes: text(rng, sizes),
            lambda: rng.choice([None, True, "\ud800", [], "é" * 40]),
        )
        values = tuple(rng.choice(kinds)() for _ in range(rng.randrange(40)))
        with suppress(TypeError, OverflowError, UnicodeEncodeError):
            _packing_c.pack(values)


# -- the log -----------------------------------------------------------------------------------------------------------


def glance(rng: random.Random) -> None:
    """Records of any length, damaged: cut within a number, a text, the bytes of a token."""
    looking = _glance_c.Glance()
    words = [text(rng, 300).encode(errors="ignore").decode("ascii", "ignore") for _ in range(5)]
    for _ in range(20):
        word = functools.partial(rng.choice, words)
        intent = records.Intent(
            rng.getrandbits(rng.choice([6, 32, 63])), rng.random(), word(), rng.choice(["0100", "", word()]), word(),
            word(), word(), word(), word(), word(), word(), word(), word(), word(), rng.randbytes(rng.choice([0, 16])),
            rng.randbytes(rng.choice([0, 44, 300])), word(), rng.randrange(1_000_000), word(),
        )  # fmt: skip
        outcome = records.Outcome(rng.getrandbits(63), rng.random(), word(), word(), b"", True, False, word())
        for payload in (records.encode(intent), records.encode(outcome)):
            for given in (payload, hostile(rng, payload), payload[: rng.randrange(len(payload))]):
                looking.asked(given), looking.ended(given)


def splitting(rng: random.Random) -> None:
    """Segments of good frames and damaged ones, with checksums that are right or taken for right."""
    batches = [[rng.randbytes(rng.choice([0, 1, 8, 200])) for _ in range(rng.randrange(5))] for _ in range(6)]
    whole = b"".join(_splitting_c.encode(rng.getrandbits(64), rng.getrandbits(64), batch) for batch in batches)
    for data in (whole, hostile(rng, whole), bytearray(hostile(rng, whole) + bytes(rng.randrange(20)))):
        for start in (0, 36, rng.randrange(-9, len(data) + 9)):
            for checked in (False, True):
                _splitting_c.span_at(data, start, checked)
            with suppress(ValueError):
                _splitting_c.payloads_of(data, start)
        assert 0 <= _splitting_c.written(data) <= len(data)


# -- the compiled programs of the load test ----------------------------------------------------------------------------


@functools.cache
def prepared() -> Load:
    """The frames of a measured run."""
    return prepare("10000000001", NOW)


@functools.cache
def layout() -> AsciiLayout:
    """What the compiled programs know of iso87-ascii."""
    return ascii_layout(load("iso87-ascii"))


def stream(rng: random.Random, good: list[bytes]) -> bytes:
    """Frames with their lengths, good ones and damaged ones; at times the lengths are damaged too."""
    frames = rng.choices(good, k=rng.randrange(1, 12))
    damaged = [frame if rng.random() < 0.5 else hostile(rng, frame) for frame in frames]
    whole = b"".join(len(frame).to_bytes(2, "big") + frame for frame in damaged)
    return hostile(rng, whole) if rng.random() < 0.2 else whole


def exchange(wire: Wire, said: list[tuple[socket.socket, bytes]]) -> None:
    """Each peer says what it has to say, and the program gets a few wake-ups for it."""
    for peer, data in said:
        with suppress(OSError):
            peer.sendall(data)
    with suppress(WireError):
        wire.run(TURN_S)
    for peer, _ in said:
        with suppress(OSError):
            peer.setblocking(False)
            peer.recv(1 << 20)


def dialled(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port))


def pair() -> tuple[int, socket.socket]:
    """Two ends of a connection: the program's descriptor, and ours."""
    theirs, ours = socket.socketpair()
    theirs.setblocking(False)
    return theirs.detach(), ours


def hosts(rng: random.Random) -> None:
    """The issuer and the HSM of the load test."""
    wire = Hosts(layout())
    issuer_fd, issuer_port = listening()
    hsm_fd, hsm_port = listening()
    wire.listen_issuer(issuer_fd)
    wire.listen_hsm(hsm_fd)
    good = [*prepared().purchases[:3], prepared().sign_on, _codec_c.Layout(default_ascii).encode(REVERSAL)]
    with closing(dialled(issuer_port)) as acquirer, closing(dialled(hsm_port)) as client:
        exchange(wire, [(acquirer, stream(rng, good)), (client, stream(rng, [HSM_COMMAND, b"0001NC"]))])
        exchange(wire, [(acquirer, stream(rng, good))])


def relay(rng: random.Random) -> None:
    """The compiled relay, every one of its peers hostile."""
    (hsm_fd, hsm), (issuer_fd, issuer) = pair(), pair()
    fd, port = listening()
    wire = Relay(HSM_COMMAND, fd, hsm_fd, issuer_fd)
    with closing(hsm), closing(issuer), closing(dialled(port)) as acquirer:
        for _ in range(3):
            exchange(wire, [(peer, stream(rng, prepared().purchases[:3])) for peer in (acquirer, hsm, issuer)])


def generator(rng: random.Random) -> None:
    """The compiled generator, whose answers are damaged."""
    wire = Generator(layout(), prepared().purchases[:8], prepared().stan_at, prepared().rrn_at, FIRST_RRN)
    fd, switch = pair()
    answer = _codec_c.Layout(default_ascii)
    signed_on = answer.encode({"t": "0810", "11": "000001", "39": "00", "70": "001"})
    good = [
        answer.encode({"t": "0110", "11": f"{FIRST_RRN + number + 1:06}", "39": rng.choice(["00", "51", "99", "9X"])})
        for number in range(IN_FLIGHT)
    ]
    with closing(switch), suppress(WireError):
        switch.sendall(len(signed_on).to_bytes(2, "big") + signed_on)
        wire.connect([fd], prepared().sign_on, 1.0)
        switch.sendall(stream(rng, [*good, signed_on]))
        wire.drive(IN_FLIGHT, TURN_S)
        wire.pour(rng.choice([1.0, 1e3, 1e5]), TURN_S)
        wire.drain(TURN_S)
        wire.by_de39()
        wire.percentile_ms(rng.random())
        wire.hang_up()


REVERSAL: Final = {**NETWORK, "t": "0421", "37": "000000000001", "41": "TERM0001", "90": "0" * 42}
TARGETS: Final[Mapping[str, Callable[[random.Random], None]]] = {
    target.__name__: target
    for target in (codec, compat, pinblock, shelf, packing, glance, splitting, hosts, relay, generator)
}


def main(target: str, rounds: int, first_seed: int = 0) -> None:
    """Do the rounds; the last seed printed is the one that ended the process."""
    for seed in range(first_seed, first_seed + rounds):
        print(seed, flush=True)
        TARGETS[target](random.Random(seed))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
