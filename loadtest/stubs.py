"""The programs that stand around a switch while its CPU time is measured; each is a process of its own.

    python -m loadtest.stubs hosts                        issuer and HSM, on free ports: `ready issuer=… hsm=…`
    python -m loadtest.stubs generator --port P …         a closed loop on an acquirer port; a report as JSON
    python -m loadtest.stubs spin --seconds S             the share of a core that a busy loop is given

Issuer and HSM share a process, because with a switch on one core all its counterparts share the other, and every
process more there is a switch of context more per wake-up. All programs end by themselves.
"""

import argparse
import json
import signal
import socket
import sys
import time
from typing import TypedDict

from loadtest._stubs import Generator, Hosts
from loadtest.cpu import cpu_seconds, spin
from loadtest.messages import ascii_layout, prepare
from switch.iso8583.dialect import load

LOOPBACK = "127.0.0.1"
BACKLOG = 128
LIFETIME_S = 900.0  # a whole run of the benchmarks takes less
PATIENCE_S = 7.0  # past the switch's issuer timer of 5 s and its answer 91


class Report(TypedDict):
    """What a generator saw in its window, after the warm-up."""

    answers: int
    by_de39: dict[str, int]
    unmatched: int
    unanswered: int  # when it stopped
    seconds: float
    cpu_seconds: float  # of the watched process, in the window
    p50_ms: float
    p99_ms: float


def listening() -> tuple[int, int]:
    """A listening socket on a free loopback port: its descriptor, for the compiled side to own, and the port."""
    server = socket.create_server((LOOPBACK, 0), backlog=BACKLOG)
    server.setblocking(False)
    port: int = server.getsockname()[1]
    return server.detach(), port


def dialled(port: int) -> int:
    """The descriptor of a connection to a loopback port, for the compiled side to own."""
    client = socket.create_connection((LOOPBACK, port), timeout=2.0)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setblocking(False)
    return client.detach()


def announce(**ports: int) -> None:
    """The ready line: whoever started this program waits for it."""
    sys.stdout.write("ready " + " ".join(f"{name}={LOOPBACK}:{port}" for name, port in ports.items()) + "\n")
    sys.stdout.flush()


def serve_hosts(lifetime_s: float) -> None:
    """An issuer and an HSM until killed, or until `lifetime_s` is over."""
    hosts = Hosts(ascii_layout(load("iso87-ascii")))
    issuer_fd, issuer_port = listening()
    hsm_fd, hsm_port = listening()
    hosts.listen_issuer(issuer_fd)
    hosts.listen_hsm(hsm_fd)
    announce(issuer=issuer_port, hsm=hsm_port)
    hosts.run(lifetime_s)


def generate(
    port: int,
    connections: int,
    in_flight: int,
    seconds: float,
    warm_up_s: float,
    watch: int,
    institution_id: str,
) -> Report:
    """Load the acquirer port, and count answers and the CPU time of process `watch` over the same window."""
    now = time.time()
    frames = prepare(institution_id, now)
    # Microseconds, to 12 digits: no later generator, within eleven days, repeats the RRN of an earlier one.
    first_rrn = int(now * 1e6) % 10**12
    layout = ascii_layout(load("iso87-ascii"))
    generator = Generator(layout, frames.purchases, frames.stan_at, frames.rrn_at, first_rrn)
    generator.connect([dialled(port) for _ in range(connections)], frames.sign_on, PATIENCE_S)
    generator.drive(in_flight, warm_up_s)
    began, cpu_began = time.perf_counter(), cpu_seconds(watch)
    generator.drive(in_flight, seconds)
    ended, cpu_ended = time.perf_counter(), cpu_seconds(watch)
    report = Report(
        answers=generator.answers,
        by_de39=generator.by_de39(),
        unmatched=generator.unmatched,
        unanswered=0,
        seconds=ended - began,
        cpu_seconds=cpu_ended - cpu_began,
        p50_ms=generator.percentile_ms(0.50),
        p99_ms=generator.percentile_ms(0.99),
    )
    report["unanswered"] = generator.drain(PATIENCE_S)
    return report


def parser() -> argparse.ArgumentParser:
    """The command line of the three programs."""
    top = argparse.ArgumentParser(prog="python -m loadtest.stubs", description=__doc__.splitlines()[0])
    programs = top.add_subparsers(dest="program", required=True)
    hosts = programs.add_parser("hosts", help="issuer and HSM on free ports")
    hosts.add_argument("--for", dest="seconds", type=float, default=LIFETIME_S, help="stop after so many seconds")
    generator = programs.add_parser("generator", help="a closed loop on an acquirer port")
    generator.add_argument("--port", type=int, required=True)
    generator.add_argument("--connections", type=int, default=8)
    generator.add_argument("--in-flight", type=int, default=64, help="requests in flight, over all connections")
    generator.add_argument("--seconds", type=float, default=2.0)
    generator.add_argument("--warm-up", type=float, default=0.5, help="seconds before the window")
    generator.add_argument("--watch", type=int, required=True, help="process whose CPU time is reported")
    generator.add_argument("--institution-id", default="10000000001", help="DE 32")
    busy = programs.add_parser("spin", help="a busy loop")
    busy.add_argument("--seconds", type=float, default=0.5)
    return top


def main() -> None:
    """Run one program."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a compiled loop would not see Python's handler
    args = parser().parse_args()
    if args.program == "hosts":
        serve_hosts(args.seconds)
        return
    result: Report | float
    if args.program == "spin":
        result = spin(args.seconds)
    else:
        result = generate(
            args.port,
            args.connections,
            args.in_flight,
            args.seconds,
            args.warm_up,
            args.watch,
            args.institution_id,
        )
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
