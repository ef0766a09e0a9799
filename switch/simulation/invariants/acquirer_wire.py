"""What acquirers asked, were told, and so believe.

A request is told of by its answer, an advice is acknowledged, a reversal too; what an acquirer has taken back, or never
got an answer to, it reverses until that is acknowledged. Of a chain of pre-authorization, increments and completions it
believes that the completions alone stand. An acquirer that crashed has forgotten what was open: there the switch's log
says how it ended.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from switch.simulation.invariants.names import (
    APPROVALS,
    APPROVED,
    MALFUNCTION,
    REVERSAL,
    Asked,
    Key,
    asked_of,
    is_advice,
    key_of,
    key_of_original,
    standing_of,
)
from switch.simulation.invariants.switch_log import Logged, SwitchLog, Violate
from switch.simulation.wiretap import Doc

AGAIN: Final = ("91", "96")  # of the answer to a reversal or advice: not taken, to be repeated
AFTER_REVERSAL: Final = ("12", "68")  # what a request gets that was taken back before, or since
PREAUTHORISED: Final = "06"  # DE 25

_Sent: TypeAlias = tuple[str, str, str, str, str, str]


@dataclass(eq=False)
class Seen:
    """A request or advice on an acquirer's wire."""

    sender: str
    asked: Asked
    advice: bool
    moves: bool  # an advice may tell of what was declined
    preauthorised: bool
    original: Key | None  # the pre-authorization that it adds to, or completes
    told: str = ""  # DE 39 that its acquirer got
    told_amount: int = 0
    turned_away: bool = False  # answered, but by nobody who looked at it: a copy of it may still be decided
    standing: int | None = None  # after its last partial reversal that was acknowledged
    reducing: set[int] = field(default_factory=set)  # what partial reversals would leave that were not
    answers: set[tuple[str, str, str]] = field(default_factory=set)  # DE 39, 38, 4 that left the switch
    reversal_sent: bool = False
    reversal_reached: bool = False
    reversal_answered: bool = False  # by the switch
    acknowledged: bool = False  # its reversal: seen by the acquirer
    abandoned: bool = False  # its acquirer crashed before it ended

    @property
    def open(self) -> bool:
        """Does its acquirer wait for something?"""
        return not self.acknowledged and (
            self.reversal_sent or not (self.told or self.turned_away) or bool(self.reducing)
        )

    @property
    def believed(self) -> int:
        """Minor units that stand, as far as its own messages say."""
        if self.acknowledged or self.told not in APPROVALS or not self.moves:
            return 0
        return self.told_amount if self.standing is None else self.standing


class AcquirerWire:
    """The wires between acquirers and the switch, but for network messages and reconciliation."""

    def __init__(self, switch: SwitchLog, violate: Violate) -> None:
        self._switch = switch
        self._violate = violate
        self._sent: dict[_Sent, Doc] = {}  # by what an answer echoes
        self._completions: dict[Key, list[Seen]] = {}  # by pre-authorization
        self.seen: dict[Key, Seen] = {}

    # -- messages ---------------------------------------------------------------------------------------------------

    def sent(self, sender: str, doc: Doc) -> bool:
        """An acquirer sends; is it a transaction that was not there before?"""
        self._sent[_echoed(doc)] = doc
        key = key_of(doc)
        if doc[0][1] == REVERSAL:
            seen = self.seen[key]
            if standing_of(doc):
                seen.reducing.add(standing_of(doc))
            else:
                seen.reversal_sent = True
            return False
        if key in self.seen:
            return False
        original = key_of_original(doc) if 90 in doc else None
        advice = is_advice(doc[0])
        seen = self.seen[key] = Seen(
            sender, asked_of(doc), advice, not advice or doc.get(39, APPROVED) in APPROVALS,
            doc.get(25) == PREAUTHORISED, original,
        )  # fmt: skip
        if advice and original is not None:
            self._completions.setdefault(original, []).append(seen)
        return True

    def reached(self, doc: Doc) -> None:
        """The switch is handed what an acquirer sent."""
        if doc[0][1] == REVERSAL and not standing_of(doc):
            self.seen[key_of(doc)].reversal_reached = True

    def answered(self, doc: Doc) -> None:
        """I7, I8, R16: the switch answers an acquirer."""
        question = self._question(doc)
        key, code = key_of(question), doc[39]
        logged, seen = self._switch.by_key.get(key), self.seen[key]
        if logged is not None and code not in AFTER_REVERSAL:
            self._check_day(doc, logged)
        if doc[0][1] == REVERSAL:
            self._reversal_answered(question, code, logged, seen)
            return
        if code in APPROVALS:
            self._check_approval(doc, logged, seen, key)
        not_yet, no_more = seen.advice and code in AGAIN, seen.reversal_reached and code in AFTER_REVERSAL
        if not (not_yet or no_more or turned_away(doc)):
            seen.answers.add((code, doc.get(38, ""), doc.get(4, "")))
        if len(seen.answers) > 1:
            self._violate("I8", "one request was answered in two ways", key.transaction)

    def _reversal_answered(self, question: Doc, code: str, logged: Logged | None, seen: Seen) -> None:
        key, standing = key_of(question), standing_of(question)
        if standing:
            known = logged is not None and standing in logged.reductions
        else:
            known = key in self._switch.unknown_reversals or (logged is not None and logged.taken_back)
            seen.reversal_answered = True
        if code == APPROVED and not known:
            self._violate("I7", "a reversal was acknowledged before it was durable", key.transaction)

    def _check_approval(self, doc: Doc, logged: Logged | None, seen: Seen, key: Key) -> None:
        """I7: an approval rests on its outcome, the answer to an advice on the advice."""
        if logged is None or not (logged.approved or seen.advice):
            self._violate("I7", "an approval left before its outcome was durable", key.transaction)
        elif doc[39] != logged.de39 or (logged.approved and 4 in doc and int(doc[4]) != logged.approved_amount):
            self._violate("I7", "an approval says another code or amount than its outcome", key.transaction)
        if seen.reversal_answered:
            self._violate("I8", "an approval left after its reversal was acknowledged", key.transaction)

    def _check_day(self, doc: Doc, logged: Logged) -> None:
        """R16: the day on which it was accepted, whatever day it is now; an approval tells it in any case."""
        told_anyway = doc[39] in APPROVALS and doc[0][1] != REVERSAL
        if logged.day and doc.get(15, "" if told_anyway else logged.day[2:]) != logged.day[2:]:
            self._violate("R16", "an answer carries another day than that of its acceptance", logged.key.transaction)

    def told(self, doc: Doc) -> Key | None:
        """An acquirer is handed an answer; returns what it learned an approval of."""
        question = self._question(doc)
        key = key_of(question)
        seen = self.seen[key]
        if doc[0][1] == REVERSAL:
            self._reversal_told(question, doc[39], seen)
        elif turned_away(doc) and not seen.advice:
            seen.turned_away = True
        elif not (seen.told or seen.reversal_sent or seen.abandoned or (seen.advice and doc[39] in AGAIN)):
            seen.told, seen.told_amount = doc[39], int(doc.get(4, question[4]))
            if seen.told in APPROVALS:
                return key
        return None

    @staticmethod
    def _reversal_told(question: Doc, code: str, seen: Seen) -> None:
        if code in AGAIN:
            return
        standing = standing_of(question)
        if not standing:
            seen.acknowledged = True
            return
        seen.reducing.discard(standing)
        if code == APPROVED:
            seen.standing = standing if seen.standing is None else min(seen.standing, standing)

    def _question(self, doc: Doc) -> Doc:
        """What an answer answers."""
        return self._sent[_echoed(doc)]

    def died(self, name: str) -> None:
        """An acquirer has lost its memory."""
        for seen in self.seen.values():
            seen.abandoned = seen.abandoned or (seen.sender == name and seen.open)

    # -- in the end -------------------------------------------------------------------------------------------------

    def wanted(self, key: Key) -> int:
        """Minor units that must stand of it at its issuer: what its acquirer believes, or, failing that, the log."""
        seen = self.seen[key]
        root = self.seen.get(seen.original) if seen.original is not None else None
        completions = self._completions.get(seen.original or key, []) if seen.preauthorised else []
        if any(one.abandoned or one.reversal_sent for one in (seen, *completions, *([root] if root else []))):
            return 0 if seen.acknowledged else self._by_the_log(key)
        return 0 if any(completion.believed for completion in completions) else seen.believed

    def _by_the_log(self, key: Key) -> int:
        logged = self._switch.by_key.get(key)
        if logged is None or not logged.approved or logged.taken_back or self._switch.chain(logged):
            return 0
        return logged.standing


def turned_away(doc: Doc) -> bool:
    """Is it the answer to a request whose MAC no HSM could verify? Nobody has looked further."""
    return doc[39] == MALFUNCTION and 15 not in doc


def _echoed(doc: Doc) -> _Sent:
    """What a message and its answer share. A partial reversal has its original's STAN, and a DE 12 of its own."""
    return doc[0][1], doc[32], doc[37], doc[41], doc[11], doc.get(12, "")
