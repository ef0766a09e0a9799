"""Hostile frames: no crash, no exception but `FormatError`, and the same answer from the codec and its twin.

Allowed: a `View` whose every value can be read, or a `FormatError`. Anything else is a finding. The seeds are fixed, so
a failure replays; `python -m tests.fuzz.test_iso8583_frames N` tries N rounds of new ones.
"""

import random
import sys
from typing import Any

import pytest

from switch.iso8583 import _codec_c, _codec_py
from switch.iso8583.codec import FormatError
from switch.iso8583.describe import describe, hexdump
from switch.iso8583.dialect import load
from switch.iso8583.doctor import guess
from switch.iso8583.framing import LENGTHS, Framing, Kind, Splitter
from tests.support.iso8583_samples import PURCHASE, SHORT_PURCHASE
from tests.support.mutation import hostile

FRAMES_A_ROUND = 1_500
STREAMS = 400
NAMES = ("iso87-ascii", "iso87-bcd", "iso87-ebcdic")
LAYOUTS = {name: [codec.Layout(load(name).spec) for codec in (_codec_c, _codec_py)] for name in NAMES}
SEEDS = {
    name: [LAYOUTS[name][0].encode(doc) for doc in (SHORT_PURCHASE, {"t": "0800", "11": "000001", "70": "301"})]
    for name in NAMES
}
SEEDS["iso87-ascii"].append(LAYOUTS["iso87-ascii"][0].encode(PURCHASE))


def examine(layout: Any, frame: bytes) -> Any:
    """What a layout makes of a frame, every value read."""
    try:
        view, fault = layout.scan(frame), None
    except FormatError as error:
        view, fault = error.partial, (error.field, error.position, str(error))
    spans = [view.span(number) for number in view.fields()]
    assert all(0 <= start <= end <= len(frame) for start, end in spans)
    assert spans == sorted(spans)
    return fault, view.mti, spans, [(view.text(number), view.raw(number)) for number in view.fields()]


def run(name: str, seed: int) -> None:
    rng = random.Random(seed)
    dialect = load(name)
    native, twin = LAYOUTS[name]
    for _ in range(FRAMES_A_ROUND):
        frame = hostile(rng, rng.choice(SEEDS[name]))
        assert examine(native, frame) == examine(twin, frame), frame.hex()
        shown = "\n".join(describe(frame, dialect) + hexdump(frame, dialect)) + (guess(frame) or "")
        assert SHORT_PURCHASE["35"][:16] not in shown
        assert PURCHASE["52"] not in shown


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_hostile_frames(name: str, seed: int) -> None:
    run(name, seed)


@pytest.mark.parametrize("header", ["", "tpdu"])
@pytest.mark.parametrize("kind", LENGTHS)
def test_hostile_streams(kind: Kind, header: str) -> None:
    rng = random.Random(3)
    framing = Framing.parse(kind, header)
    for _ in range(STREAMS):
        splitter = Splitter(framing)
        stream = b"".join(framing.wrap(hostile(rng, SEEDS["iso87-ascii"][0]) or b"x") for _ in range(3))
        stream = hostile(rng, stream)
        frames: list[bytes] = []
        while stream:
            size = rng.randrange(1, 400)
            frames += splitter.feed(stream[:size])
            stream = stream[size:]
        assert all(0 < len(frame) <= 8192 for frame in frames)
        assert splitter.partial < 8192 + 4
        assert splitter.hint() is None or splitter.hint()


if __name__ == "__main__":
    for extra in range(int(sys.argv[1])):
        for dialect_name in NAMES:
            run(dialect_name, 1_000 + extra)
