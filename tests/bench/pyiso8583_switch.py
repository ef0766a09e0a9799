"""The same switch as somebody would write it on pyiso8583: what ours is held against, and nothing else.

    python -m tests.bench.pyiso8583_switch --issuer PORT --hsm PORT --journal FILE      `ready acquirer=…`

uvloop and Protocols, whole frames of a wake-up handled at once and answered in one write: the sockets are those of
`loadtest.relay`. In between stands pyiso8583, used as its documentation says: a message is decoded into a dict, the
dict is changed, the dict is encoded.

    0100 ─decode─▶ signed on? ─▶ route by BIN ─▶ HSM: CC ─▶ own STAN, PIN block ─encode─▶ intent durable ─▶ issuer
    0110 ─decode─▶ STAN, DE 37, DE 41 match ─▶ outcome durable ─encode─▶ acquirer

The journal commits in groups: while a thread syncs one batch, the next one fills; nothing leaves before its record is
durable. It does less than ours and so has the advantage: no duplicates, timers, reversals, limits or stand-in, no
histograms, and its records hold no card number rather than a sealed one.
"""

import argparse
import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import iso8583
import msgspec
import uvloop
from iso8583.specs import default_ascii

from loadtest.relay import LIFETIME_S, Peer
from loadtest.stubs import LOOPBACK, announce
from switch.cards.masking import mask_pan

HEAD_BYTES = 2  # of a frame: its length
ROUTES = {"468738": "issuer"}
BIN_DIGITS = range(8, 3, -1)  # the longest prefix wins
ECHOED = ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49", "70")
SOURCE_KEY, TARGET_KEY = "U" + "0" * 32, "U" + "1" * 32
STAN_MAX = 999_999
TRANSLATED = b"CD00"
BLOCK = slice(6, 22)  # in the HSM's answer, after the code, the error and the PIN length
SEGMENT_BYTES = 64 << 20  # preallocated, so that a sync need not lengthen the file

Document = dict[str, Any]


class Waiting(NamedTuple):
    """A request at the issuer."""

    acquirer: Peer
    request: Document
    stan: str  # the acquirer's


class Journal:
    """Group commit on a file: `record` now, `then` once it is durable."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self.loop = loop
        self.at = self.allocated = 0
        self.records: list[bytes] = []
        self.held: list[Callable[[], None]] = []
        self.syncing = False

    def record(self, fields: tuple[object, ...], then: Callable[[], None]) -> None:
        """Add a record to the open batch, which goes on its way when the wake-up ends or the last sync does."""
        if not self.records and not self.syncing:
            self.loop.call_soon(self.commit)
        self.records.append(msgspec.msgpack.encode(fields))
        self.held.append(then)

    def commit(self) -> None:
        """Write the open batch, and have it synced."""
        if self.syncing or not self.records:
            return
        data, held = b"".join(self.records), self.held
        self.records, self.held = [], []
        if self.at + len(data) > self.allocated:
            os.posix_fallocate(self.fd, self.allocated, SEGMENT_BYTES)
            self.allocated += SEGMENT_BYTES
        os.pwrite(self.fd, data, self.at)
        self.at += len(data)
        self.syncing = True
        self.loop.run_in_executor(None, os.fdatasync, self.fd).add_done_callback(partial(self.synced, held))

    def synced(self, held: list[Callable[[], None]], done: asyncio.Future[None]) -> None:
        """What waited for the batch may leave."""
        done.result()
        self.syncing = False
        for then in held:
            then()
        self.commit()


class Switch:
    """The rules. `write_later` and `connected` are what `Peer` asks for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
        self.loop = loop
        self.journal = journal
        self.connected: set[Peer] = set()
        self.dirty: list[Peer] = []
        self.signed_on: set[Peer] = set()
        self.at_hsm: dict[bytes, tuple[Peer, Document]] = {}
        self.at_issuer: dict[str, Waiting] = {}
        self.commands = self.stan = 0
        self.hsm = Peer(self, self.translated)
        self.issuer = Peer(self, self.responded)

    def acquirer(self) -> Peer:
        """The protocol of one more acquirer's connection."""
        return Peer(self, self.requested)

    def requested(self, acquirer: Peer, frame: bytes) -> None:
        """From an acquirer."""
        request, _ = iso8583.decode(frame[HEAD_BYTES:], default_ascii)
        if request["t"] == "0800":
            self.signed_on.add(acquirer)
            self.answer(acquirer, request, "00")
        elif acquirer not in self.signed_on:
            self.answer(acquirer, request, "91")
        elif not any(request["2"][:digits] in ROUTES for digits in BIN_DIGITS):
            self.answer(acquirer, request, "92")
        else:
            self.translate(acquirer, request)

    def translate(self, acquirer: Peer, request: Document) -> None:
        """Ask the HSM for the PIN block under the issuer's key."""
        self.commands = (self.commands + 1) % 0x10000
        header = b"%04X" % self.commands
        self.at_hsm[header] = acquirer, request
        account = request["2"][-13:-1]
        command = f"CC{SOURCE_KEY}{TARGET_KEY}12{request['52']}0101{account}"
        self.hsm.send(framed(header + command.encode("ascii")))

    def translated(self, _hsm: Peer, frame: bytes) -> None:
        """From the HSM: the request goes on under our own STAN."""
        reply = frame[HEAD_BYTES + 4 :]
        acquirer, request = self.at_hsm.pop(frame[HEAD_BYTES : HEAD_BYTES + 4])
        if not reply.startswith(TRANSLATED):
            self.answer(acquirer, request, "88")
            return
        self.stan = self.stan % STAN_MAX + 1
        stan = f"{self.stan:06d}"
        self.at_issuer[stan] = Waiting(acquirer, request, request["11"])
        forwarded = request | {"11": stan, "52": reply[BLOCK].decode("ascii")}
        data = encoded(forwarded)
        kept = [request[field] for field in ("t", "3", "4", "7", "11", "13", "32", "37", "41", "42", "49")]
        intent = (1, self.stan, self.loop.time(), mask_pan(request["2"]), *kept)
        self.journal.record(intent, lambda: self.issuer.send(data))

    def responded(self, _issuer: Peer, frame: bytes) -> None:
        """From the issuer: its answer, under the acquirer's STAN."""
        response, _ = iso8583.decode(frame[HEAD_BYTES:], default_ascii)
        waiting = self.at_issuer.get(response["11"])
        if waiting is None or any(response[field] != waiting.request[field] for field in ("37", "41")):
            return
        del self.at_issuer[response["11"]]
        approval = response.get("38", "")
        outcome = (2, response["11"], self.loop.time(), response["39"], approval)
        data = encoded(response | {"11": waiting.stan})
        self.journal.record(outcome, lambda: waiting.acquirer.send(data))

    def answer(self, acquirer: Peer, request: Document, de39: str) -> None:
        """What the switch says by itself."""
        echoed = {field: request[field] for field in ECHOED if field in request}
        response_mti = f"{request['t'][:2]}10"
        acquirer.send(encoded({"h": "", "t": response_mti, "39": de39} | echoed))

    def write_later(self, peer: Peer) -> None:
        """Have `peer` write when all that this wake-up brought has been handled."""
        if not self.dirty:
            self.loop.call_soon(self.write_all)
        self.dirty.append(peer)

    def write_all(self) -> None:
        """One write for each connection that has something to say."""
        for peer in self.dirty:
            peer.write()
        self.dirty.clear()


def framed(payload: bytes | bytearray) -> bytes:
    """With its length before it."""
    return len(payload).to_bytes(HEAD_BYTES, "big") + payload


def encoded(document: Document) -> bytes:
    """A document as a frame."""
    return framed(iso8583.encode(document, default_ascii)[0])


async def serve(issuer_port: int, hsm_port: int, journal: Path) -> None:
    """Dial the two hosts, listen for acquirers on a free port, and serve until killed."""
    loop = asyncio.get_running_loop()
    switch = Switch(loop, Journal(journal, loop))
    await loop.create_connection(lambda: switch.hsm, LOOPBACK, hsm_port)
    await loop.create_connection(lambda: switch.issuer, LOOPBACK, issuer_port)
    server = await loop.create_server(switch.acquirer, LOOPBACK, 0)
    announce(acquirer=server.sockets[0].getsockname()[1])
    await asyncio.sleep(LIFETIME_S)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pyiso8583_switch", description=__doc__.splitlines()[0])
    parser.add_argument("--issuer", type=int, required=True, help="port of the issuer")
    parser.add_argument("--hsm", type=int, required=True, help="port of the HSM")
    parser.add_argument("--journal", type=Path, required=True, help="file of the journal")
    args = parser.parse_args()
    uvloop.run(serve(args.issuer, args.hsm, args.journal))


if __name__ == "__main__":
    main()
