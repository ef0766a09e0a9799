"""What happens on the links of a run beside its traffic, at times drawn from the seed.

Operators and institutions are at work: issuers go down for long, so that the switch stands in; keys are exchanged,
begun by either side; days are cut over and reconciled. The configuration is drawn too: a second line to an issuer, MACs
on an acquirer's link.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from switch.acquirers.acquirer import Acquirer
from switch.config.tables import Card, Config, Link
from switch.core.days import following, yymmdd
from switch.issuers.issuer import Issuer
from switch.profiles.draws import uniform
from switch.simulation.bench import START, Bench
from switch.simulation.world import Host

SPAN_S: Final = 6.0  # after the first request: the traffic of a hundred is over by then, its reversals are not
LONGEST_DOWN_S: Final = 25.0  # an issuer that an operator took down: several of its timers
CARDS: Final = 4  # of each issuer in the traffic: few, so that requests meet on one account
BALANCE_CENTS: Final = 400_00  # and poor, so that a cent too much shows
LIMIT_CENTS: Final = 500_00
PARTLY_CENTS: Final = 100_00  # of the card that is approved in part: soon spent
RATE_PER_S: Final = 20.0  # of each acquirer: some requests are always in flight together
JOINING: Final = ("issuer-late", "issuer-silent", "partial", "stand-in")  # cards of the tests that join the traffic
SECOND_LINE: Final = 0.5  # of the runs have one
WITH_MAC: Final = 0.25


def stressed(config: Config, seed: int) -> Config:
    """The configuration with busier traffic on fewer and poorer cards, so that limits are met and requests meet.

    One card more of each issuer is not in the traffic itself: its disposable numbers are.
    """
    used = [card for issuer in config.issuer for card in _samples(config, issuer.name)[:CARDS]]
    used += [card for card in config.card if card.behaviour in JOINING]
    cards = (
        msgspec.structs.replace(
            card, sample=True, stand_in=card.behaviour != "issuer-silent" and number % 2 == 0,
            balance_cents=PARTLY_CENTS if card.behaviour == "partial" else BALANCE_CENTS, limit_cents=LIMIT_CENTS,
        )
        for number, card in enumerate(used)
    )  # fmt: skip
    behind = (
        msgspec.structs.replace(card, sample=False, balance_cents=BALANCE_CENTS, limit_cents=LIMIT_CENTS)
        for issuer in config.issuer
        for card in _samples(config, issuer.name)[CARDS : CARDS + 1]
    )
    traffic = (msgspec.structs.replace(traffic, rate_per_s=RATE_PER_S, mix="everything") for traffic in config.traffic)
    return msgspec.structs.replace(config, card=(*cards, *behind), traffic=tuple(traffic), link=_links(config, seed))


def _samples(config: Config, issuer: str) -> list[Card]:
    return [card for card in config.card if card.sample and card.issuer == issuer]


def _links(config: Config, seed: int) -> tuple[Link, ...]:
    links = list(config.link)
    if uniform(seed, "scenario", "second line") < SECOND_LINE:
        first = next(link for link in links if link.name == config.issuer[0].name)
        links.append(msgspec.structs.replace(first, name=f"{first.name}-b", joins=first.name))
    if uniform(seed, "scenario", "mac") < WITH_MAC:
        sealed = config.traffic[int(uniform(seed, "scenario", "mac", "link") * len(config.traffic))].link
        links = [msgspec.structs.replace(link, mac=True) if link.name == sealed else link for link in links]
    return tuple(links)


class Kind(NamedTuple):
    """One row of the table: how many of it a run has at most, and what it does; `share` is its own, in [0, 1)."""

    name: str
    most: int
    act: Callable[["Scenario", float], None]


class Scenario:
    """Draws and carries out what happens on the links of one bench."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self._bench = bench
        self._seed = seed

    def begin(self) -> None:
        """From now on."""
        for kind in KINDS:
            count = int(uniform(self._seed, "scenario", kind.name) * (kind.most + 1))
            for number in range(count):
                at_s = SPAN_S * uniform(self._seed, "scenario", kind.name, number, "at")
                share = uniform(self._seed, "scenario", kind.name, number, "share")
                self._bench.world.after(at_s, lambda kind=kind, share=share: self._act(kind, share))  # type: ignore[misc]

    def _act(self, kind: Kind, share: float) -> None:
        world = self._bench.world
        world.watch.fault(f"scenario: {kind.name}", world.now)
        kind.act(self, share)

    def take_down(self, share: float) -> None:
        """An operator takes an issuer's link out of service, and back in after a while."""
        names = list(self._bench.issuers)
        name, down_s = names[int(share * len(names))], LONGEST_DOWN_S * uniform(self._seed, share, "down")
        self._set_link(name, up=False)
        self._bench.world.after(down_s, lambda: self._set_link(name, up=True))

    def _set_link(self, name: str, *, up: bool) -> None:
        host = self._bench.switch
        if host.up:
            self._bench.core.set_link(name, up, host.clock())
            host.settle()

    def exchange_by_switch(self, share: float) -> None:
        """The switch gives a partner a new key."""
        names = [*self._bench.issuers, *self._bench.acquirers]
        if self._bench.switch.up:
            self._bench.core.exchange_key(names[int(share * len(names))], lambda _exchange: None)
            self._bench.switch.settle()

    def exchange_by_partner(self, share: float) -> None:
        """A partner gives the switch one."""
        hosts = [*self._bench.issuers.values(), *self._bench.acquirers.values()]
        host = hosts[int(share * len(hosts))]
        if isinstance(host.part, Acquirer) and host.up:
            draw = uniform(self._seed, "scenario", "key", share)
            host.part.exchange_key(int(draw * 2**53).to_bytes(16, "big"), host.clock())
        elif isinstance(host.part, Issuer) and host.up:
            try:
                host.part.exchange_key()
            except ValueError:
                return  # nobody is there to send it to
        host.settle()

    def cut_over(self, _share: float) -> None:
        """An operator begins the next day on all links."""
        host = self._bench.switch
        if host.up:
            self._bench.core.cut_over(host.clock())
            host.settle()

    def reconcile(self, share: float) -> None:
        """An acquirer compares its figures."""
        hosts = list(self._bench.acquirers.values())
        _reconcile(hosts[int(share * len(hosts))])

    def days(self) -> list[str]:
        """The business days that there have been so far, YYMMDD."""
        dates = [yymmdd(START)]
        while dates[-1] < max(self._bench.core.business_dates().values()):
            dates.append(following(dates[-1]))
        return dates

    def reconcile_all(self, day: str) -> None:
        """All acquirers compare their figures of a day."""
        for host in self._bench.acquirers.values():
            _reconcile(host, day[2:])


def _reconcile(host: Host, mmdd: str = "") -> None:
    if host.up:
        assert isinstance(host.part, Acquirer)
        host.part.reconcile(host.clock(), mmdd)
        host.settle()


KINDS: Final[tuple[Kind, ...]] = (
    Kind("an issuer goes down", 2, Scenario.take_down),
    Kind("a key from the switch", 2, Scenario.exchange_by_switch),
    Kind("a key from a partner", 2, Scenario.exchange_by_partner),
    Kind("cutover", 2, Scenario.cut_over),
    Kind("reconciliation", 3, Scenario.reconcile),
)
