"""Short visits: connections that bring one request, get one answer and go (metrics, control).

Their number is bounded, and their time, so that whoever only connects keeps neither descriptors nor others out: when
all places are taken, the visitor who came first gives way.
"""

import asyncio
from typing import cast

MAX_VISITORS = 64  # scrapers and people at a time; each is gone within milliseconds
VISIT_S = 5.0  # both sides are programs that speak at once


class Visitors:
    """The visitors of one listener, oldest first."""

    def __init__(self) -> None:
        self._present: dict[Visitor, None] = {}

    def enter(self, visitor: "Visitor") -> None:
        """One more; the oldest leaves where there is no place."""
        if len(self._present) >= MAX_VISITORS:
            oldest = next(iter(self._present))
            self.leave(oldest)
            oldest.transport.abort()
        self._present[visitor] = None

    def leave(self, visitor: "Visitor") -> None:
        """It is gone."""
        self._present.pop(visitor, None)


class Visitor(asyncio.Protocol):
    """One of them; a subclass reads `data_received` and answers on `transport`."""

    transport: asyncio.Transport

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._deadline = asyncio.get_running_loop().call_later(VISIT_S, self.transport.abort)
        self._visitors.enter(self)

    def settle(self) -> None:
        """Its time is no longer bounded: it waits for us."""
        if self._deadline is not None:
            self._deadline.cancel()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.settle()
        self._visitors.leave(self)
