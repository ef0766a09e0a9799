"""The whole bench on virtual time, built from the same configuration as the real one.

Issuers are dialled again when a connection breaks, as the shell does; a crashed part comes back from its disk, its
clock perhaps elsewhere. A simulated acquirer comes back without memory: its cardholders have gone home.
"""

from collections.abc import Callable, Iterable
from random import Random

from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device
from switch.acquirers.acquirer import Acquirer
from switch.cards.vault import Vault
from switch.config.build import acquirer_spec, issuer_spec, ocard_spec, switch_spec
from switch.config.tables import Config
from switch.core.switch import Switch
from switch.issuers.issuer import Issuer
from switch.schemes.ocard import Ocard
from switch.simulation import faults
from switch.simulation.disk import SimLog
from switch.simulation.faults import Fault, Plan
from switch.simulation.world import End, Host, Part, SimHsm, Watch, Wire, World, connect

START = 1_790_000_000.0  # a day in September 2026; any would do
REDIAL_S = 0.1  # as the shell's first wait
DATA_KEY, TOKEN_KEY = bytes(range(32)), bytes(range(32, 64))


class Bench:
    """Switch, issuers and HSM of `config`; clients come in by `dial`."""

    def __init__(self, config: Config, seed: int = 0, plan: Plan | None = None, watch: Watch | None = None) -> None:
        self.config = config
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 - a simulation wants the same numbers again
        self.world = World(START, plan, watch)
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
        self.acquirers: dict[str, Host] = {}  # by link, once there is traffic
        self._dialled: dict[str, Wire] = {}
        for link in self.spec.links:
            if (name := link.joins or link.name) in self.issuers:
                self._dial_issuer(link.name, name)
        self._mortal("switch", self.switch)
        for name, host in self.issuers.items():
            self._mortal(name, host)

    @property
    def core(self) -> Switch:
        """The switch that runs now."""
        assert isinstance(self.switch.part, Switch)
        return self.switch.part

    def _new_switch(self, disk: SimLog) -> Switch:
        self.epoch += 1
        vault, ocard = Vault(DATA_KEY, TOKEN_KEY), ocard_spec(self.config)
        switch = Switch(self.spec, vault, self.epoch, None if ocard is None else Ocard(ocard, vault))
        switch.restore(disk.snapshot(), payloads(disk), self.switch.clock() if self.epoch > 1 else self.world.now)
        return switch

    def _new_issuer(self, name: str) -> Issuer:
        return Issuer(issuer_spec(self.config, name), self.seed)

    def _dial_issuer(self, line: str, name: str) -> None:
        """Keep a connection of that line to the issuer, as long as it accepts one."""
        wire, issuer = self._dialled.get(line), self.issuers[name]
        if (wire is None or not wire.known_open[0]) and self.switch.up and issuer.up:
            self._dialled[line] = connect(self.switch, self.link_index[line], issuer, 0)
        self.world.after(REDIAL_S, lambda: self._dial_issuer(line, name))

    def start_traffic(self) -> dict[str, Host]:
        """Sample traffic as the configuration has it, until `stop_traffic` of each part; returns the acquirers."""
        for traffic in self.config.traffic:
            link = traffic.link
            host = Host(self.world, f"traffic-{link}", self._new_acquirer(link), self.hsm, SimLog())
            self.acquirers[link] = host
            self._mortal(link, host)
            self._dial_switch(link, host, None)
        return self.acquirers

    def _new_acquirer(self, link: str) -> Acquirer:
        return Acquirer(acquirer_spec(self.config, link), self.seed)

    def _dial_switch(self, link: str, host: Host, wire: Wire | None) -> None:
        """The acquirer dials the switch, and again whenever the connection breaks."""
        if (wire is None or not wire.known_open[0]) and self.switch.up and host.up:
            wire = connect(host, 0, self.switch, self.link_index[link])
        self.world.after(REDIAL_S, lambda: self._dial_switch(link, host, wire))

    def dial(self, link: str, receive: Callable[[bytes], None], closed: Callable[[], None]) -> "Client":
        """A client of ours connects to an acquirer link."""
        return Client(self, link, receive, closed)

    # -- crashes ----------------------------------------------------------------------------------------------------

    def crash_switch(self) -> None:
        """A power cut and a restart: whatever was not synced may be gone."""
        self._crash(self.switch, self.random)
        self._restart("switch", self.switch)

    def crash_issuer(self, name: str) -> None:
        """The same for an issuer."""
        self._crash(self.issuers[name], self.random)
        self._restart(name, self.issuers[name])

    def _mortal(self, name: str, host: Host) -> None:
        """A fault that ends the process of `host` is followed by the supervisor's restart."""

        def dies(fault: Fault) -> None:
            words = " ".join(map(str, (self.seed, *fault.occasion)))
            random = None if fault.kind == "killed" else Random(words)  # noqa: S311 - the same numbers again
            self._crash(host, random)
            down_s = faults.SHORTEST_DOWN_S + fault.share * (faults.LONGEST_DOWN_S - faults.SHORTEST_DOWN_S)
            self.world.watch.fault(f"{host.name} is down: {fault.kind}", self.world.now)
            self.world.after(down_s, lambda: self._restart(name, host))

        host.dies = dies

    @staticmethod
    def _crash(host: Host, random: Random | None) -> None:
        host.crash()
        host.disk.crash(random)

    def _restart(self, name: str, host: Host) -> None:
        fault = self.world.strike(faults.START, host.name)
        kind = fault.kind if fault is not None else ""
        # A terminal that lost its memory and whose clock went back would repeat its own DE 37: nobody could tell.
        if fault is not None and kind == "clock-jump" and host is not self.acquirers.get(name):
            host.clock_offset_s = (2 * fault.share - 1) * faults.LONGEST_JUMP_S
        host.reborn(self._reborn_part(name, host))
        self.world.watch.fault(f"{host.name} is up again", self.world.now)
        if kind == "snapshot" and isinstance(host.part, Switch | Issuer):
            host.shorten_log(host.part.snapshot)

    def _reborn_part(self, name: str, host: Host) -> Part:
        if host is self.switch:
            return self._new_switch(host.disk)
        if name in self.issuers:
            issuer = self._new_issuer(name)
            issuer.restore(payloads(host.disk), host.clock(), host.disk.snapshot())
            return issuer
        return self._new_acquirer(name)


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
