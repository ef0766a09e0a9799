"""The format `monetique-trace/1`: JSON lines, first a header, then a message a line, in the order in which they passed.

    {"format":"monetique-trace/1","dialect":"iso87-ascii","framing":"len2","masked":true,"scrubbed":false,"links":{…}}
    {"n":1,"t":1795309114.855107,"stream":4,"leg":"acquirer","link":"acquirer","from":"client","mti":"0100",
     "fields":{"2":"468738******0017","3":"000000","52":null,…},"card":1}
    {"n":2,"t":1795309114.856012,"stream":1,"leg":"issuer","link":"issuer-1","from":"client","mti":"0100",…,"card":1}
    {"n":3,"t":1795309115.02,"stream":1,"leg":"issuer","link":"issuer-1","from":"server","mti":"0110",…,"answers":2}
    {"n":5,"t":1795309116.1,"gap":12}

`t` is in seconds since the epoch. `stream` is one TCP connection, and `from` says who of its two sides spoke: the
client dialled. A value that a masked trace may not show is null, so one still sees that the field is there. `card` is
the same for equal card numbers of one trace. `answers` is the request that a message answers, `same_as` the message
that it repeats. `problem` says where a frame could not be read. A line with `gap` stands for messages that were not
recorded.

A trace may have messages of several dialects. `links` gives each link's own; `dialect` and `framing` are the first
link's.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

FORMAT: Final = "monetique-trace/1"

Leg: TypeAlias = Literal["acquirer", "issuer"]
Side: TypeAlias = Literal["client", "server"]
Number: TypeAlias = Annotated[int, Meta(ge=0)]
FieldNumber: TypeAlias = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,2}$")]


class TracedLink(Struct, frozen=True):
    """What a trace says of a link. `dialect` is a shipped one's name, or a dialect file's."""

    leg: Leg
    dialect: str
    framing: str


class Header(Struct, frozen=True):
    """The first line. `masked`: no value is shown that `describe` would not show."""

    format: Literal["monetique-trace/1"]
    dialect: str
    framing: str
    masked: bool
    scrubbed: bool
    links: dict[str, TracedLink] = {}


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"from_": "from"}):
    """One message. `raw` is its bytes in hexadecimal, in clear traces only."""

    n: Number
    t: float
    stream: Number
    leg: Leg | None
    link: str | None
    from_: Side
    mti: str
    fields: dict[FieldNumber, str | None]
    card: Number | None = None
    answers: Number | None = None
    same_as: Number | None = None
    raw: str | None = None
    problem: str | None = None


class Gap(Struct, frozen=True):
    """So many messages passed here, before time `t`, that were not recorded."""

    n: Number
    t: float
    gap: Annotated[int, Meta(ge=1)]


Line: TypeAlias = Header | Message | Gap

_encoder = msgspec.json.Encoder()


def encode(line: Line) -> bytes:
    r"""A line with its newline.

    >>> encode(Gap(n=5, t=1.5, gap=12))
    b'{"n":5,"t":1.5,"gap":12}\n'
    """
    return _encoder.encode(line) + b"\n"
