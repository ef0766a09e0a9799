"""The switch as a process: its log, listeners, issuer links, HSM client, metrics and control socket around the core."""

import asyncio
import os
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from switch.cards.vault import Vault
from switch.core.keys import Exchange, Exported
from switch.core.specs import SwitchSpec
from switch.core.switch import Switch
from switch.core.totals import Figures
from switch.iso8583.framing import Framing
from switch.net import process, upfile
from switch.net.addresses import Address
from switch.net.connections import Listener
from switch.net.control import ControlServer, socket_path
from switch.net.effects import Driver
from switch.net.hsm import HsmClient
from switch.net.links import Dialer
from switch.net.metrics import MetricsProtocol, PartCollector, registry
from switch.net.starting import SNAPSHOT_AFTER, Beside, freeze, open_log, reporting, shorten
from switch.net.status import Instruments
from switch.net.tap import Tap, tap_path
from switch.net.tls import Tls
from switch.net.visitors import Visitors
from switch.schemes.ocard import Ocard, OcardSpec
from switch.spelling import did_you_mean
from switch.store.file import FileLog
from switch.store.keys import load_or_create
from switch.traces.format import TracedLink

NAME = "switch"
READER_S = 10.0  # for a recorder to be there before the first message; without one all goes on
POLL_S = 0.01  # how often readiness is looked at while starting
GRAIN_S = 0.01  # how late the rules may hear of time: a five-hundredth of their timers, and 100 looks a second at most
RECORDS_EACH = 2  # of an authorization: a snapshot pays when the log is twice as long as what it would remember
COMPLAIN_EVERY_S = 3.0  # a bench that starts as a whole is ready before the first time
EXHAUSTED = ("at", "issuer", "mti", "stan", "rrn", "terminal", "attempts")  # of `Switch.exhausted`, for `status`


@dataclass(frozen=True, slots=True)
class SwitchPart:
    """What the process is told. `addresses` has one entry per link of `spec`: where an acquirer's is listened on, where
    an issuer's is dialled, "" for one that is never dialled; `framings` and `tls` likewise. No `metrics` address, no
    metrics. `traced` is what the tap says of each link; `awaits_reader`: before the first message, for a recorder."""

    spec: SwitchSpec
    addresses: tuple[str, ...]
    framings: tuple[Framing, ...]
    tls: tuple[Tls | None, ...]
    hsm: str
    hsm_header: int
    metrics: str | None
    data: Path
    ocard: OcardSpec | None = None
    traced: Mapping[str, TracedLink] = field(default_factory=dict)
    awaits_reader: bool = False


def run_switch(part: SwitchPart) -> int:
    """Run until SIGTERM (0), SIGINT (130), or the log failed for too long (1). Start-up problems: one line, 1 or 2."""
    return process.run(lambda stop: _run(part, stop))


async def _run(part: SwitchPart, stop: process.Stop) -> int:
    instruments = Instruments(NAME, part.data, [link.name for link in part.spec.links])
    with reporting(instruments) as outcome, open_log(part.data / NAME, instruments) as log:
        keys = load_or_create(part.data / "data.key", may_create=log.last_sequence == 0)
        vault = Vault(keys.data_key, keys.token_key)
        scheme = None if part.ocard is None else Ocard(part.ocard, vault)
        core = Switch(part.spec, vault, process.next_epoch(part.data / NAME / "epoch"), scheme)
        with process.settled_memory():
            core.restore(log.snapshot(), log.records(), instruments.clock())
        running = _RunningSwitch(part, core, log, instruments, stop)
        try:
            await running.serve()
            outcome.status = await stop.wait()
        finally:
            await running.close()
    return outcome.status


class _RunningSwitch:
    def __init__(
        self, part: SwitchPart, core: Switch, log: FileLog, instruments: Instruments, stop: process.Stop
    ) -> None:
        self._part = part
        self._stop = stop
        self._core = core
        self._log = log
        self._snapshot_after = SNAPSHOT_AFTER + 2 * RECORDS_EACH * part.spec.max_transactions
        self._beside = Beside(log, instruments)
        self._instruments = instruments
        self._driver = Driver(
            core,
            instruments.clock,
            instruments.lines,
            instruments.counts,
            journal=log,
            observe=instruments.latencies.observe,
            wake_ups=instruments.latencies.wake_ups,
            grain_s=GRAIN_S,
            refuse_new=core.refuse_new,
            stalled=core.stall,
            failed=lambda: stop.request(process.FAILED),
        )
        self._tap = Tap(self._driver, tap_path(part.data), part.traced)
        self._hsm = HsmClient(self._driver, Address.parse(part.hsm), part.hsm_header)
        self._links: dict[str, Listener | Dialer] = {}
        self._metrics: asyncio.Server | None = None
        self._control = ControlServer(socket_path(part.data, NAME), self._command)

    async def serve(self) -> None:
        """Open everything, and say so once the next purchase can be approved."""
        self._driver.start()
        frozen = freeze(self._log, self._core.snapshot, self._snapshot_after) if self._driver.recorded else None
        await self._tap.start()
        if self._part.awaits_reader:
            await self._tap.wait_for_reader(READER_S)
        self._hsm.start()
        addresses: dict[str, Address] = {}
        part = self._part
        told = zip(part.spec.links, part.addresses, part.framings, part.tls, strict=True)
        for index, (link, text, framing, tls) in enumerate(told):
            layout = link.dialect.layout
            if link.role == "acquirer":
                listener = Listener(self._driver, index, link.name, framing, layout, tls)
                self._links[link.name] = listener
                addresses[link.name] = await listener.start(Address.parse(text))
            elif text:
                dialer = Dialer(self._driver, index, link.name, framing, Address.parse(text), layout, tls)
                self._links[link.name] = dialer
                dialer.start(enabled=link.enabled)
        addresses.update(await self._serve_metrics())
        await self._control.start()
        if await self._wait_until_ready():
            process.announce(self._part.data, NAME, addresses)
            self._beside.write(frozen)

    async def _serve_metrics(self) -> dict[str, Address]:
        if self._part.metrics is None:
            return {}
        counts, latencies = self._instruments.counts, self._instruments.latencies
        exposed = registry(PartCollector(counts, latencies, self._counters, self._core.link_states))
        visitors, place = Visitors(), Address.parse(self._part.metrics)
        self._metrics, address = await place.listen(lambda: MetricsProtocol(exposed, visitors))
        return {"metrics": address}

    def _counters(self) -> dict[str, int]:
        return {**self._core.counters, **self._tap.figures()}

    async def _wait_until_ready(self) -> bool:
        waited_s = 0.0
        while not (self._core.ready() and self._hsm.up):
            if await self._stop.wait_for(POLL_S):
                return False
            waited_s += POLL_S
            if waited_s >= COMPLAIN_EVERY_S:
                waited_s = 0.0
                self._driver.event("start", {"reason": "waiting", "why": f"waiting for {'; '.join(self._awaited())}"})
                self._instruments.lines.flush()
        return True

    def _awaited(self) -> Iterator[str]:
        """What keeps the next purchase from being approved."""
        if not self._hsm.up:
            yield f"the HSM: nothing answers on {self._part.hsm}"
        for name, role, state, _ in self._core.link_states():
            link = self._links[name] if role == "issuer" and name in self._links else None
            if isinstance(link, Dialer) and state not in ("signed-on", "disabled"):
                yield f"issuer {name}: {link.failure or f'{state}, its 0810 to our sign-on is outstanding'}"

    def _command(self, document: dict[str, Any]) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        match document["command"]:
            case "status":
                return {
                    **self._instruments.status(self._counters(), self._core.link_states()),
                    "in_flight": self._core.in_flight(),
                    "reversals_owed": self._core.reversals_owed(),
                    "advices_owed": self._core.advices_owed(),
                    "exhausted": [dict(zip(EXHAUSTED, row, strict=True)) for row in self._core.exhausted()],
                }
            case "latencies":
                return {"latencies": self._instruments.latencies.since_start()}
            case "link":
                self._change_link(document)
                return {}
            case "cutover":
                self._core.cut_over(self._instruments.clock())
                self._driver.wake()
                return {"business_dates": self._core.business_dates()}
            case "totals":
                return {"business_dates": self._core.business_dates(), "totals": totals_rows(self._core.totals())}
            case "numbers":
                return {"numbers": self._core.instruments(self._instruments.clock())}
            case "exchange-key":
                return self._exchange_key(str(document["name"]))
            case "zone-key":
                return self._export_key(str(document["name"]))
            case command:
                known = "status, latencies, link, cutover, totals, numbers, exchange-key and zone-key"
                raise ValueError(f"the switch knows {known}, not {command!r}")

    async def _exchange_key(self, name: str) -> dict[str, Any]:
        """Begin, and wait for how it ends: the core gives up by itself."""
        ended: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        self._check_link(name)
        self._core.exchange_key(name, ended.set_result)
        self._driver.wake()
        return (await ended)._asdict()

    async def _export_key(self, name: str) -> dict[str, Any]:
        """The zone PIN key that exchanges have left in use, under the link's ZMK: for those who hold that in clear."""
        told: asyncio.Future[Exported] = asyncio.get_running_loop().create_future()
        self._check_link(name)
        self._core.export_key(name, told.set_result)
        self._driver.wake()
        return (await told)._asdict()

    def _check_link(self, name: str) -> None:
        """Raise ValueError where there is no such link."""
        if name not in self._links:
            known = ", ".join(self._links)
            raise ValueError(f"no link is named {name!r}{did_you_mean(name, self._links)}; there is {known}")

    def _change_link(self, document: dict[str, Any]) -> None:
        """`link NAME up | down | slow MS`, undone after `for_s` seconds where given."""
        name, action = str(document["name"]), document["action"]
        self._check_link(name)
        link = self._links[name]
        undo = asyncio.get_running_loop().call_later
        for_s = float(document.get("for_s") or 0)
        if action == "slow":
            link.slow(float(document["ms"]))
            if for_s:
                undo(for_s, link.slow, 0.0)
        elif action in ("up", "down"):
            self._set_link(name, up=action == "up")
            if for_s:
                undo(for_s, lambda: self._set_link(name, up=action == "down"))
        else:
            raise ValueError(f"a link goes up, down or slow, not {action!r}")

    def _set_link(self, name: str, *, up: bool) -> None:
        self._core.set_link(name, up, self._instruments.clock())
        link = self._links[name]
        if isinstance(link, Dialer):
            link.enable(up)
        self._driver.wake()

    async def close(self) -> None:
        """Answer what is decided, make it durable, close everything."""
        self._control.close()
        if self._metrics is not None:
            self._metrics.close()
        await self._driver.close()
        await self._beside.wait()
        if self._driver.recorded:
            await shorten(self._log, self._core.snapshot, self._snapshot_after)
        await self._hsm.close()
        for link in self._links.values():
            link.close()
        await self._tap.close()
        await asyncio.sleep(0)  # let the transports say goodbye
        upfile.remove(self._part.data, NAME, os.getpid())


def totals_rows(totals: Iterable[tuple[str, str, str, Figures]]) -> list[dict[str, Any]]:
    """Reconciliation totals as documents, amounts in minor units."""
    return [
        {"link": link, "business_date": business_date, "currency": currency, **figures.named(), "net": figures.net}
        for link, business_date, currency, figures in totals
    ]
