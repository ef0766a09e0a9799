"""The subcommand `hsm`: start the software HSM as a process of its own, and stop it cleanly."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from hsm_sim import data_directory, lmk_file, logs
from hsm_sim.control import Control
from hsm_sim.crypto.lmk import LmkError
from hsm_sim.device import Device
from hsm_sim.logs import bug, log
from hsm_sim.native import BY_DEFAULT, NATIVE
from hsm_sim.server import Server
from hsm_sim.settings import NAMES, UNIX, Settings, SettingsError, is_loopback, resolve

EXIT_STOPPED = 0
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

EPILOG = """\
examples:
  monetique hsm --lmk test                 the published test LMK, port 1500
  monetique hsm --port 0                   a random LMK, kept in .monetique/lmk; a free port
  monetique hsm --lmk my.toml --pci        an LMK of your own; a TPK is of type 70D
  printf '\\0\\0061234NC' | nc 127.0.0.1 1500
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `hsm` to the command's subparsers."""
    parser = subparsers.add_parser(
        "hsm",
        help="run the software HSM",
        description="The software HSM: payShield host commands over TCP, for test keys only.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    config = os.environ.get("MONETIQUE_CONFIG")
    data = Path(os.environ.get("MONETIQUE_DATA", ".monetique"))
    parser.add_argument("--host", help="address to listen on (127.0.0.1), or unix:/PATH")
    parser.add_argument("--port", type=int, help="port to listen on (1500); 0 takes a free one")
    parser.add_argument("--header", type=int, metavar="N", help="length of the message header in bytes (4)")
    parser.add_argument("--pci", action="store_true", default=None, help="PCI HSM mode: a TPK is of type 70D")
    parser.add_argument(
        "--lmk", metavar="test|FILE", help="the published test LMK, or a file (a random one of its own)"
    )
    parser.add_argument("--insecure", action="store_true", help="allow an address that other machines can reach")
    parser.add_argument("--config", metavar="FILE", default=config, help="TOML with a table [hsm] of these options")
    parser.add_argument("--data", type=Path, metavar="DIR", default=data, help="where its own LMK is kept (.monetique)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM (exit status 0) or SIGINT (130); 2 where the options cannot be followed."""
    logs.to_stderr()
    if BY_DEFAULT and not NATIVE:
        log("twins", note="the native modules are not built, so the Python twins run; make build compiles them")
    try:
        settings = _settings(args)
        data_directory.prepare(args.data)
        lmk = lmk_file.load(settings.lmk, args.data)
    except (SettingsError, LmkError, OSError) as error:
        print(f"monetique hsm: {error}", file=sys.stderr)
        return EXIT_USAGE
    is_test = settings.lmk == lmk_file.TEST
    note = {"note": "this LMK is published: nothing under it is secret"} if is_test else {}
    log("lmk loaded", lmk="test" if is_test else "own", check_value=lmk.check_value().hex().upper(), **note)
    device = Device(lmk, settings.header, settings.pci, random=os.urandom)
    return uvloop.run(_serve(device, settings, args.data))


def _settings(args: argparse.Namespace) -> Settings:
    """From the command line, else from the configuration, else by default."""
    given = {name: value for name in NAMES if (value := getattr(args, name)) is not None}
    settings = resolve(Path(args.config) if args.config else None, given)
    if not args.insecure and not is_loopback(settings.host):
        raise SettingsError(f"{settings.host}: other machines reach this address in clear; say --insecure if meant")
    return settings


async def _listen(server: Server, settings: Settings) -> str:
    """Listen where the settings say; the address as a client needs it."""
    if settings.host.startswith(UNIX):
        await server.start_unix(settings.host.removeprefix(UNIX))
        return settings.host
    return f"{settings.host}:{await server.start(settings.host, settings.port)}"


async def _serve(device: Device, settings: Settings, data: Path) -> int:
    """Announce the port on standard output, and wait for the signal to stop."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(bug)
    stopped: asyncio.Queue[int] = asyncio.Queue()
    loop.add_signal_handler(signal.SIGTERM, stopped.put_nowait, EXIT_STOPPED)
    loop.add_signal_handler(signal.SIGINT, stopped.put_nowait, EXIT_INTERRUPTED)
    server = Server(device)
    control = Control(server, data)
    try:
        address = await _listen(server, settings)
        await control.start()
    except OSError as error:
        print(f"monetique hsm: cannot listen on {settings.host}, port {settings.port}: {error}", file=sys.stderr)
        return EXIT_USAGE
    print(f"ready hsm={address}", flush=True)
    status = await stopped.get()
    control.stop()
    await server.stop()
    log("stopped")
    return status
