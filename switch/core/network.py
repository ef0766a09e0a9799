"""Network management, 0800 and 0810: sign-on 001, sign-off 002, echo 301 (R14).

Towards acquirers we answer; each TCP connection signs on for itself. Towards issuers we sign on by ourselves as soon
as the connection stands, and ask for an echo when the link has been silent.
"""

from switch.core import checks, results
from switch.core import fields as de
from switch.core.context import Context, utc_mmddhhmmss
from switch.core.deliveries import Deliveries
from switch.core.effects import CLOSE, SEND
from switch.core.links import AcquirerLink, IssuerLink, LinkState, NetworkRequest
from switch.iso8583.codec import View

SIGN_ON, SIGN_OFF, ECHO = "001", "002", "301"
SIGNED_ON_AFTER = {SIGN_ON: True, SIGN_OFF: False}


class Network:
    """The handler of 0800, 0801 and 0810."""

    def __init__(self, context: Context, deliveries: Deliveries) -> None:
        self.context = context
        self.deliveries = deliveries

    # -- towards acquirers ------------------------------------------------------------------------------------------

    def request(self, conn: int, link: AcquirerLink, view: View) -> None:
        """An acquirer signs on, off, or asks whether we are there."""
        context = self.context
        failure = checks.network(view, link)
        if failure is not None:
            context.refuse(conn, link, view, *failure)
            return
        code = view.text(de.NETWORK_CODE)
        if code in SIGNED_ON_AFTER:
            link.sessions[conn] = SIGNED_ON_AFTER[code]
        elif code != ECHO:
            why = f"DE 70 is {code}; known are 001 sign-on, 002 sign-off, 301 echo"
            context.refuse(conn, link, view, results.INVALID_TRANSACTION, "unknown-network-code", why)
            return
        frame = link.layout.emit("0810", ((view, link.network_echoed),), {de.RESPONSE: link.code_of[results.APPROVED]})
        context.effects.append((SEND, conn, frame))

    # -- towards issuers --------------------------------------------------------------------------------------------

    def ask(self, issuer: IssuerLink, code: str, now: float) -> None:
        """Send an 0800 of our own."""
        context = self.context
        context.last_network_stan = context.last_network_stan % 999_999 + 1
        stan = f"{context.last_network_stan:06d}"
        issuer.network = NetworkRequest(code, stan, now + issuer.spec.timeout_s)
        frame = issuer.layout.encode({"t": "0800", "7": utc_mmddhhmmss(now), "11": stan, "70": code})
        context.effects.append((SEND, issuer.conn, frame))

    def response(self, issuer: IssuerLink, view: View, now: float) -> None:
        """0810 from the issuer: signed on, or alive."""
        asked = issuer.network
        if asked is None or view.text(de.STAN) != asked.stan:
            why = f"0810 matched no 0800 of ours: STAN {view.text(de.STAN)}"
            self.context.event("unmatched", "answer-unmatched", why, link=issuer.spec.name, mti=view.mti)
            return
        issuer.network = None
        issuer.missed_echoes = 0
        if asked.code != SIGN_ON:
            return
        result = issuer.result_of.get(view.text(de.RESPONSE) or "")
        if result != results.APPROVED:
            why = f"{issuer.spec.name} answered {view.text(de.RESPONSE)} to our sign-on"
            self.context.event("link", "sign-on-refused", why, link=issuer.spec.name)
            self.context.effects.append((CLOSE, issuer.conn, "sign-on refused"))
            return
        self._signed_on(issuer, now)

    def _signed_on(self, issuer: IssuerLink, now: float) -> None:
        issuer.state = LinkState.SIGNED_ON
        self.context.event("link", "signed-on", f"{issuer.spec.name} is in service", link=issuer.spec.name)
        self.deliveries.resume(issuer, now)

    def request_of_issuer(self, issuer: IssuerLink, view: View, now: float) -> None:
        """An issuer asks for an echo, or signs on or off by itself; signed off, it gets no requests."""
        mask = issuer.layout.mask((de.TRANSMITTED, de.STAN, de.ACQUIRER, de.NETWORK_CODE))
        approved = issuer.spec.dialect.response_codes[results.APPROVED]
        frame = issuer.layout.emit("0810", ((view, mask),), {de.RESPONSE: approved})
        self.context.effects.append((SEND, issuer.conn, frame))
        code = view.text(de.NETWORK_CODE)
        if code == SIGN_OFF:
            issuer.state = LinkState.CONNECTED
            self.context.event("link", "signed-off", f"{issuer.spec.name} signed off", link=issuer.spec.name)
        elif code == SIGN_ON and issuer.state is LinkState.CONNECTED:
            self._signed_on(issuer, now)

    def tick(self, now: float) -> None:
        """Ask silent links for an echo; give up those that miss too many."""
        for issuer in self.context.issuers.values():
            if issuer.state is LinkState.DOWN:
                continue
            if issuer.network is not None and issuer.network.deadline <= now:
                self._missed(issuer, now)
            elif issuer.network is None and self._echo_at(issuer) <= now:
                self.ask(issuer, ECHO if issuer.state is LinkState.SIGNED_ON else SIGN_ON, now)

    def _missed(self, issuer: IssuerLink, now: float) -> None:
        assert issuer.network is not None
        issuer.missed_echoes += 1
        why = f"no 0810 to our 0800/{issuer.network.code} within {issuer.spec.timeout_s:g} s"
        self.context.event("link", "echo-missed", why, link=issuer.spec.name, missed=issuer.missed_echoes)
        if issuer.missed_echoes >= self.context.spec.echo_misses:
            issuer.network = None
            issuer.state = LinkState.CONNECTED
            self.context.effects.append((CLOSE, issuer.conn, "echoes missed"))
            issuer.heard_at = now
        else:
            self.ask(issuer, issuer.network.code, now)

    def _echo_at(self, issuer: IssuerLink) -> float:
        return issuer.heard_at + self.context.spec.echo_idle_s

    def next_deadline(self) -> float | None:
        """When the next echo is due or overdue."""
        return min(
            (
                issuer.network.deadline if issuer.network is not None else self._echo_at(issuer)
                for issuer in self.context.issuers.values()
                if issuer.state is not LinkState.DOWN
            ),
            default=None,
        )
