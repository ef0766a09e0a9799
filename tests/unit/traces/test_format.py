"""The format `monetique-trace/1`: what is written is read again, and a wrong line is named."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.traces import reader
from switch.traces.format import FORMAT, Gap, Header, Message, TracedLink, encode
from switch.traces.reader import TraceError, TraceReader

LINKS = {"acquirer": TracedLink("acquirer", "iso87-ascii", "len2")}
HEADER = Header(FORMAT, "iso87-ascii", "len2", masked=True, scrubbed=False, links=LINKS)
MESSAGE = Message(n=1, t=1.5, stream=1, leg="acquirer", link="acquirer", from_="client", mti="0100", fields={"2": None})
WRITTEN = json.loads(encode(MESSAGE))

numbers = st.integers(0, 2**53)
messages = st.builds(
    Message,
    n=numbers,
    t=st.floats(0, 4e9).map(lambda t: round(t, 6)),
    stream=numbers,
    leg=st.sampled_from(["acquirer", "issuer", None]),
    link=st.none() | st.text(),
    from_=st.sampled_from(["client", "server"]),
    mti=st.text(max_size=8),
    fields=st.dictionaries(st.integers(2, 192).map(str), st.none() | st.text()),
    card=st.none() | numbers,
    answers=st.none() | numbers,
    same_as=st.none() | numbers,
    problem=st.none() | st.text(),
)
gaps = st.builds(Gap, n=numbers, t=st.floats(0, 4e9), gap=st.integers(1, 2**53))


def read(*lines: bytes) -> tuple[Header, list[Message | Gap]]:
    trace = TraceReader(io.BytesIO(b"".join(lines)))
    return trace.header, list(trace)


@given(st.lists(messages | gaps, unique_by=lambda item: item.n).map(lambda items: sorted(items, key=lambda i: i.n)))
def test_what_is_written_is_read_again(items: list[Message | Gap]) -> None:
    assert read(encode(HEADER), *map(encode, items)) == (HEADER, items)


def test_the_keys_are_those_of_the_contract() -> None:
    assert list(json.loads(encode(HEADER)))[:5] == ["format", "dialect", "framing", "masked", "scrubbed"]
    assert list(WRITTEN) == ["n", "t", "stream", "leg", "link", "from", "mti", "fields"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"t": "now"}, "t"),
        ({"stream": -1}, "stream"),
        ({"leg": "terminal"}, "leg"),
        ({"from": None}, "from"),
        ({"fields": {"2": 4}}, "fields[...]"),
        ({"answers": "1"}, "answers"),
        ({"raw": "30313030"}, "raw"),
        ({"n": 1}, "n"),
        ({"gap": 0}, "gap"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(change: dict[str, Any], field: str) -> None:
    wrong = json.dumps(WRITTEN | {"n": 2} | change).encode() + b"\n"
    with pytest.raises(TraceError) as caught:
        read(encode(HEADER), encode(MESSAGE), wrong)
    assert (caught.value.line, caught.value.field) == (3, field)
    assert str(caught.value).startswith(f"line 3, {field!r}: ")


def test_a_missing_field_is_named() -> None:
    del (line := dict(WRITTEN))["mti"]
    with pytest.raises(TraceError, match=r"line 2, 'mti': .*required"):
        read(encode(HEADER), json.dumps(line).encode() + b"\n")


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"", "nothing here"),
        (b"\n", "not JSON"),
        (b'{"format":"monetique-trace/2"}\n', "'format'"),
        (encode(MESSAGE), "'format'"),
        (b"\xd4\xc3\xb2\xa1\n", "not JSON"),
        (b'{"' + b"x" * reader.MAX_LINE_BYTES, "no longer than"),
    ],
)
def test_what_is_no_trace_is_told_in_line_1(first: bytes, reason: str) -> None:
    with pytest.raises(TraceError, match=f"line 1.*{reason}"):
        read(first)


def test_a_trace_whose_writer_was_killed_ends_before_the_broken_line() -> None:
    trace = TraceReader(io.BytesIO(encode(HEADER) + encode(MESSAGE) + encode(Gap(2, 2.0, 7))[:-3]))
    assert list(trace) == [MESSAGE]
    assert trace.cut
