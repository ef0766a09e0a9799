"""Which messages of a trace somebody wants to see."""

from typing import Final

from switch.traces.format import Message

PAN: Final = "2"
TERMINAL: Final = "41"
MAX_TAKEN: Final = 100_000  # requests whose answers are taken too: as many as the switch has in flight at most


class Selection:
    """Takes the messages that fit all of what is given, and the answers to those it has taken.

    `mti` is the beginning of a message type, `card` the end of a card number.
    """

    def __init__(self, *, terminal: str = "", link: str = "", mti: str = "", card: str = "") -> None:
        self._terminal = terminal.strip()
        self._link = link
        self._mti = mti
        self._card = card
        self._taken: dict[int, None] = {}

    def takes(self, message: Message) -> bool:
        """Does it belong to what is wanted?"""
        if message.answers in self._taken:
            del self._taken[message.answers]
            return True
        if not self._fits(message):
            return False
        if message.answers is None:
            self._taken[message.n] = None
            if len(self._taken) > MAX_TAKEN:
                del self._taken[next(iter(self._taken))]
        return True

    def _fits(self, message: Message) -> bool:
        fields = message.fields
        return (
            (not self._link or message.link == self._link)
            and message.mti.startswith(self._mti)
            and (not self._terminal or (fields.get(TERMINAL) or "").strip() == self._terminal)
            and (not self._card or (fields.get(PAN) or "").endswith(self._card))
        )
