"""`monetique watch` where no terminal is: a line a message."""

from typing import Final

from switch.commands.common import clock, printable
from switch.traces import words
from switch.traces.exchanges import Exchange, Exchanges
from switch.traces.format import Gap, Header, Line, Message, TracedLink

REMEMBERED: Final = 100_000  # requests that wait for an answer: as many as the switch has in flight at most


class Liner:
    """Lines of a trace for people; an answer's has its time."""

    def __init__(self) -> None:
        self._links: dict[str, TracedLink] = {}
        self._exchanges = Exchanges(REMEMBERED)

    def line(self, item: Line) -> str:
        """One line; "" for a header."""
        if isinstance(item, Header):
            self._links = item.links
            return ""
        if isinstance(item, Gap):
            return f"{clock(item.t)}  {item.gap:,} messages were dropped here: this reader was behind"
        return self._message(item, self._exchanges.add(item))

    def _message(self, message: Message, exchange: Exchange) -> str:
        fields = message.fields
        link = self._links.get(message.link or "")
        cells = [
            clock(message.t),
            f"{message.link or '':<12}",
            f"{'->' if message.from_ == 'client' else '<-'} {message.mti:4} {words.kind(message.mti):<27}",
            f"{fields.get('2') or '':<19}",
            f"{words.amount(fields):>12}",
            f"STAN {fields.get('11') or '':<6}",
            f"{fields.get('41') or '':<8}",
            words.outcome(message, link.dialect) if link else "",
            f"{exchange.elapsed_ms:.1f} ms" if exchange.answer is message and exchange.elapsed_ms is not None else "",
            f"repeats message {message.same_as}" if message.same_as is not None else "",
            message.problem or "",
        ]
        return printable("  ".join(cell for cell in cells if cell)).rstrip()
