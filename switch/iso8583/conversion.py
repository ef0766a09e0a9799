"""ISO 8583:1993 in the words of 1987, and back: documents of text, one entry a field.

The rules of the switch speak 1987. Fields that mean the same are copied, what the editions say otherwise are the roles
of `switch.iso8583.roles`, message types 1xxx become 0xxx.

1987 says less: no year, three digits of DE 22. So a request keeps its fields of 1993 as they came, beside those of 1987
and under numbers above 128, its `carriers`. Where such a field still says what the message says in 1987, it is written
as it came: an answer echoes the very DE 12, and between two links of 1993 nothing is lost. Where the rules have changed
the message, it is written anew.
"""

from collections.abc import Iterable
from typing import Final

from switch.iso8583.edition import Doc, Edition, mti_1987, mti_1993
from switch.iso8583.roles import ROLES, Message, MisfitError, Role

FIRST_CARRIER: Final = 129  # above the fields of either edition
LAST_CARRIER: Final = 192

# A MAC covers one leg only, DE 65 is a bitmap, and DE 39 is always written anew.
UNCARRIED: Final = frozenset({"39", "64", "65", "128"})

# Of what a request came with, what its answer repeats.
ANSWERED: Final = frozenset({"4", "12", "15", "24", "28"})


class Converter:
    """The conversion between a dialect with these fields (`keys`) and the rules."""

    def __init__(self, edition: Edition, keys: Iterable[str]) -> None:
        self.edition = edition
        self.same = tuple(map(str, edition.tables.same))
        changing = {key for role in ROLES for key in role.keys}
        own = [key for key in keys if (key in changing or key not in self.same) and key not in UNCARRIED]
        if len(own) > LAST_CARRIER - FIRST_CARRIER:
            raise ValueError("too many fields mean something else than in 1987 - at `$.conversion.same`")
        self.carriers = {key: str(FIRST_CARRIER + index) for index, key in enumerate(["t", *own])}

    def to_1987(self, doc: Doc, *, whole: bool = True) -> Doc:
        """A message of 1993 as the rules read it; a request with what it says in 1993 beside it.

        Raises `MisfitError`; not of a message that was not read as a `whole`, where what makes no sense is left out.
        """
        message = Message(self.edition, doc)
        out = {"t": mti_1987(doc["t"])} | {key: doc[key] for key in self.same if key in doc}
        for role in ROLES:
            try:
                out |= role.read(message) if message.kind in role.classes else {}
            except MisfitError:
                if whole:
                    raise
        if message.asking:
            out |= {carrier: doc[key] for key, carrier in self.carriers.items() if key in doc}
        return out

    def to_1993(self, doc: Doc, now: float) -> Doc:
        """A message of the rules as this network writes it."""
        message = Message(self.edition, doc, now)
        came = {key: doc[carrier] for key, carrier in self.carriers.items() if carrier in doc}
        roles = [role for role in ROLES if message.kind in (role.classes if message.asking else role.answers)]
        out = {key: doc[key] for key in self.same if key in doc}
        if message.asking:
            in_roles = {key for role in roles for key in role.keys}
            out |= {key: came[key] for key in came if key not in in_roles and key not in self.same}
        out["t"] = mti_1993(doc["t"], came.get("t"))
        for role in roles:
            out |= _as_it_came(role, message, came) or role.write(message)
        return out


def _as_it_came(role: Role, message: Message, came: Doc) -> Doc:
    """Those of the fields that a request came with which still say what the message says.

    An answer says less than its request, so there nothing must contradict them.
    """
    mine = {key: came[key] for key in role.keys if key in came}
    if not mine:
        return {}
    said = {key: message.doc[key] for key in role.said if key in message.doc}
    try:
        then = role.read(Message(message.edition, {**came, "t": "1" + message.doc["t"][1:]}))
    except MisfitError:
        return {}
    meant = {key: then[key] for key in role.said if key in then}
    if message.asking:
        return mine if said == meant else {}
    return {key: mine[key] for key in mine if key in ANSWERED} if said.items() <= meant.items() else {}
