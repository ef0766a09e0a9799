"""All that stands around a switch while its CPU time is measured, in one process: generator, issuer, HSM.

    python -m loadtest.stubs        `ready issuer=127.0.0.1:… hsm=127.0.0.1:…`

Then each line on standard input orders one window, as JSON (`Order`), and is answered by one line on standard output
(`Report`). Between windows issuer and HSM go on serving. The process ends with its standard input.
"""

import select
import signal
import socket
import sys
import time

import msgspec

from loadtest._generator import Generator
from loadtest.cpu import cpu_seconds
from loadtest.messages import ascii_layout, numbered_at, prepare
from switch.iso8583.dialect import load

LOOPBACK = "127.0.0.1"
BACKLOG = 128
INSTITUTION_ID = "10000000001"  # DE 32 of the shipped acquirer link
PATIENCE_S = 7.0  # past the switch's issuer timer of 5 s and its answer 91
IDLE_TURN_S = 0.05  # how long an order waits at most


class Order(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One window: how to load which acquirer port, and whose CPU time to read at both ends of it."""

    port: int
    connections: int
    in_flight: int  # over all connections
    warm_up_s: float
    seconds: float
    watch: int  # process id
    rate_per_s: float = 0.0  # above 0: an open loop, so many requests a second whatever is answered
    frames: tuple[bytes, ...] = ()  # sent in turn, all of one kind and size; none: the purchases of `loadtest.messages`


class Report(msgspec.Struct, frozen=True):
    """What the generator saw between warm-up and end; the two of the whole exchange say so."""

    answers: int
    by_de39: dict[str, int]
    unmatched: int
    unanswered: int  # of the whole exchange, when patience ended
    translations: int  # of the whole exchange: PIN blocks that went through the HSM
    seconds: float
    cpu_seconds: float  # of the watched process
    p50_ms: float  # of approvals
    p99_ms: float
    asked: int = 0  # the next four of an open loop
    held_back: int = 0  # requests for which the other side left no room
    refused_p50_ms: float = 0.0
    refused_p99_ms: float = 0.0


def listening() -> tuple[int, int]:
    """A listening socket on a free loopback port: its descriptor, for the compiled side to own, and the port."""
    server = socket.create_server((LOOPBACK, 0), backlog=BACKLOG)
    server.setblocking(False)
    port: int = server.getsockname()[1]
    return server.detach(), port


def dialled(port: int) -> int:
    """The descriptor of a connection to a loopback port, for the compiled side to own."""
    client = socket.create_connection((LOOPBACK, port), timeout=PATIENCE_S)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setblocking(False)
    return client.detach()


def announce(**ports: int) -> None:
    """The ready line: whoever started this program waits for it."""
    sys.stdout.write("ready " + " ".join(f"{name}={LOOPBACK}:{port}" for name, port in ports.items()) + "\n")
    sys.stdout.flush()


class Stubs:
    """The compiled counterparts and the frames they send.

    `now`, seconds since the epoch, dates the frames. RRNs count up from its microseconds: no later process, within
    eleven days, repeats one.
    """

    def __init__(self, now: float) -> None:
        self.load = prepare(INSTITUTION_ID, now)
        layout = ascii_layout(load("iso87-ascii"))
        first_rrn = int(now * 1e6) % 10**12
        self.generator = Generator(layout, self.load.purchases, self.load.stan_at, self.load.rrn_at, first_rrn)
        issuer_fd, self.issuer_port = listening()
        hsm_fd, self.hsm_port = listening()
        self.generator.listen_issuer(issuer_fd)
        self.generator.listen_hsm(hsm_fd)

    def window(self, order: Order) -> Report:
        """Sign on, warm up, measure, drain, hang up. Raises WireError when the other side leaves, ValueError for frames
        that are not alike."""
        generator = self.generator
        frames = list(order.frames) or self.load.purchases
        generator.load(frames, *numbered_at(frames[0]))
        translated_before = generator.translations
        generator.connect([dialled(order.port) for _ in range(order.connections)], self.load.sign_on, PATIENCE_S)
        if order.rate_per_s:
            generator.pour(order.rate_per_s, order.warm_up_s)
        else:
            generator.drive(order.in_flight, order.warm_up_s)
        began, cpu_began = time.perf_counter(), cpu_seconds(order.watch)
        if order.rate_per_s:
            generator.pour(order.rate_per_s, order.seconds)
        else:
            generator.drive(order.in_flight, order.seconds)
        ended, cpu_ended = time.perf_counter(), cpu_seconds(order.watch)
        report = Report(
            answers=generator.answers,
            by_de39=generator.by_de39(),
            unmatched=generator.unmatched,
            unanswered=0,
            translations=0,
            seconds=ended - began,
            cpu_seconds=cpu_ended - cpu_began,
            p50_ms=generator.percentile_ms(0.50),
            p99_ms=generator.percentile_ms(0.99),
            asked=generator.asked,
            held_back=generator.held_back,
            refused_p50_ms=generator.percentile_ms(0.50, refusals=True),
            refused_p99_ms=generator.percentile_ms(0.99, refusals=True),
        )
        unanswered = generator.drain(PATIENCE_S)
        generator.hang_up()
        translations = generator.translations - translated_before
        return msgspec.structs.replace(report, unanswered=unanswered, translations=translations)


def main() -> None:
    """Serve, and take orders until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a compiled loop would not see Python's handler
    stubs = Stubs(time.time())
    announce(issuer=stubs.issuer_port, hsm=stubs.hsm_port)
    while True:
        stubs.generator.run(IDLE_TURN_S)
        if not select.select([sys.stdin], [], [], 0)[0]:
            continue
        line = sys.stdin.readline()
        if not line:
            return
        report = stubs.window(msgspec.json.decode(line, type=Order))
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
