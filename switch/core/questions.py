"""What the switch itself asks an institution and waits for: 0800 and 0520, on acquirers' and issuers' connections.

Each question has a STAN of its own and one end: the answer, or None once its time is up or its connection gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from switch.core import fields as de
from switch.core.context import Context, response_mti, utc_mmddhhmmss
from switch.core.effects import FORWARD, SEND
from switch.iso8583.codec import View, Wire

Told: TypeAlias = Callable[[View | None, float], None]

STAN_MAX = 999_999


@dataclass(frozen=True, slots=True)
class _Question:
    answered_by: str  # MTI
    deadline: float
    told: Told


class Questions:
    """The open questions, by connection and STAN."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._open: dict[tuple[int, str], _Question] = {}
        self._last_stan = 0

    def ask(
        self, conn: int, layout: Wire, mti: str, patches: dict[int, str], within_s: float, now: float, told: Told,
        *, at_once: bool = False,
    ) -> None:  # fmt: skip
        """Send a message as soon as everything committed before it is durable; `told(answer, now)` hears the end.

        `patches` hold a STAN where it repeats an earlier one.
        """
        stan = patches.get(de.STAN) or self.next_stan()
        self._open[conn, stan] = _Question(response_mti(mti), now + within_s, told)
        frame = layout.emit(mti, None, None, {**patches, de.TRANSMITTED: utc_mmddhhmmss(now), de.STAN: stan})
        self.context.effects.append((SEND, conn, frame) if at_once else (FORWARD, conn, frame, None))

    def next_stan(self) -> str:
        """A number for a new question."""
        self._last_stan = self._last_stan % STAN_MAX + 1
        return f"{self._last_stan:06d}"

    def answered(self, conn: int, link: str, view: View, now: float) -> None:
        """An answer from the institution of `link`."""
        stan = view.text(de.STAN) or ""
        question = self._open.get((conn, stan))
        if question is None or question.answered_by != view.mti:
            why = f"{view.mti} matched nothing that we asked: {self._difference(conn, stan, question)}"
            self.context.event("unmatched", "answer-unmatched", why, link=link, mti=view.mti)
            return
        del self._open[conn, stan]
        question.told(view, now)

    def _difference(self, conn: int, stan: str, question: _Question | None) -> str:
        """Why an answer answers nothing."""
        if question is not None:
            return f"what has STAN {stan} is answered by {question.answered_by}"
        asked = ", ".join([stan for on, stan in self._open if on == conn])
        waiting = f"open on this connection is STAN {asked}" if asked else "nothing is open on this connection"
        return f"{f'STAN {stan}' if stan else 'it has no DE 11'}; {waiting}"

    def lost(self, conn: int, now: float) -> None:
        """The connection is gone: no answer will come on it."""
        self._give_up([key for key in self._open if key[0] == conn], now)

    def tick(self, now: float) -> None:
        """Wait no longer for what is overdue."""
        self._give_up([key for key, question in self._open.items() if question.deadline <= now], now)

    def next_deadline(self) -> float | None:
        """When the next question is overdue."""
        return min((question.deadline for question in self._open.values()), default=None)

    def _give_up(self, keys: list[tuple[int, str]], now: float) -> None:
        for key in keys:
            self._open.pop(key).told(None, now)
