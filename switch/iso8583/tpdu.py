"""TPDUs: whose request a message answers, so that the answer finds its way back.

A concentrator (NAC) carries many terminals over one connection and tells them apart by the originator address in the
TPDU before each message:

    60 | destination, 2 bytes | originator, 2 bytes          an answer swaps the two

The rules of the switch know nothing of it: they take a message and give one back, in any order. So the TPDU of each
request is kept here, on its connection, until a message with the same MTI class, STAN and terminal answers it (what
pairs answers with requests everywhere, R3); two requests with the same three are answered in their order. An answer
without a request here goes to whoever spoke last. What is no answer starts an exchange and carries our own TPDU.
"""

from typing import Final, TypeAlias

from switch.iso8583.codec import FormatError, View, Wire

ASKING: Final = frozenset("024")  # the third digit of a message type: request, advice, notification
STAN: Final = 11
TERMINAL: Final = 41

# Requests of one connection that wait for their answer: five seconds, the issuer timer, of 2,000 a second. The oldest
# go first, and their answers to whoever spoke last.
MAX_WAITING: Final = 10_000
MAX_SAME: Final = 16  # of them with the same key: a request and its repeats, of which the rules let eight wait

Key: TypeAlias = tuple[str, str | None, str | None]


def swapped(tpdu: bytes) -> bytes:
    """The TPDU of an answer to a message with this one.

    >>> swapped(bytes.fromhex("6000030102")).hex()
    '6001020003'
    """
    return tpdu[:1] + tpdu[3:5] + tpdu[1:3]


class Tpdus:
    """The TPDUs of one connection; `own` stands before what we start.

    >>> from switch.iso8583.dialect import load
    >>> layout = load("iso87-ascii").layout
    >>> tpdus = Tpdus(layout, bytes.fromhex("6000000000"))
    >>> tpdus.arrived([layout.encode({"t": "0800", "11": "000001"})], [bytes.fromhex("6000030102")])
    >>> tpdus.before(layout.encode({"t": "0810", "11": "000001"})).hex()
    '6001020003'
    """

    __slots__ = ("_last", "_layout", "_own", "_waiting")

    def __init__(self, layout: Wire, own: bytes) -> None:
        self._layout = layout
        self._own = own
        self._last = own
        self._waiting: dict[Key, list[bytes]] = {}

    def arrived(self, frames: list[bytes], tpdus: list[bytes]) -> None:
        """Messages came, each behind its TPDU."""
        for frame, tpdu in zip(frames, tpdus, strict=True):
            self._last = swapped(tpdu)
            view = self._scan(frame)
            if is_asking(view.mti):
                same = self._waiting.setdefault(_key(view), [])
                same.append(self._last)
                del same[:-MAX_SAME]
                if len(self._waiting) > MAX_WAITING:
                    del self._waiting[next(iter(self._waiting))]

    def before(self, frame: bytes) -> bytes:
        """The TPDU that stands before a message of ours."""
        view = self._scan(frame)
        if is_asking(view.mti):
            return self._own
        key = _key(view)
        waiting = self._waiting.get(key)
        if not waiting:
            return self._last
        if len(waiting) == 1:
            del self._waiting[key]
        return waiting.pop(0)

    def _scan(self, frame: bytes) -> View:
        """The message, or what can be read of it: the rules answer some of those too."""
        try:
            return self._layout.scan(frame)
        except FormatError as fault:
            return fault.partial


def is_asking(mti: str) -> bool:
    """Does a message of this type want an answer?

    >>> [is_asking(mti) for mti in ("0100", "0421", "0810", "")]
    [True, True, False, False]
    """
    return mti[2:3] in ASKING


def _key(view: View) -> Key:
    return view.mti[1:2], view.text(STAN), view.text(TERMINAL)
