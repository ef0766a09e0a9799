"""What a sans-IO part (the switch, a simulated issuer, a simulated acquirer) offers the shell that drives it.

A base class and not a protocol: the shell is compiled, and calls what it knows the class of as C calls C.
"""

from switch.core.effects import Effect


class Part:
    """All times are `now`, in seconds since the epoch, as passed in."""

    def take_effects(self) -> list[Effect]:
        """What to carry out, in order; cleared by the call."""
        raise NotImplementedError

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """A whole frame arrived, without its length prefix."""
        raise NotImplementedError

    def connected(self, conn: int, link: int, now: float) -> None:
        """A connection of a link is up."""
        raise NotImplementedError

    def disconnected(self, conn: int, now: float) -> None:
        """It is gone; its number is not used again."""
        raise NotImplementedError

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        """The HSM's answer to command `tag`, or None: no HSM, or too late."""
        raise NotImplementedError

    def tick(self, now: float) -> None:
        """A deadline may have passed."""
        raise NotImplementedError

    def next_deadline(self) -> float | None:
        """When to tick next, at the latest."""
        raise NotImplementedError
