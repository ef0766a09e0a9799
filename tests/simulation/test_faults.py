"""Each kind of fault alone: what the two ends of a wire, a disk and a part notice of it."""

from dataclasses import dataclass
from random import Random

import pytest

from switch.acquirers.acquirer import Acquirer
from switch.config.tables import Config
from switch.simulation.bench import Bench, payloads
from switch.simulation.disk import SimLog
from switch.simulation.faults import DISK, FRAME, HSM, LONGEST_DOWN_S, START, Fault, Occasion, Plan
from switch.simulation.world import HSM_TIMEOUT_S, LINK_DELAY_S, End, Watch, Wire, World
from switch.store.log import LogError


@dataclass
class Planned(Plan):
    """Strikes where it is told to, with the kind, amount and share it is told."""

    planned: tuple[Fault, ...] = ()

    def _drawn(self, occasion: Occasion) -> Fault | None:
        return next((fault for fault in self.planned if fault.occasion == occasion), None)


def plan(kind: str, place: str, where: str, number: int, amount_s: float = 0.0, share: float = 0.6) -> Planned:
    return Planned(0, "heavy", planned=(Fault(kind, Occasion(place, where, number), amount_s, share),))


def conversation(kind: str, amount_s: float = 0.0) -> tuple[list[tuple[float, bytes]], list[tuple[float, str]]]:
    """Left says 1, 2, 3 at once; the fault strikes 2. What right hears, and who learns when of the end."""
    world = World(0.0, plan(kind, FRAME, "left>right", 2, amount_s))
    heard: list[tuple[float, bytes]] = []
    ends: list[tuple[float, str]] = []
    left = End(lambda frame: None, lambda: ends.append((world.now, "left")))
    right = End(lambda frame: heard.append((world.now, frame)), lambda: ends.append((world.now, "right")))
    wire = Wire(world, left, right, ("left", "right"))
    for frame in (b"1", b"2", b"3"):
        wire.send(0, frame)
    world.run(60.0)
    return heard, ends


SOON = LINK_DELAY_S


@pytest.mark.parametrize(
    ("kind", "heard"),
    [
        ("lost", [(SOON, b"1"), (SOON, b"3")]),
        ("duplicated", [(SOON, b"1"), (SOON, b"2"), (SOON, b"3"), (SOON + 7, b"2")]),
        ("delayed", [(SOON, b"1"), (SOON + 7, b"2"), (SOON + 7, b"3")]),
        ("overtaken", [(SOON, b"1"), (SOON, b"3"), (SOON + 7, b"2")]),
        ("unread", [(SOON, b"1"), (SOON + 7, b"2"), (SOON + 7, b"3")]),
        ("none of them", [(SOON, b"1"), (SOON, b"2"), (SOON, b"3")]),
    ],
)
def test_frames(kind: str, heard: list[tuple[float, bytes]]) -> None:
    assert conversation(kind, 7.0) == (heard, [])


def test_a_cut_connection_loses_what_is_under_way_and_one_end_learns_late() -> None:
    heard, ends = conversation("cut", 7.0)
    assert heard == []
    assert ends == [(0.0, "left"), (7.0, "right")]


@pytest.mark.parametrize(("kind", "left"), [("killed", {1}), ("power-cut", {0, 1})])
def test_a_crash_with_a_write_under_way(config: Config, kind: str, left: set[int]) -> None:
    """A killed process leaves what it wrote to the kernel; a power cut may take it. Then it comes back."""
    found = set()
    for seed in range(6):
        bench = Bench(config, seed, plan(kind, DISK, "traffic-acquirer", 1))
        bench.world.run(1.0)
        bench.start_traffic()
        host = bench.acquirers["acquirer"]
        while host.up:
            bench.world.run(0.001)
        found.add(len(list(payloads(host.disk))))
        bench.world.run(LONGEST_DOWN_S + 1.0)
        assert host.up
        assert isinstance(host.part, Acquirer)
        assert host.part.counters["requests"] > 0
    assert found == left


@pytest.mark.parametrize("kind", ["io-error", "disk-full"])
def test_a_log_that_fails_ends_its_part_and_nothing_leaves(config: Config, kind: str) -> None:
    said: list[bytes] = []

    class Answers(Watch):
        def sent(self, sender: str, receiver: str, frame: bytes, now: float) -> None:
            if sender == "issuer-1" and frame.startswith(b"0110"):
                said.append(frame)

    bench = Bench(config, 1, plan(kind, DISK, "issuer-1", 1), Answers())
    bench.world.run(1.0)
    bench.start_traffic()
    host = bench.issuers["issuer-1"]
    while host.up:
        bench.world.run(0.001)
    assert said == []
    bench.world.run(10.0)
    assert said


@pytest.mark.parametrize(
    ("kind", "amount_s", "answered_after_s"),
    [("hsm-slow", 1.0, 1.001), ("hsm-silent", 0.5, HSM_TIMEOUT_S), ("hsm-fault", 0.0, 0.001)],
)
def test_the_hsm(config: Config, kind: str, amount_s: float, answered_after_s: float) -> None:
    bench = Bench(config, 1, plan(kind, HSM, "hsm", 1, amount_s))
    replies: list[tuple[float, bytes | None]] = []
    bench.switch.hsm_reply = (  # type: ignore[method-assign]
        lambda tag, reply, life: replies.append((bench.world.now - start, reply))
    )
    bench.world.run(1.0)
    start = bench.world.now
    bench.hsm.ask(bench.switch, 1, b"NC", 0)
    bench.world.run(5.0)
    ((at, reply),) = replies
    assert at == pytest.approx(answered_after_s, rel=1e-3)
    assert (reply or b"")[:4] == {"hsm-slow": b"ND00", "hsm-silent": b"", "hsm-fault": b"ND41"}[kind]
    bench.hsm.ask(bench.switch, 2, b"NC", 0)
    bench.world.run(5.0)
    assert (replies[1][1] or b"").startswith(b"ND00")


def test_a_part_comes_back_with_another_clock(config: Config) -> None:
    bench = Bench(config, 1, plan("clock-jump", START, "switch", 1, share=0.75))
    bench.world.run(1.0)
    bench.crash_switch()
    assert bench.switch.clock() - bench.world.now == 1800.0
    bench.world.run(1.0)
    assert bench.core.ready()


def test_a_part_comes_back_from_a_snapshot(config: Config) -> None:
    bench = Bench(config, 1, plan("snapshot", START, "switch", 1))
    bench.world.run(1.0)
    bench.start_traffic()
    bench.world.run(5.0)
    assert bench.switch.disk.snapshot() is None
    bench.crash_switch()
    assert bench.switch.disk.snapshot() == bench.core.snapshot()
    assert list(payloads(bench.switch.disk)) == []
    state = bench.core.snapshot()
    bench.switch.disk.crash(Random(1))
    assert list(payloads(bench.switch.disk)) == []
    assert bench.switch.disk.snapshot() == state


def test_a_full_disk_takes_half_a_batch_and_refuses_the_rest() -> None:
    log = SimLog()
    log.append([b"whole"])
    log.sync()
    with pytest.raises(LogError, match="no space left on device"):
        log.append([b"half" * 100], full=True)
    with pytest.raises(LogError, match="closed"):
        log.sync()
    log.crash(None)
    assert [payload for _, payload in log.replay()] == [b"whole"]
    assert log.recovery.torn_bytes > 100
    assert log.append([b"again"]) == 2


def test_what_became_durable_is_shown_once() -> None:
    log = SimLog()
    log.append([b"a"])
    assert log.take_durable() == b""
    log.sync()
    first = log.take_durable()
    log.append([b"b"])
    log.crash(None)
    second = log.take_durable()
    assert (b"a" in first, b"b" in second, log.take_durable()) == (True, True, b"")
    log.write_snapshot(2, b"state")
    log.append([b"c"])
    log.sync()
    assert log.take_durable().endswith(b"c")
