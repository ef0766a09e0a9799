"""Every test that takes `codec` runs on the compiled module and on its twin."""

import importlib
from typing import Any

import pytest


@pytest.fixture(params=["_codec_c", "_codec_py"])
def codec(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(f"switch.iso8583.{request.param}")
