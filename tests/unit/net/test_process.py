"""What every part does as a process."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from switch.net import process
from switch.net.addresses import Address


def test_epochs_ascend_over_starts(tmp_path: Path) -> None:
    assert [process.next_epoch(tmp_path / "epoch") for _ in range(3)] == [1, 2, 3]


def test_epochs_end_before_the_nonce_does(tmp_path: Path) -> None:
    (tmp_path / "epoch").write_text(f"{2**32 - 1}\n")
    with pytest.raises(ValueError, match="new data keys"):
        process.next_epoch(tmp_path / "epoch")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_become_exit_statuses(number: int, status: int) -> None:
    async def main(stop: process.Stop) -> int:
        os.kill(os.getpid(), number)
        first = await stop.wait()
        assert not stop.insisted
        stop.request(process.FAILED)
        assert stop.insisted
        assert await stop.wait_for(1.0)
        return first

    assert process.run(main) == status


def test_waiting_for_a_stop_that_does_not_come() -> None:
    async def main() -> bool:
        return await process.Stop().wait_for(0.001)

    assert not asyncio.run(main())


def test_the_ready_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    addresses = {"acquirer": Address("127.0.0.1", 8583), "hsm": Address(path="/run/hsm.sock")}
    process.announce(tmp_path, "switch", addresses)
    line = capfd.readouterr().out
    assert line == "ready acquirer=127.0.0.1:8583 hsm=unix:/run/hsm.sock\n"
    assert process.parse_ready(line) == {name: str(address) for name, address in addresses.items()}


@pytest.mark.parametrize("text", ["8583", "127.0.0.1:", "127.0.0.1:http", ":8583", "127.0.0.1:65536"])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        Address.parse(text)
