"""The closed loop: what it sends, what it counts, and that both relays carry it."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread

import iso8583
import msgspec
import pytest
import uvloop
from iso8583.specs import default_ascii

from loadtest._generator import Generator
from loadtest._relay import Relay as NativeRelay
from loadtest._wire import WireError
from loadtest.messages import HSM_COMMAND, Load, ascii_layout, numbered_at, prepare
from loadtest.relay import relaying
from loadtest.stubs import Order, Report, Stubs, dialled, listening
from switch.cards.pan import is_pan
from switch.iso8583.dialect import load
from tests.bench.programs import Programs, cores
from tests.unit.loadtest.counterparts import PATIENCE_S, Caller, Served, serving, wrapped

NOW = 1_800_000_000.0
FIRST_RRN = 999_998
STOPPED_S = 0.3
MANDATORY = {"2", "3", "4", "7", "11", "12", "13", "14", "22", "32", "37", "41", "42", "49", "52"}


@pytest.fixture(scope="module")
def prepared() -> Load:
    return prepare("10000000001", NOW)


def generator(prepared: Load) -> Generator:
    layout = ascii_layout(load("iso87-ascii"))
    return Generator(layout, prepared.purchases, prepared.stan_at, prepared.rrn_at, FIRST_RRN)


class Acquirer:
    """An acquirer port that answers each request as a rule says, in a thread; it keeps what it was sent."""

    def __init__(self, rule: Callable[[dict[str, str]], list[dict[str, str]]]) -> None:
        self.rule = rule
        self.requests: list[dict[str, str]] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.thread = Thread(target=self.serve, daemon=True)

    def serve(self) -> None:
        connection, _ = self.server.accept()
        with connection, connection.makefile("rb") as stream, suppress(ConnectionError):
            while head := stream.read(2):
                request, _ = iso8583.decode(stream.read(int.from_bytes(head, "big")), default_ascii)
                self.requests.append(request)
                answers = [request] if request["t"] == "0800" else self.rule(request)
                for answer in answers:
                    response = {key: value for key, value in answer.items() if key not in ("h", "p", "1")}
                    if answer["t"] == request["t"]:
                        response["t"] = f"{request['t'][:2]}1{request['t'][3]}"
                    response = {"h": "", "39": "00"} | response
                    connection.sendall(wrapped(bytes(iso8583.encode(response, default_ascii)[0])))

    def __enter__(self) -> "Acquirer":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join(PATIENCE_S)
        self.server.close()


def test_a_thousand_complete_requests_are_prepared(prepared: Load) -> None:
    documents = [iso8583.decode(frame, default_ascii)[0] for frame in prepared.purchases]
    assert len({document["2"] for document in documents}) == 1000
    assert {len(frame) for frame in prepared.purchases} == {498}
    for document in documents:
        assert is_pan(document["2"])
        assert document.keys() >= MANDATORY
        assert len(document.keys() - {"h", "t", "p", "1"}) == 20


def test_requests_are_those_prepared_each_under_its_own_numbers(prepared: Load) -> None:
    with Acquirer(lambda request: [request]) as acquirer:
        running = generator(prepared)
        running.connect([dialled(acquirer.port)], prepared.sign_on, PATIENCE_S)
        running.drive(8, 0.1)
        assert running.by_de39() == {"00": running.answers}
        assert running.drain(PATIENCE_S) == 0
        running.hang_up()
    sign_on, *requests = acquirer.requests
    assert (sign_on["t"], sign_on["70"]) == ("0800", "001")
    numbers = range(FIRST_RRN, FIRST_RRN + len(requests))
    assert [request["37"] for request in requests] == [f"{number:012}" for number in numbers]
    assert [request["11"] for request in requests] == [f"{number % 999_999 + 1:06}" for number in numbers]
    assert "000000" not in {request["11"] for request in requests}
    for request, frame in zip(requests, prepared.purchases, strict=False):
        document, _ = iso8583.decode(frame, default_ascii)
        assert request | {"11": "", "37": ""} == document | {"11": "", "37": ""}


def test_declines_are_counted_by_their_code(prepared: Load) -> None:
    with Acquirer(lambda request: [request | {"39": "51" if int(request["11"]) % 2 else "91"}]) as acquirer:
        running = generator(prepared)
        running.connect([dialled(acquirer.port)], prepared.sign_on, PATIENCE_S)
        running.drive(4, 0.1)
        assert running.by_de39().keys() == {"51", "91"}
        assert sum(running.by_de39().values()) == running.answers
        assert running.percentile_ms(0.99) == 0  # no approvals
        assert 0 < running.percentile_ms(0.5, refusals=True) <= running.percentile_ms(0.99, refusals=True)
        assert running.unmatched == 0
        running.hang_up()


def test_second_answers_are_unmatched_and_missing_ones_unanswered(prepared: Load) -> None:
    with Acquirer(lambda request: [request, request] if int(request["11"]) % 2 else []) as acquirer:
        running = generator(prepared)
        running.connect([dialled(acquirer.port)], prepared.sign_on, PATIENCE_S)
        running.drive(4, 0.2)
        assert running.drain(0.1) == running.outstanding == 4
        assert running.unmatched == running.answers > 0
        running.hang_up()


def test_a_file_action_is_answered_by_an_0312_and_nothing_else(prepared: Load) -> None:
    action = {"t": "0302", "2": "4687380000000016", "7": "0101000000", "11": "000000", "37": "0" * 12, "91": "1"}
    frame = load("iso87-ascii").layout.encode(action)
    running = generator(prepared)
    running.load([frame], *numbered_at(frame))
    with Acquirer(lambda request: [request | {"t": "0110"}, request]) as acquirer:
        running.connect([dialled(acquirer.port)], prepared.sign_on, PATIENCE_S)
        running.drive(4, 0.1)
        assert running.by_de39() == {"00": running.answers}
        assert running.drain(PATIENCE_S) == 0
        assert running.unmatched >= running.answers > 0
        running.hang_up()
    assert {request["t"] for request in acquirer.requests} == {"0800", "0302"}


def test_an_open_loop_sends_what_was_ordered_however_late(prepared: Load) -> None:
    with Acquirer(lambda request: [request]) as acquirer:
        running = generator(prepared)
        running.connect([dialled(acquirer.port)], prepared.sign_on, PATIENCE_S)
        running.pour(1000.0, 0.25)
        assert (running.asked, running.held_back) == (250, 0)
        assert running.drain(PATIENCE_S) == 0
        running.hang_up()
    assert len(acquirer.requests) == 1 + 250


def test_latency_of_an_open_loop_counts_from_when_a_request_was_due() -> None:
    """The generator itself is stopped for a while: what was due meanwhile has waited, although it was sent late."""
    with Programs() as programs:
        stubs = programs.start("loadtest.stubs", on=cores().others)
        stubs.wait_ready()

        def answer(request: dict[str, str]) -> list[dict[str, str]]:
            if len(acquirer.requests) == 50:
                stubs.process.send_signal(signal.SIGSTOP)
                time.sleep(STOPPED_S)
                stubs.process.send_signal(signal.SIGCONT)
            return [request]

        with Acquirer(answer) as acquirer:
            order = Order(acquirer.port, 1, 0, warm_up_s=0.0, seconds=1.5, watch=os.getpid(), rate_per_s=400.0)
            answered = stubs.ask(msgspec.json.encode(order).decode(), within_s=30.0)
    report = msgspec.json.decode(answered, type=Report)
    assert (report.asked, report.unanswered) == (600, 0)
    assert report.p99_ms >= STOPPED_S / 2 * 1000  # a tenth of all were due in the first half of the time it was stopped


def test_an_order_may_bring_frames_of_its_own(prepared: Load) -> None:
    stubs = Stubs(NOW)
    orders = [Order(0, 1, 4, 0.0, 0.1, os.getpid(), frames=frames) for frames in ((prepared.purchases[7],), ())]
    cards = []
    for order in orders:
        with Acquirer(lambda request: [request]) as acquirer:
            assert stubs.window(msgspec.structs.replace(order, port=acquirer.port)).unanswered == 0
        cards.append({request["2"] for request in acquirer.requests if request["t"] == "0100"})
    assert cards[0] == {prepared.purchases[7][22:38].decode()}
    assert len(cards[1]) > 1


def test_a_connection_lost_ends_the_run(prepared: Load) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    running = generator(prepared)
    fd = dialled(server.getsockname()[1])
    server.accept()[0].close()
    with pytest.raises(WireError, match="closed a connection with 0 requests in flight"):
        running.connect([fd], prepared.sign_on, PATIENCE_S)
    server.close()


def test_a_silent_port_is_not_waited_for_forever(prepared: Load) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        running = generator(prepared)
        with pytest.raises(WireError, match=r"0 of 1 sign-ons approved in 0\.1 s"):
            running.connect([dialled(server.getsockname()[1])], prepared.sign_on, 0.1)


def test_prepared_frames_must_be_alike(prepared: Load) -> None:
    layout = ascii_layout(load("iso87-ascii"))
    with pytest.raises(ValueError, match="of one size"):
        Generator(layout, [b"0100", b"01000"], 0, 0, 1)
    with pytest.raises(ValueError, match="of one MTI"):
        Generator(layout, [b"0100" + bytes(20), b"0302" + bytes(20)], 4, 4, 1)
    with pytest.raises(ValueError, match="must lie within"):
        Generator(layout, prepared.purchases, 495, prepared.rrn_at, 1)


@contextmanager
def native_relay(hsm_port: int, issuer_port: int) -> Iterator[int]:
    fd, port = listening()
    with serving(NativeRelay(HSM_COMMAND, fd, dialled(hsm_port), dialled(issuer_port))):
        yield port


@contextmanager
def python_relay(hsm_port: int, issuer_port: int) -> Iterator[int]:
    started: SimpleQueue[tuple[int, Callable[[], object]]] = SimpleQueue()

    async def relay() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with relaying(issuer_port, hsm_port) as port:
            started.put((port, lambda: loop.call_soon_threadsafe(stopped.set)))
            await stopped.wait()

    thread = Thread(target=lambda: uvloop.run(relay()), daemon=True)
    thread.start()
    port, stop = started.get(timeout=PATIENCE_S)
    yield port
    stop()
    thread.join(PATIENCE_S)


RELAYS = pytest.mark.parametrize("relay", [native_relay, python_relay])


@RELAYS
def test_a_relay_carries_windows_through_all_hops(relay: Callable[[int, int], Iterator[int]]) -> None:
    stubs = Stubs(NOW)
    with relay(stubs.hsm_port, stubs.issuer_port) as port:
        order = Order(port, connections=3, in_flight=12, warm_up_s=0.05, seconds=0.2, watch=os.getpid())
        for _ in range(2):
            report = stubs.window(order)
            assert report.by_de39 == {"00": report.answers}
            assert report.unmatched == report.unanswered == 0
            assert report.translations > report.answers > 0
            assert report.seconds >= 0.2
            assert report.cpu_seconds > 0


@RELAYS
def test_a_relay_keeps_answers_with_their_connections(
    served: Served, relay: Callable[[int, int], Iterator[int]]
) -> None:
    with relay(served.hsm_port, served.issuer_port) as port:
        callers = [served.call(port) for _ in range(3)]
        prepared = prepare("10000000001", NOW)
        for _ in range(5):
            for number, caller in enumerate(callers):
                caller.socket.sendall(wrapped(prepared.purchases[number]))
        for number, caller in enumerate(callers):
            for _ in range(5):
                answer = caller.read()
                assert answer is not None
                response, _ = iso8583.decode(answer, default_ascii)
                request, _ = iso8583.decode(prepared.purchases[number], default_ascii)
                assert (response["t"], response["2"], response["39"]) == ("0110", request["2"], "00")
    assert served.hosts.translations == served.hosts.authorizations == 15


@RELAYS
def test_nobody_gets_the_answers_of_an_acquirer_that_left(relay: Callable[[int, int], Iterator[int]]) -> None:
    served = Served()
    theirs, ours = prepare("10000000001", NOW).purchases[:2]
    with relay(served.hsm_port, served.issuer_port) as port:
        leaving = Caller(port)
        leaving.socket.sendall(wrapped(theirs) * 20)
        leaving.close()
        time.sleep(0.1)  # for the relay to notice: the hosts do not serve yet, so nothing has been answered
        staying = served.call(port)
        staying.socket.sendall(wrapped(ours))
        with serving(served.hosts):
            answer = staying.read()
        assert answer is not None
        assert iso8583.decode(answer, default_ascii)[0]["2"] == iso8583.decode(ours, default_ascii)[0]["2"]
        staying.close()
    assert served.hosts.authorizations == 21
