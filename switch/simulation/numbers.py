"""Disposable numbers for a run: given out by file actions before the traffic begins, then presented like cards."""

from typing import Final, NamedTuple

from switch.acquirers import compose
from switch.acquirers.specs import TerminalCard
from switch.config.build import find_link
from switch.schemes.ocard import CVV2, EXPIRY, MANY, NUMBER, ONE, SITE, USES, VALIDITY_S, elements, joined
from switch.simulation.bench import Bench

TERMS: Final = (("demo-shop", True), ("demo-shop", False), ("demo-shop", True), ("other-shop", False))  # of each card
CAP_CENTS: Final = 150_00  # one or two purchases of the traffic
VALID_S: Final = 86_400
ANSWERED_WITHIN_S: Final = 1.0
TRIES: Final = 5  # the switch may be down for the first ones; a repeat gives the same number


class Issued(NamedTuple):
    """A number as an onlooker knows it; `single`: for one purchase."""

    card: str
    acquirer_id: str
    merchant: str
    cap_cents: int
    single: bool


def give_out(bench: Bench, cards: list[str]) -> tuple[dict[str, Issued], tuple[TerminalCard, ...]]:
    """Numbers for these cards: as the checkers know them, and as cardholders present them.

    The enrolment desk sits beside the switch: its messages pass no wire, and so no onlooker.
    """
    link = next(link for link in bench.spec.links if link.role == "acquirer" and not link.tak)
    layout, sites = link.dialect.layout, {site.name: site for site in bench.config.site}
    wanted = [(card, sites[name], single) for card in cards for name, single in TERMS if name in sites]
    answers: dict[int, dict[str, str]] = {}

    def receive(frame: bytes) -> None:
        answer = layout.decode(frame)
        if answer["t"] == "0312" and answer["39"] == "00":
            answers[int(answer["11"])] = elements(answer["48"])

    for _ in range(TRIES):
        if len(answers) < len(wanted) and bench.switch.up:
            conn = bench.switch.attach(bench.link_index[link.name], receive, lambda: None)
            sender = compose.Sender(link.institution_id, "ENROL001")
            messages = [compose.network("sign-on", sender, stan=len(wanted), now=0.0)]
            for stan, (card, site, single) in enumerate(wanted):
                terms = joined({SITE: site.name, USES: ONE if single else MANY, VALIDITY_S: str(VALID_S)})
                fields = {"4": f"{CAP_CENTS:012d}", "48": terms, "49": "978"}
                name = bench.config.ocard.file_name
                messages.append(
                    compose.file_action("add", sender, file_name=name, number=card, stan=stan, now=0.0, fields=fields)
                )
            for message in messages:
                bench.switch.receive(conn, layout.encode(message))
        bench.world.run(ANSWERED_WITHIN_S)
    issued = {}
    for stan, told in answers.items():
        card, site, single = wanted[stan]
        acquirer_id = find_link(bench.config, site.link).institution_id
        issued[told[NUMBER]] = Issued(card, acquirer_id, site.merchant, CAP_CENTS, single)
    return issued, tuple(TerminalCard(told[NUMBER], told[EXPIRY], "", cvv2=told[CVV2]) for told in answers.values())
