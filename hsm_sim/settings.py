"""What the HSM's process can be told, from the command line or the table [hsm] of a configuration file."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

# A payShield's header is set once per device and is short; a longer one would only eat into the command.
MAX_HEADER_LENGTH = 255

UNIX = "unix:"  # in front of a socket's path, where an address may stand


class SettingsError(ValueError):
    """An option that cannot be followed; the message says which one and what to do."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options and their defaults. `lmk`: `test`, a file, or "" for the data directory's own."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 1500
    header: Annotated[int, Meta(ge=0, le=MAX_HEADER_LENGTH)] = 4
    pci: bool = False
    lmk: str = ""


NAMES = Settings.__struct_fields__


class _File(msgspec.Struct):
    """A configuration file as this part reads it; its other tables are the other parts' business."""

    hsm: Settings = Settings()


def resolve(config: Path | None, given: Mapping[str, Any]) -> Settings:
    """The options `given` on the command line, else those of the file, else the defaults.

    >>> resolve(None, {"port": 1501}).port
    1501
    >>> resolve(None, {"port": -1})
    Traceback (most recent call last):
    hsm_sim.settings.SettingsError: Expected `int` >= 0 - at `$.hsm.port`
    """
    try:
        document = msgspec.toml.decode(config.read_bytes()) if config else {}
        msgspec.convert(document, _File)
        return msgspec.convert({"hsm": {**document.get("hsm", {}), **given}}, _File).hsm
    except (OSError, ValueError) as error:
        raise SettingsError(f"{config}: {error}" if config else str(error)) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address.

    >>> is_loopback("127.0.0.1"), is_loopback("unix:/run/hsm"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost" or host.startswith(UNIX):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
