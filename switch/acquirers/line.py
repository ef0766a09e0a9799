"""What every job of an acquirer shares: its connection to the switch, its STANs, and the way out."""

from collections import Counter
from typing import Final

from switch.acquirers import records
from switch.acquirers.compose import Sender
from switch.acquirers.macs import Macs
from switch.acquirers.records import AcquirerRecord
from switch.acquirers.specs import AcquirerSpec
from switch.core import fields as de
from switch.core.effects import COMMIT, EVENT, SEND, Effect
from switch.iso8583.codec import View

APPROVED: Final = "00"
_LAST_STAN: Final = 999_999


class Line:
    """The connection, if there is one, and whether the switch has signed it on; effects for the shell."""

    def __init__(self, spec: AcquirerSpec) -> None:
        self.spec = spec
        self.layout = spec.dialect.layout
        self.sender = Sender(spec.institution_id, merchant=spec.merchant)
        self.counters: Counter[str] = Counter()
        self.conn: int | None = None
        self.signed_on = False
        self.busy: set[str] = set()  # STANs that belong to something not ended yet
        self.effects: list[Effect] = []
        self._macs = Macs(spec.dialect, spec.tak, spec.mac_algorithm, spec.mac_repeat) if spec.tak else None
        self._stan = 0

    def next_stan(self) -> str:
        """1 to 999999 and round again, past those that are busy."""
        while True:
            self._stan = self._stan % _LAST_STAN + 1
            stan = f"{self._stan:06d}"
            if stan not in self.busy:
                return stan

    def send(self, doc: dict[str, str]) -> None:
        """Write a message to the switch, with its MAC where the link has one."""
        frame = self.layout.encode(doc) if self._macs is None else self._macs.seal(doc)
        self.effects.append((SEND, self.conn, frame))

    def genuine(self, frame: bytes, view: View) -> bool:
        """Is its MAC right, where there must be one? If not, it is as if it had never come."""
        if self._macs is None or self._macs.verify(frame):
            return True
        why = "its MAC is missing or wrong (another TAK, mac_algorithm or mac_repeat?)"
        self.event("mac", "bad-mac", f"{why}: dropped, its request is left to the timer", view)
        return False

    def write(self, record: AcquirerRecord) -> None:
        """Append a line to the acquirers' book."""
        self.effects.append((COMMIT, records.encode(record)))

    def event(self, name: str, reason: str, why: str, about: View | AcquirerRecord | None = None) -> None:
        """One structured line, counted by its reason; it names the message or the transaction that it is about."""
        self.counters[reason] += 1
        fields = {"acquirer": self.spec.name, "reason": reason, "why": why}
        self.effects.append((EVENT, name, fields | ({} if about is None else _names(about))))


def _names(about: View | AcquirerRecord) -> dict[str, str]:
    if isinstance(about, AcquirerRecord):
        return {"mti": about.mti, "stan": about.stan, "rrn": about.rrn, "terminal": about.terminal}
    places = {"stan": de.STAN, "rrn": de.RRN, "terminal": de.TERMINAL}
    return {"mti": about.mti} | {name: about.text(number) or "" for name, number in places.items()}
