"""Network management, 0800 and 0810: sign-on 001, sign-off 002, echo 301 (R14); what key change (R15) and cutover (R16)
are about stands in `keys` and `days`.

Towards acquirers we answer; each TCP connection signs on for itself. Towards issuers we sign on by ourselves as soon
as a line's connection stands, and ask for an echo when the line has been silent.
"""

from switch.core import checks, results
from switch.core import fields as de
from switch.core.context import Context
from switch.core.days import Days
from switch.core.deliveries import Deliveries
from switch.core.effects import CLOSE
from switch.core.keys import KeyExchanges
from switch.core.links import AcquirerLink, Line, LinkState
from switch.core.questions import Questions
from switch.core.transaction import NO_CONNECTION
from switch.iso8583.codec import View

SIGN_ON, SIGN_OFF, CUTOVER, ECHO = "001", "002", "201", "301"
SIGNED_ON_AFTER = {SIGN_ON: True, SIGN_OFF: False}


class Network:
    """The handler of 0800 and 0801, and of what we ask by 0800/001 and 301."""

    def __init__(
        self, context: Context, questions: Questions, deliveries: Deliveries, keys: KeyExchanges, days: Days
    ) -> None:  # fmt: skip
        self.context = context
        self.questions = questions
        self.deliveries = deliveries
        self.keys = keys
        self.days = days

    # -- towards acquirers ------------------------------------------------------------------------------------------

    def request(self, conn: int, link: AcquirerLink, view: View, now: float) -> None:
        """An acquirer signs on or off, asks whether we are there, changes its key or its day."""
        context = self.context
        failure = checks.network(view, link)
        if failure is not None:
            context.refuse(conn, link, view, *failure)
            return
        code = view.text(de.NETWORK_CODE)
        if code in SIGNED_ON_AFTER:
            link.sessions[conn] = SIGNED_ON_AFTER[code]
        elif code in (link.spec.key_code, CUTOVER) and not link.sessions[conn]:
            why = "this connection has not signed on: send 0800 with DE 70 = 001"
            context.refuse(conn, link, view, results.ISSUER_DOWN, "not-signed-on", why)
            return
        elif code == link.spec.key_code:
            self.keys.request(conn, link, view)
            return
        elif code == CUTOVER:
            self.days.request(conn, link, view, now)
            return
        elif code != ECHO:
            context.refuse(conn, link, view, *unknown_code(view, link.spec.key_code))
            return
        context.accept(conn, link, view)

    # -- towards issuers --------------------------------------------------------------------------------------------

    def ask(self, line: Line, code: str, now: float) -> None:
        """Send an 0800 of our own."""
        line.asking, conn, issuer = True, line.conn, line.issuer

        def told(answer: View | None, at: float) -> None:
            if line.conn == conn:
                self._told(line, code, answer, at)

        patches = {de.NETWORK_CODE: code}
        self.questions.ask(conn, issuer.layout, "0800", patches, line.spec.timeout_s, now, told, at_once=True)

    def _told(self, line: Line, code: str, answer: View | None, now: float) -> None:
        """Signed on, or alive, or silent."""
        line.asking = False
        if answer is None:
            self._missed(line, code, now)
            return
        line.missed_echoes = 0
        if code != SIGN_ON:
            return
        result = line.issuer.result_of.get(answer.text(de.RESPONSE) or "")
        if result != results.APPROVED:
            said = answer.text(de.RESPONSE)
            said = f"with DE 39 = {said}" if said else "without DE 39"
            why = f"{line.spec.name} answered our sign-on {said}: it must be {line.issuer.code_of[results.APPROVED]}"
            self.context.event("link", "sign-on-refused", why, link=line.spec.name)
            self.context.effects.append((CLOSE, line.conn, "sign-on refused"))
            return
        self._signed_on(line, now)

    def _signed_on(self, line: Line, now: float) -> None:
        """The first line of an institution sends what is owed before any new request; on later ones nothing changes."""
        was_in_service = line.issuer.serves()
        line.state = LinkState.SIGNED_ON
        self.context.event("link", "signed-on", f"{line.spec.name} is in service", link=line.spec.name)
        if line.serves() and not was_in_service:
            self.deliveries.resume(line.issuer, now)

    def request_of_issuer(self, line: Line, view: View, now: float) -> None:
        """An issuer asks for an echo, signs a line on or off by itself (signed off, it gets no requests), changes its
        key; or tells us its day, which is no news: the days of ours are the acquirers'."""
        context, issuer, code = self.context, line.issuer, view.text(de.NETWORK_CODE)
        if code == issuer.spec.key_code:
            if line.state is LinkState.SIGNED_ON:
                self.keys.request(line.conn, issuer, view)
            else:
                why = f"{line.spec.name} changes a key before it has answered our sign-on"
                context.refuse(line.conn, issuer, view, results.ISSUER_DOWN, "not-signed-on", why)
            return
        if code not in (SIGN_ON, SIGN_OFF, CUTOVER, ECHO):
            context.refuse(line.conn, issuer, view, *unknown_code(view, issuer.spec.key_code))
            return
        context.accept(line.conn, issuer, view)
        if code == SIGN_OFF:
            line.state = LinkState.CONNECTED
            context.event("link", "signed-off", f"{line.spec.name} signed off", link=line.spec.name)
        elif code == SIGN_ON and line.state is LinkState.CONNECTED:
            self._signed_on(line, now)

    # -- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Ask silent lines for an echo."""
        for line in self.context.lines.values():
            if line.conn != NO_CONNECTION and not line.asking and self._echo_at(line) <= now:
                self.ask(line, ECHO if line.state is LinkState.SIGNED_ON else SIGN_ON, now)

    def _missed(self, line: Line, code: str, now: float) -> None:
        """Ask again; give up a line that misses too many (R14)."""
        line.missed_echoes += 1
        why = f"no 0810 from {line.spec.name} to our 0800/{code} (DE 70) within {line.spec.timeout_s:g} s"
        self.context.event("link", "echo-missed", why, link=line.spec.name, missed=line.missed_echoes)
        if line.missed_echoes >= self.context.spec.echo_misses:
            line.state = LinkState.CONNECTED
            self.context.effects.append((CLOSE, line.conn, "echoes missed"))
            line.heard_at = now
        else:
            self.ask(line, code, now)

    def _echo_at(self, line: Line) -> float:
        return line.heard_at + self.context.spec.echo_idle_s

    def next_deadline(self) -> float | None:
        """When the next echo is due."""
        lines = self.context.lines.values()
        idle = (line for line in lines if line.conn != NO_CONNECTION and not line.asking)
        return min((self._echo_at(line) for line in idle), default=None)


def unknown_code(view: View, key_code: str) -> checks.Failure:
    """What a DE 70 that we do not know is refused with."""
    why = (
        f"DE 70 is {view.text(de.NETWORK_CODE)}; known are 001 sign-on, 002 sign-off, {key_code} key change, "
        "201 cutover, 301 echo"
    )
    return checks.Failure(results.INVALID_TRANSACTION, "unknown-network-code", why)
