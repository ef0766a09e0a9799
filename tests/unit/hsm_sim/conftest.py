"""What the HSM's tests share: both PIN-block implementations, the vectors, a device that draws the same every time."""

import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hsm_sim.commands import pin_blocks
from hsm_sim.crypto import _pinblock_c, _pinblock_py
from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device

VECTORS = tomllib.loads((Path(__file__).parents[2] / "vectors" / "hsm.toml").read_text("utf-8"))


@pytest.fixture(params=[_pinblock_c, _pinblock_py], ids=["native", "twin"])
def pinblock(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


@pytest.fixture
def device(pinblock: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """A device on the test LMK, once per PIN-block implementation."""
    monkeypatch.setattr(pin_blocks.pinblock, "encode", pinblock.encode)
    monkeypatch.setattr(pin_blocks.pinblock, "decode", pinblock.decode)
    return Device(published_test_lmk(), random=random.Random(1).randbytes)


@pytest.fixture
def vectors() -> dict[str, list[dict[str, Any]]]:
    return VECTORS
