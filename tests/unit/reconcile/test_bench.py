"""Books as the parts write them: the bench on virtual time, its disks put into a data directory, compared."""

from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from switch.acquirers.acquirer import Acquirer
from switch.acquirers.records import decode as decode_line
from switch.config import load
from switch.config.build import acquirer_spec
from switch.core.records import Delivery, Intent, Record, decode
from switch.issuers import records as issuer_records
from switch.reconcile import reconcile
from switch.reconcile.books import BooksError
from switch.simulation.bench import Bench, payloads
from switch.simulation.disk import SimLog
from switch.simulation.world import Host, connect
from switch.store.book import Book
from switch.store.file import FileLog

LINKS = ("acquirer", "acquirer-bcd")
RATE_PER_S = 20.0


class Run:
    """A bench with sample traffic; `save` puts what stands on its disks into files."""

    def __init__(self, seed: int) -> None:
        config = load()
        self.bench = Bench(config, seed)
        self.world = self.bench.world
        self.acquirers = {}
        for name in LINKS:
            spec = msgspec.structs.replace(acquirer_spec(config, name), rate_per_s=RATE_PER_S)
            self.acquirers[name] = Host(self.world, name, Acquirer(spec, seed), self.bench.hsm, SimLog())
        self.world.run(1.0)
        self._dial()

    def _dial(self) -> None:
        """Connect acquirers that are not."""
        for name, host in self.acquirers.items():
            if not host._sends:
                connect(host, 0, self.bench.switch, self.bench.link_index[name])
        self.world.after(0.1, self._dial)

    def drain(self) -> None:
        """No more traffic; let everything end."""
        for host in self.acquirers.values():
            host.part.stop_traffic()  # type: ignore[attr-defined]
        self.world.run(200.0)

    def save(self, data: Path) -> Path:
        """Write the books under `data`; returns it."""
        hosts = {"switch": self.bench.switch, **self.bench.issuers}
        for name, host in hosts.items():
            with closing(FileLog(data / name / "log", segment_bytes=1 << 20)) as log:
                for payload in payloads(host.disk):
                    log.append([payload])
        lines = [line for host in self.acquirers.values() for line in payloads(host.disk)]
        (data / "acquirer.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        return data


@pytest.fixture(scope="module")
def rough() -> Run:
    """Half a minute of traffic with crashes of the switch and an issuer, a stalled HSM and a broken link, drained."""
    run = Run(seed=7)
    random = Random(7)
    for trouble in ("switch", "issuer", "hsm", "link", "switch"):
        run.world.run(3.0 + random.random())
        if trouble == "switch":
            run.bench.crash_switch()
        elif trouble == "issuer":
            run.bench.crash_issuer("issuer-1")
        elif trouble == "hsm":
            run.bench.hsm.up = False
            run.world.run(3.0)
            run.bench.hsm.up = True
        else:
            run.bench.core.set_link("issuer-2", False, run.world.now)
            run.bench.switch.settle()
            run.world.run(2.0)
            run.bench.core.set_link("issuer-2", True, run.world.now)
    run.world.run(5.0)
    run.drain()
    return run


def test_a_rough_run_ends_clean(rough: Run, tmp_path: Path) -> None:
    verdict = reconcile(rough.save(tmp_path), rough.world.now)
    assert verdict["disagreements"] == []
    assert verdict["verdict"] == "clean"
    assert verdict["unanswered"] == 0
    lines = [line for host in rough.acquirers.values() for line in map(decode_line, payloads(host.disk))]
    distinct = {(line.acquirer_id, line.stan, line.rrn) for line in lines}
    assert 500 < verdict["acquirer"]["requests"] == len(distinct) < len(lines)  # a reversed one has several lines
    assert verdict["acquirer"]["reversed"] > 0
    assert verdict["switch"]["reversed"] > 0
    assert verdict["switch"]["owed"] == 0
    assert verdict["issuer"]["books"] == ["issuer-1", "issuer-2"]
    assert list(verdict) == [
        "verdict", "acquirer", "switch", "issuer", "unanswered", "double_effects", "orphan_reversals", "disagreements",
    ]  # fmt: skip
    assert reconcile(tmp_path, rough.world.now) == verdict  # with a book that is fed already


def test_a_run_that_goes_on_accuses_nobody(tmp_path: Path) -> None:
    """Compared while requests are in flight: some are unanswered, none for long."""
    run = Run(seed=3)
    in_flight = 0
    for look in range(5):
        run.world.run(0.517)
        verdict = reconcile(run.save(tmp_path / str(look)), run.world.now)
        assert verdict["disagreements"] == []
        in_flight += verdict["unanswered"]
    assert in_flight > 0


def test_a_book_that_is_missing_is_named(rough: Run, tmp_path: Path) -> None:
    """A foreign client keeps none; switch and issuers are compared all the same."""
    (rough.save(tmp_path) / "acquirer.jsonl").unlink()
    verdict = reconcile(tmp_path, rough.world.now)
    assert (verdict["verdict"], verdict["acquirer"]) == ("clean", {"present": False})
    for file in (tmp_path / "issuer-1" / "log").iterdir():
        file.unlink()
    verdict = reconcile(tmp_path, rough.world.now)
    assert (verdict["verdict"], verdict["issuer"]["absent"]) == ("clean", ["issuer-1"])


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BooksError, match="keeps a book here"):
        reconcile(tmp_path)


def test_a_line_cut_off_is_still_being_written_and_a_damaged_one_is_named(rough: Run, tmp_path: Path) -> None:
    lines = rough.save(tmp_path) / "acquirer.jsonl"
    content = lines.read_bytes()
    lines.write_bytes(content + content[:40])
    assert reconcile(tmp_path, rough.world.now)["verdict"] == "clean"
    lines.write_bytes(b'{"acquirer_id": 7}\n' + content)
    with pytest.raises(BooksError, match=r"acquirer\.jsonl, line 1: .*restore the file"):
        reconcile(tmp_path, rough.world.now)


def lose(disk: SimLog, index: int) -> SimLog:
    """The same disk without one record."""
    left = SimLog()
    left.append([payload for number, payload in enumerate(payloads(disk)) if number != index])
    return left


def test_a_loss_anywhere_in_the_switch_is_found(rough: Run, tmp_path: Path) -> None:
    """Take away each kind of record once: the verdict says so, unless nothing of it was ever seen outside.

    Without a `Delivery` something is owed still, and that is told, but nobody's fault.
    """
    disk = rough.bench.switch.disk
    seen = {
        (record.acquirer_id, record.stan, record.rrn)
        for host in rough.acquirers.values()
        for record in map(decode_line, payloads(host.disk))
        if record.de39 == "00"
    }
    content: list[Record] = [decode(payload) for payload in payloads(disk)]
    approved = {
        record.number
        for record in content
        if isinstance(record, Intent) and (record.acquirer_id, record.stan, record.rrn) in seen
    }
    kinds = {type(found) for found in content if getattr(found, "number", 0) in approved}
    for index in [next(i for i, found in enumerate(content) if type(found) is kind and found.number in approved)
                  for kind in kinds]:  # fmt: skip
        rough.bench.switch.disk = lose(disk, index)
        try:
            verdict = reconcile(rough.save(tmp_path / str(index)), rough.world.now)
        finally:
            rough.bench.switch.disk = disk
        owed = verdict["switch"]["owed"] + verdict["switch"]["advices_owed"]
        assert (verdict["verdict"], owed) == (("clean", 1) if type(content[index]) is Delivery else ("violated", 0))


def test_a_loss_at_an_issuer_is_found(rough: Run, tmp_path: Path) -> None:
    host = rough.bench.issuers["issuer-1"]
    disk = host.disk
    content: list[Any] = [issuer_records.decode(payload) for payload in payloads(disk)]
    moved = next(
        index for index, record in enumerate(content)
        if isinstance(record, issuer_records.Booked) and record.effect_cents and not record.reversed
        and not any(isinstance(r, issuer_records.Reversed) and record.key.startswith(r.origin) for r in content)
    )  # fmt: skip
    host.disk = lose(disk, moved)
    try:
        verdict = reconcile(rough.save(tmp_path), rough.world.now)
    finally:
        host.disk = disk
    assert [entry["kind"] for entry in verdict["disagreements"]] == ["effect-missing"]
    assert verdict["disagreements"][0]["terminal"] in verdict["disagreements"][0]["why"]


def test_the_switchs_own_snapshot_merges_into_the_same_book(rough: Run, tmp_path: Path) -> None:
    """Out of the log, out of a snapshot, or out of both: the same authorizations."""
    state = rough.bench.core.snapshot()
    entries = list(enumerate(payloads(rough.bench.switch.disk), 1))

    def contents(book: Book) -> list[Any]:
        names = ("number", "de39", "outcome", "reversal", "amount", "issuer", "issuer_stan", "terminal")
        return [tuple(getattr(found, name) for name in names) for found in book.authorizations()]

    with Book(tmp_path / "log") as book:
        book.feed(entries)
        fed = contents(book)
        book.merge_snapshot(len(entries) + 1, state)
        assert contents(book) == fed
    with Book(tmp_path / "snapshot") as book:
        book.merge_snapshot(len(entries), state)
        assert contents(book) == fed
