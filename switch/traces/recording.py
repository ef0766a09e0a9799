"""Recording: frames as they passed become the messages of a masked trace.

A card number leaves nothing but its masked form and a small integer. The integer is found by a keyed hash, so that
equal numbers can be told without keeping any; the key is drawn for one recording and kept nowhere.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from switch.iso8583.codec import FormatError, View
from switch.iso8583.describe import shown_fields
from switch.iso8583.dialect import Dialect, load
from switch.traces.format import FORMAT, Gap, Header, Message, Side, TracedLink
from switch.traces.matching import Matcher

PAN: Final = 2
TRACK_2: Final = 35
MAX_CARDS: Final = 1_000_000  # of one recording, some 150 MB; messages with further ones have no `card`
KEY_BYTES: Final = 32


class Place(NamedTuple):
    """Where a message passed: on which link, and how that is spoken."""

    name: str
    link: TracedLink
    dialect: Dialect


class Recording:
    """Numbers, masks and matches messages. Frames come without length and header, in the order in which they passed."""

    def __init__(self, key: bytes) -> None:
        """`key`: `KEY_BYTES` drawn for this recording."""
        self._key = key
        self._n = 0
        self._places: Sequence[Place] = ()
        self._streams_before = 0  # of connections of switches that ran before
        self._last_stream = 0
        self._matcher = Matcher()
        self._cards: dict[bytes, int] = {}

    def begin(self, links: Mapping[str, TracedLink]) -> None:
        """A switch runs, for the first time or again: its connections are numbered from 1.

        Raises ValueError and OSError where a dialect cannot be read.
        """
        self._places = [Place(name, link, load(link.dialect)) for name, link in links.items()]
        self._streams_before = self._last_stream

    def header(self) -> Header:
        """The first line."""
        first = self._places[0].link
        links = {place.name: place.link for place in self._places}
        return Header(FORMAT, first.dialect, first.framing, masked=True, scrubbed=False, links=links)

    def message(self, t: float, link: int, connection: int, frame: bytes, *, sent: bool) -> Message:
        """One frame, `sent` by the switch or received, on a connection of the link with that index."""
        self._n += 1
        place = self._places[link]
        stream = self._streams_before + connection
        self._last_stream = max(self._last_stream, stream)
        view, problem = _read(place.dialect, frame)
        leg = place.link.leg
        side: Side = "client" if sent == (leg == "issuer") else "server"  # acquirers dial us, we dial issuers
        fields = shown_fields(view, place.dialect, structure=problem is not None)  # bytes of other fields, perhaps
        mti = fields.pop("t") or ""
        match = self._matcher.match(self._n, stream, place.name, side, mti, view.text)
        return Message(
            n=self._n, t=round(t, 6), stream=stream, leg=leg, link=place.name, from_=side, mti=mti, fields=fields,
            card=self._card(view), answers=match.answers, same_as=match.same_as, problem=problem,
        )  # fmt: skip

    def gap(self, t: float, count: int) -> Gap:
        """So many messages were not handed over before `t`."""
        self._n += 1
        return Gap(self._n, round(t, 6), count)

    def _card(self, view: View) -> int | None:
        """The card's number in this trace; None where the message has no card, or too many were seen."""
        if not view.complete:
            return None
        pan = view.text(PAN) or (view.text(TRACK_2) or "").replace("D", "=").partition("=")[0]
        if not pan:
            return None
        digest = blake2b(pan.encode(), key=self._key, digest_size=16).digest()
        if len(self._cards) >= MAX_CARDS and digest not in self._cards:
            return None
        return self._cards.setdefault(digest, len(self._cards) + 1)


def _read(dialect: Dialect, frame: bytes) -> tuple[View, str | None]:
    """The message, and what is wrong with it; of a broken one as much as could be read."""
    try:
        return dialect.layout.scan(frame), None
    except FormatError as fault:
        return fault.partial, str(fault)
