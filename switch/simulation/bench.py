"""The whole bench on virtual time, built from the same configuration as the real one.

Issuers are dialled again when a connection breaks, as the shell does; a crashed part comes back from its disk.
"""

from collections.abc import Callable, Iterable
from random import Random

from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device
from switch.acquirers.acquirer import Acquirer
from switch.cards.vault import Vault
from switch.config.build import acquirer_spec, issuer_spec, switch_spec
from switch.config.tables import Config
from switch.core.switch import Switch
from switch.issuers.issuer import Issuer
from switch.simulation.disk import SimLog
from switch.simulation.world import End, Host, SimHsm, Wire, World, connect

START = 1_790_000_000.0  # a day in September 2026; any would do
REDIAL_S = 0.1  # as the shell's first wait
DATA_KEY, TOKEN_KEY = bytes(range(32)), bytes(range(32, 64))


class Bench:
    """Switch, issuers and HSM of `config`; clients come in by `dial`."""

    def __init__(self, config: Config, seed: int = 0) -> None:
        self.config = config
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 - a simulation wants the same numbers again
        self.world = World(START)
        self.spec = switch_spec(config)
        self.link_index = {link.name: index for index, link in enumerate(self.spec.links)}
        self.epoch = 0
        self.hsm = SimHsm(self.world, Device(published_test_lmk(), random=self.random.randbytes))
        disk = SimLog()
        self.switch = Host(self.world, "switch", self._new_switch(disk), self.hsm, disk)
        self.issuers = {
            issuer.name: Host(self.world, issuer.name, self._new_issuer(issuer.name), self.hsm, SimLog())
            for issuer in config.issuer
        }
        self._dialled: dict[str, Wire] = {}
        for name in self.issuers:
            self._dial_issuer(name)

    @property
    def core(self) -> Switch:
        """The switch that runs now."""
        assert isinstance(self.switch.part, Switch)
        return self.switch.part

    def _new_switch(self, disk: SimLog) -> Switch:
        self.epoch += 1
        switch = Switch(self.spec, Vault(DATA_KEY, TOKEN_KEY), self.epoch)
        switch.restore(disk.snapshot(), payloads(disk), self.world.now)
        return switch

    def _new_issuer(self, name: str) -> Issuer:
        return Issuer(issuer_spec(self.config, name), self.seed)

    def _dial_issuer(self, name: str) -> None:
        """Keep a connection to the issuer, as long as it accepts one."""
        wire = self._dialled.get(name)
        if wire is None or not wire.open:
            self._dialled[name] = connect(self.switch, self.link_index[name], self.issuers[name], 0)
        self.world.after(REDIAL_S, lambda: self._dial_issuer(name))

    def start_traffic(self) -> dict[str, Host]:
        """Sample traffic as the configuration has it, until `stop_traffic` of each part; returns the acquirers."""
        acquirers = {
            traffic.link: Host(
                self.world,
                f"traffic-{traffic.link}",
                Acquirer(acquirer_spec(self.config, traffic.link), self.seed),
                self.hsm,
                SimLog(),
            )
            for traffic in self.config.traffic
        }
        for link, host in acquirers.items():
            self._dial_switch(link, host, None)
        return acquirers

    def _dial_switch(self, link: str, host: Host, wire: Wire | None) -> None:
        """The acquirer dials the switch, and again whenever the connection breaks."""
        if wire is None or not wire.open:
            wire = connect(host, 0, self.switch, self.link_index[link])
        self.world.after(REDIAL_S, lambda: self._dial_switch(link, host, wire))

    def dial(self, link: str, receive: Callable[[bytes], None], closed: Callable[[], None]) -> "Client":
        """A client of ours connects to an acquirer link."""
        return Client(self, link, receive, closed)

    def crash_switch(self) -> None:
        """kill -9 and a restart: whatever was not synced may be gone."""
        self.switch.crash()
        self.switch.disk.crash(self.random)
        self.switch.reborn(self._new_switch(self.switch.disk))

    def crash_issuer(self, name: str) -> None:
        """The same for an issuer."""
        host = self.issuers[name]
        host.crash()
        host.disk.crash(self.random)
        issuer = self._new_issuer(name)
        issuer.restore(payloads(host.disk), self.world.now)
        host.reborn(issuer)


class Client:
    """A TCP client of an acquirer link, for tests and simulated acquirers."""

    def __init__(
        self, bench: Bench, link: str, receive: Callable[[bytes], None], closed: Callable[[], None]
    ) -> None:  # fmt: skip
        switch, number = bench.switch, [0]
        self._wire = Wire(
            bench.world,
            End(receive, closed),
            End(lambda frame: switch.receive(number[0], frame), lambda: switch.detach(number[0])),
        )
        number[0] = switch.attach(
            bench.link_index[link], lambda frame: self._wire.send(1, frame), self._wire.close
        )  # fmt: skip

    @property
    def open(self) -> bool:
        """Is the connection still there?"""
        return self._wire.open

    def send(self, frame: bytes) -> None:
        """Send a frame to the switch."""
        self._wire.send(0, frame)

    def close(self) -> None:
        """Hang up."""
        self._wire.close()


def payloads(disk: SimLog) -> Iterable[bytes]:
    """The records of a disk, without their numbers."""
    return (payload for _, payload in disk.replay())
