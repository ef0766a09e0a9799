"""Reconciliation (I9), business days (R16) and keys (R15), as frames show them.

Keys cannot be seen, but what goes wrong with them can: DE 39 = 88. It has an excuse where a fault came between the two
sides of an exchange, or where a request was on its way for longer than its key was good for.
"""

from collections.abc import Collection
from typing import Final

from switch.simulation.invariants.names import APPROVED, RECONCILIATION, transaction_of_frame
from switch.simulation.invariants.sums import AMOUNTS, NUMBERS, Bucket, figures_of, net_of, net_text
from switch.simulation.invariants.switch_log import SwitchLog, Violate
from switch.simulation.wiretap import Doc

KEY_CHANGE: Final = ("101", "161")
CRYPTOGRAPHIC: Final = "88"
IN_BALANCE, OUT_OF_BALANCE = "1", "2"
EURO: Final = "978"
LONGEST_SYNC_S: Final = 2.0  # by the plan of faults, and a margin
SWIFT_S: Final = 0.001  # a frame that took longer was held up by a fault


class NetworkWire:
    """Messages that are about no transaction, on all wires."""

    def __init__(self, switch: SwitchLog, forgetful: Collection[str], violate: Violate) -> None:
        """`forgetful` are the parts that have no disk for their keys: the simulated acquirers."""
        self._switch = switch
        self._forgetful = forgetful
        self._violate = violate
        self._asked: dict[tuple[str, str, str], tuple[Bucket, int, Doc]] = {}  # link, STAN and DE 7 of a 0500
        self._exchanges: dict[tuple[str, str], int] = {}  # key changes by (from, to): begun and not ended
        self._ended_at: dict[tuple[str, str], float] = {}
        self._sent_at: dict[tuple[str, str, bytes], float] = {}
        self._excused: set[tuple[str, str]] = set()  # the same: one side may have another key than the other believes
        self._held_up: set[str] = set()  # transactions with a message that took its time, or came amid an exchange

    # -- reconciliation ---------------------------------------------------------------------------------------------

    def asked(self, link: str, doc: Doc) -> None:
        """An acquirer's 0500, 0520 or 0521 reaches the switch."""
        if doc[0][1] == RECONCILIATION:
            bucket = (link, doc.get(15) or self._switch.day_of(link)[2:], doc.get(50, EURO))
            self._asked.setdefault((link, doc[11], doc[7]), (bucket, self._switch.sums.moment(bucket), doc))

    def answered(self, link: str, doc: Doc) -> None:
        """I9: the switch answers it with its own figures."""
        if doc[0][1] != RECONCILIATION or doc[39] != APPROVED:
            return
        bucket, moment, question = self._asked[link, doc[11], doc[7]]
        self._check_figures(bucket, moment, doc)
        theirs, ours = figures_of(question), figures_of(doc)
        if doc[66] != IN_BALANCE and theirs == ours:
            self._violate("I9", f"a reconciliation of {bucket} agrees and is called out of balance", "")
        if doc[66] != OUT_OF_BALANCE and net_of(theirs) != net_of(ours):
            self._violate("I9", f"a reconciliation of {bucket} is called in balance, and its sums differ", "")

    def told_issuer(self, issuer: str, doc: Doc) -> None:
        """I9: the switch tells an issuer its figures of the day that has ended."""
        if doc[0][1] == RECONCILIATION:
            bucket = (issuer, doc[15], doc.get(50, EURO))
            self._check_figures(bucket, self._switch.at_cutover.get(bucket, 0), doc)

    def _check_figures(self, bucket: Bucket, moment: int, doc: Doc) -> None:
        figures = figures_of(doc)
        if figures not in self._switch.sums.since(bucket, moment):
            self._violate("I9", f"reconciliation figures of {bucket} are not those of the log: {figures}", "")
        if all(number in doc for number in (*NUMBERS, *AMOUNTS)) and doc.get(97) != net_text(net_of(figures)):
            self._violate("I9", f"DE 97 of {bucket} is not what the figures make", "")

    # -- keys -------------------------------------------------------------------------------------------------------

    def sent(self, sender: str, receiver: str, doc: Doc, frame: bytes, now: float) -> None:
        """R15: any frame leaves."""
        self._sent_at[sender, receiver, frame] = now
        if doc[0][:3] == "080" and doc.get(70) in KEY_CHANGE:
            self._exchanges[sender, receiver] = self._exchanges.get((sender, receiver), 0) + 1

    def arrived(self, sender: str, receiver: str, doc: Doc, frame: bytes, now: float) -> None:
        """R15: any frame arrives, or a copy of it."""
        changing = any(begun and sender in pair for pair, begun in self._exchanges.items())
        if changing or now - self._sent_at[sender, receiver, frame] > SWIFT_S:
            self._held_up.add(transaction_of_frame(doc))
        if doc[0][:3] == "081" and doc.get(70) in KEY_CHANGE:
            begun = self._exchanges.get((receiver, sender), 0)
            self._exchanges[receiver, sender] = max(0, begun - 1)
            self._ended_at[receiver, sender] = now

    def died(self, name: str, now: float) -> None:
        """A part may have lost a key: one that it had no disk for, or was just about to write down."""
        for pair in self._exchanges:
            unwritten = now - self._ended_at.get(pair, now) < LONGEST_SYNC_S
            if name in pair and (unwritten or name in self._forgetful):
                self._excused.add(pair)

    def judged(self, acquirer: str, issuer: str, doc: Doc) -> None:
        """R15: the answer to a request that went from one to the other; a change of keys alone never makes it 88."""
        if doc.get(39) != CRYPTOGRAPHIC or transaction_of_frame(doc) in self._held_up:
            return
        doubtful = self._excused | {pair for pair, begun in self._exchanges.items() if begun}
        if not any({acquirer, issuer} & set(pair) for pair in doubtful):
            self._violate("R15", "a PIN block was not understood, and no fault excuses it", transaction_of_frame(doc))
