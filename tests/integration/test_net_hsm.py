"""The HSM client against a fake HSM on real sockets."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from switch.net import effects, hsm
from switch.net.addresses import Address
from switch.net.effects import Driver
from switch.net.hsm import HsmClient
from tests.unit.net.fakes import NOWHERE, Echo, FakeHsm, driver_of, fake_hsm, on_loop, until


class Outlet(effects.Outlet):
    """A connection that swallows."""

    def put(self, frame: bytes) -> None: ...
    def put_all(self, frames: list[bytes]) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


Test = Callable[[Echo, Driver, HsmClient, list[FakeHsm], int], Awaitable[None]]


def with_hsm(test: Test, *, silent: bool = False, header_bytes: int = 4) -> None:
    async def main() -> None:
        server, address, sockets = await fake_hsm(silent=silent, header_bytes=header_bytes)
        part = Echo()
        driver = driver_of(part, NOWHERE)
        client = HsmClient(driver, address, header_bytes)
        client.start()
        try:
            await until(lambda: len(sockets) == len(client._sockets) == hsm.SOCKETS)
            await test(part, driver, client, sockets, driver.join(Outlet(), 0))
        finally:
            await client.close()
            await driver.close()
            server.close()

    on_loop(main)


def test_many_commands_in_flight_are_told_apart_by_their_headers() -> None:
    async def test(part: Echo, driver: Driver, client: HsmClient, sockets: list[FakeHsm], conn: int) -> None:
        for turn in range(4):
            for number in range(200):
                part.receive(conn, b"h%d" % (turn * 200 + number), 0.0)
            driver.wake()
            await until(lambda expected=200 * (turn + 1): len(part.replies) == expected)
        assert dict(part.replies) == {tag: b"CB" + frame for tag, (_, frame) in part.asked.items()}
        assert [tag for tag, _ in part.replies] != sorted(tag for tag, _ in part.replies)  # the fake answers backwards
        assert sum(len(socket.commands) for socket in sockets) == 800
        assert all(socket.commands for socket in sockets)  # both take their turns

    with_hsm(test)


@pytest.mark.parametrize(("header_bytes", "answered"), [(1, 15), (2, 40), (12, 40)])
def test_the_header_is_as_long_as_the_device_has_it(header_bytes: int, answered: int) -> None:
    """A short one tells fewer commands apart; those beyond are answered None at once, none is mixed up."""

    async def test(part: Echo, driver: Driver, client: HsmClient, sockets: list[FakeHsm], conn: int) -> None:
        for number in range(40):
            part.receive(conn, b"h%d" % number, 0.0)
        driver.wake()
        await until(lambda: len(part.replies) == 40)
        right = {tag: b"CB" + frame for tag, (_, frame) in part.asked.items()}
        replies = dict(part.replies)
        assert {reply for tag, reply in replies.items() if reply != right[tag]} <= {None}
        assert sum(reply is not None for reply in replies.values()) >= answered
        lengths = {len(command) - len(b"CAh%d" % 39) for socket in sockets for command in socket.commands[-10:]}
        assert lengths <= {header_bytes, header_bytes - 1}

    with_hsm(test, header_bytes=header_bytes)


def test_without_an_hsm_the_answer_is_none_at_once() -> None:
    async def main() -> None:
        part = Echo()
        driver = driver_of(part, NOWHERE)
        client = HsmClient(driver, Address("127.0.0.1", 1))
        client.start()
        part.receive(driver.join(Outlet(), 0), b"h", 0.0)
        driver.wake()
        await until(lambda: part.replies)
        assert part.replies == [(1, None)]
        assert driver.counts.events["hsm", "no-hsm"] == 1
        await client.close()
        await driver.close()

    on_loop(main)


def test_a_silent_hsm_runs_out_of_time_and_its_late_answers_die(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hsm, "TIMEOUT_S", 0.05)
    monkeypatch.setattr(hsm, "RECONNECT_S", 0.01)

    async def test(part: Echo, driver: Driver, client: HsmClient, sockets: list[FakeHsm], conn: int) -> None:
        part.receive(conn, b"h", 0.0)
        driver.wake()
        await until(lambda: part.replies)
        assert part.replies == [(1, None)]
        await until(lambda: len(sockets) == 3 and len(client._sockets) == 2)  # dropped, and dialled again
        for socket in sockets:
            socket.silent = False
        part.receive(conn, b"h again", 0.0)
        driver.wake()
        await until(lambda: len(part.replies) == 2)
        assert part.replies[1] == (2, b"CBh again")

    with_hsm(test, silent=True)


def test_answers_before_broken_framing_count() -> None:
    async def test(part: Echo, driver: Driver, client: HsmClient, sockets: list[FakeHsm], conn: int) -> None:
        part.receive(conn, b"h one", 0.0)
        part.receive(conn, b"h two", 0.0)
        driver.wake()
        await until(lambda: any(len(socket.commands) == 2 for socket in sockets))
        asked = next(socket for socket in sockets if socket.commands)
        answer = asked.commands[0][:4] + b"CBh one"
        asked.transport.write(b"\0\0" + len(answer).to_bytes(2, "big") + answer + b"\xff\xff")
        await until(lambda: len(part.replies) == 2)
        assert part.replies == [(1, b"CBh one"), (2, None)]
        assert driver.counts.events["hsm", "socket-lost"] == 1

    with_hsm(test, silent=True)


def test_a_lost_socket_answers_none_for_what_was_outstanding() -> None:
    async def test(part: Echo, driver: Driver, client: HsmClient, sockets: list[FakeHsm], conn: int) -> None:
        for number in range(10):
            part.receive(conn, b"h%d" % number, 0.0)
        driver.wake()
        await until(lambda: sum(len(socket.commands) for socket in sockets) == 10)
        for socket in sockets:
            socket.transport.abort()
        await until(lambda: len(part.replies) == 10)
        assert part.replies == [(tag, None) for tag in range(1, 11)]

    with_hsm(test, silent=True)


def test_outstanding_commands_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hsm, "MAX_OUTSTANDING", 3)

    async def test(part: Echo, driver: Driver, client: HsmClient, sockets: list[FakeHsm], conn: int) -> None:
        for number in range(5):
            part.receive(conn, b"h%d" % number, 0.0)
        driver.wake()
        await until(lambda: part.replies)
        assert part.replies == [(4, None), (5, None)]
        assert driver.counts.events["hsm", "overloaded"] == 1

    with_hsm(test, silent=True)


def test_an_answer_nobody_asked_for_ends_the_socket() -> None:
    async def test(part: Echo, driver: Driver, client: HsmClient, sockets: list[FakeHsm], conn: int) -> None:
        sockets[0].transport.write(b"\0\6ZZZZCB")
        await until(lambda: driver.counts.events["hsm", "socket-lost"])
        assert part.replies == []
        await asyncio.sleep(0)

    with_hsm(test)
