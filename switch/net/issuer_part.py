"""A simulated issuer as a process: its log, its listener, its HSM client and its control socket."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from switch.iso8583.framing import Framing
from switch.issuers.issuer import Issuer
from switch.issuers.specs import IssuerSpec
from switch.net import process, upfile
from switch.net.addresses import Address
from switch.net.connections import Listener
from switch.net.control import ControlServer, socket_path
from switch.net.effects import Driver
from switch.net.hsm import HsmClient
from switch.net.starting import Beside, freeze, open_log, reporting, shorten
from switch.net.status import Instruments
from switch.net.tls import Tls
from switch.profiles.latency import Profile
from switch.store.file import FileLog

_ONLY_LINK = 0  # whoever connects is the switch


@dataclass(frozen=True, slots=True)
class IssuerPart:
    """What the process is told. Latencies are drawn from `seed` and each transaction."""

    name: str
    spec: IssuerSpec
    seed: int
    listen: str
    framing: Framing
    tls: Tls | None
    hsm: str
    hsm_header: int
    data: Path
    profiles: Mapping[str, Profile]  # those that control may choose from, by name


def run_issuer(part: IssuerPart) -> int:
    """Run until SIGTERM (0), SIGINT (130), or the log failed for too long (1). Start-up problems: one line, 1 or 2."""
    return process.run(lambda stop: _run(part, stop))


async def _run(part: IssuerPart, stop: process.Stop) -> int:
    instruments = Instruments(part.name, part.data)
    with reporting(instruments) as outcome, open_log(part.data / part.name, instruments) as log:
        issuer = Issuer(part.spec, part.seed)
        with process.settled_memory():
            issuer.restore(log.records(), instruments.clock(), log.snapshot())
        running = _RunningIssuer(part, issuer, log, instruments, stop)
        try:
            await running.serve()
            outcome.status = await stop.wait()
        finally:
            await running.close()
    return outcome.status


class _RunningIssuer:
    def __init__(
        self, part: IssuerPart, issuer: Issuer, log: FileLog, instruments: Instruments, stop: process.Stop
    ) -> None:
        self._part = part
        self._issuer = issuer
        self._log = log
        self._beside = Beside(log, instruments)
        self._instruments = instruments
        self._driver = Driver(
            issuer,
            instruments.clock,
            instruments.lines,
            instruments.counts,
            journal=log,
            failed=lambda: stop.request(process.FAILED),
        )
        self._hsm = HsmClient(self._driver, Address.parse(part.hsm), part.hsm_header)
        self._listener = Listener(self._driver, _ONLY_LINK, part.name, part.framing, part.spec.dialect.layout, part.tls)
        self._control = ControlServer(socket_path(part.data, part.name), self._command)

    async def serve(self) -> None:
        """Listen, and say so: the switch connects and signs on by itself."""
        self._driver.start()
        frozen = freeze(self._log, self._issuer.snapshot) if self._driver.recorded else None
        self._hsm.start()
        address = await self._listener.start(Address.parse(self._part.listen))
        await self._control.start()
        process.announce(self._part.data, self._part.name, {self._part.name: address})
        self._beside.write(frozen)

    def _command(self, document: dict[str, Any]) -> dict[str, Any]:
        match document["command"]:
            case "status":
                return {**self._instruments.status(self._issuer.counters), **self._issuer.settings()}
            case "reset":
                self._issuer.reset()
            case "arm":
                self._issuer.arm(str(document["card"]), int(document["next"]), str(document["de39"]))
            case "decline":
                self._issuer.decline(float(document["percent"]), str(document["de39"]))
            case "profile":
                self._use_profile(str(document["name"]))
            case "exchange-key":
                self._issuer.exchange_key()
            case command:
                raise ValueError(
                    f"an issuer knows status, reset, arm, decline, profile and exchange-key, not {command!r}"
                )
        self._driver.wake()
        return {}

    def _use_profile(self, name: str) -> None:
        known = self._part.profiles
        if name not in known:
            raise ValueError(f"no latency profile is named {name!r}; there is {', '.join(known)}")
        self._issuer.use_profile(known[name])

    async def close(self) -> None:
        """Make durable what is booked, and close everything."""
        self._control.close()
        await self._driver.close()
        await self._beside.wait()
        if self._driver.recorded:
            await shorten(self._log, self._issuer.snapshot)
        await self._hsm.close()
        self._listener.close()
        upfile.remove(self._part.data, self._part.name, os.getpid())
