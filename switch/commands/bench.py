"""`monetique up`, `switch` and `issuer`: the bench as a whole, and its parts as processes of their own."""

import argparse
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from switch import native
from switch.commands.common import (
    USAGE,
    CommandError,
    Subparsers,
    add_command,
    add_config,
    add_data,
    load_config,
    number_from_0,
    port,
    say_twins,
    tls_of,
)
from switch.commands.recording import add_record, recording
from switch.spelling import did_you_mean

if TYPE_CHECKING:
    from switch.config import Config
    from switch.net.children import Child, Ports
    from switch.net.traffic import Traffic

REMEDY = "make build compiles them"

UP_EXAMPLES = """\
  monetique up                                       until Ctrl-C; then the books are compared
  monetique up --for 20 --fresh                      20 seconds on an empty data directory
  monetique up --record run.jsonl                    every message of both legs, masked, as monetique-trace/1
  monetique up --port-base 0 --no-traffic            free ports, and nobody's traffic but yours
  monetique up --profile steady                      issuers that answer in 5 ms; docs/latency.md lists the profiles
"""

SWITCH_EXAMPLES = """\
  monetique switch                                   acquirers on 8583 and 8584; dials issuers and the HSM
  monetique switch --port 0 --at hsm=1501            free ports for acquirers, the HSM elsewhere
"""

ISSUER_EXAMPLES = """\
  monetique issuer issuer-1                          the simulated institution behind the link issuer-1
  monetique issuer issuer-2 --port 9592
"""


PORT_BASE = (
    "move the bench's own ports: acquirer N, acquirer-bcd N+1, issuer-1, issuer-2, hsm, web, mqtt, smtp, metrics N+8; "
    "then, from N+9, acquirer links and simulated issuers of your configuration, in its order. An issuer that is not "
    "simulated stays where it is. 0: free ports, which the ready line tells"
)


def register(subparsers: Subparsers) -> None:
    """Add `up`, `switch` and `issuer`."""
    up = add_command(subparsers, "up", "run the whole bench, with sample traffic", run_up, examples=UP_EXAMPLES)
    up.add_argument("--for", dest="for_s", type=number_from_0, metavar="SECONDS", help="stop then (default: at Ctrl-C)")
    up.add_argument("--port-base", type=port, metavar="N", help=PORT_BASE)
    up.add_argument("--fresh", action="store_true", help="empty the data directory first")
    up.add_argument(
        "--build", action="store_true", help="in a checkout: compile the native modules beside the bench, for the next"
    )
    up.add_argument("--no-traffic", action="store_true", help="send no sample traffic")
    add_profile(up, "of all simulated issuers")
    add_record(up)
    add_config(up, addresses=True)
    add_data(up)
    switch = add_command(subparsers, "switch", "run the switch alone", run_switch, examples=SWITCH_EXAMPLES)
    switch.add_argument(
        "--port", type=port, metavar="N", help="acquirer links listen on N, N+1, … in their order; 0: free ports"
    )
    switch.add_argument(
        "--await-reader", action="store_true", help="before the first message, wait up to 3 s for `monetique watch`"
    )
    add_record(switch)
    issuer = add_command(subparsers, "issuer", "run a simulated issuer alone", run_issuer, examples=ISSUER_EXAMPLES)
    issuer.add_argument("name", metavar="NAME", nargs="?", help="of an [[issuer]] (default: the first)")
    issuer.add_argument("--port", type=port, metavar="N", help="where it listens; 0: a free port")
    add_profile(issuer, "of this issuer")
    for part in (switch, issuer):
        part.add_argument(
            "--at",
            type=place,
            action="append",
            default=[],
            metavar="NAME=PORT",
            help="the port of a link, of `hsm` or of `metrics`; may be given several times",
        )
        add_config(part, addresses=True)
        add_data(part)


def add_profile(parser: argparse.ArgumentParser, whose: str) -> None:
    """`--profile NAME`."""
    help_text = f"latency profile {whose}, in place of the configuration's; see docs/latency.md"
    parser.add_argument("--profile", metavar="NAME", help=help_text)


def run_up(args: argparse.Namespace) -> int:
    """Run the parts as processes of their own, sample traffic, and the verdict at the end."""
    from switch.config import with_port_base
    from switch.net.supervisor import Bench
    from switch.net.supervisor import run_up as run

    config = profiled(args, load_config(args))
    if args.port_base is not None:
        try:
            config = with_port_base(config, args.port_base)
        except ValueError as error:
            raise CommandError(str(error), USAGE) from None
    say_twins("the native modules are built beside it, for the next start" if args.build else REMEDY)
    os.environ[native.VARIABLE] = native.CHOICE  # a part that is restarted after the build stays of the same kind
    bench = Bench(
        children=children(args, config),
        ports={link.name: link.port for link in config.link if not link.joins}
        | {"hsm": config.hsm.port, "metrics": config.metrics.port},
        traffic=[] if args.no_traffic else sample_traffic(config),
        data=args.data,
        for_s=args.for_s,
        fresh=args.fresh,
        build=args.build,
    )
    with recording(args):
        return run(bench)


def children(args: argparse.Namespace, config: "Config") -> "list[Child]":
    """The parts in the order of their start. Each is this command again, told where the parts before it listen."""
    from switch.net.children import Child

    common = ["--data", str(args.data)]
    common += ["--config", str(args.config)] if args.config else []
    common += ["--insecure"] if args.insecure else []

    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "switch.cli", *words, *common]

    def at(ports: "Ports") -> list[str]:
        return [word for name, number in ports.items() for word in ("--at", f"{name}={number}")]

    def hsm(ports: "Ports") -> list[str]:
        return command("hsm", "--host", config.hsm.host, "--port", str(ports["hsm"]), "--lmk", config.hsm.lmk)

    def issuer(name: str, ports: "Ports") -> list[str]:
        profile = ["--profile", args.profile] if args.profile else []
        return command("issuer", name, *profile, *at(ports))

    def switch(ports: "Ports") -> list[str]:
        return command("switch", *at(ports), *(["--await-reader"] if args.record else []))

    issuers = [Child(table.name, partial(issuer, table.name)) for table in config.issuer]
    return [Child("hsm", hsm), *issuers, Child("switch", switch)]


def sample_traffic(config: "Config") -> "list[Traffic]":
    """The simulated acquirers. They encrypt PINs, so the network's side is handed them and does not make them."""
    from switch.acquirers.acquirer import Acquirer
    from switch.config import acquirer_spec, find_link, framing
    from switch.net.traffic import Traffic

    specs = [acquirer_spec(config, traffic.link) for traffic in config.traffic]
    return [
        Traffic(spec.name, spec.dialect, framing(link), tls_of(link), Acquirer(spec, config.seed))
        for spec, link in ((spec, find_link(config, spec.name)) for spec in specs)
    ]


def run_switch(args: argparse.Namespace) -> int:
    """Run until SIGTERM or Ctrl-C."""
    from switch.config import address, framing, ocard_spec, switch_spec, traced_links
    from switch.net.switch_part import SwitchPart
    from switch.net.switch_part import run_switch as run

    config = placed(args, load_config(args))
    say_twins(REMEDY)
    if args.port is not None:
        acquirers = [link.name for link in config.link if link.role == "acquirer"]
        config = moved(config, {name: args.port and args.port + index for index, name in enumerate(acquirers)})
    part = SwitchPart(
        spec=switch_spec(config),
        addresses=tuple(address(link) for link in config.link),
        framings=tuple(framing(link) for link in config.link),
        tls=tuple(tls_of(link) for link in config.link),
        hsm=address(config.hsm),
        hsm_header=config.hsm.header,
        metrics=address(config.metrics),
        data=args.data,
        ocard=ocard_spec(config),
        traced=traced_links(config),
        awaits_reader=args.await_reader or args.record is not None,
    )
    with recording(args):
        return run(part)


def run_issuer(args: argparse.Namespace) -> int:
    """Run until SIGTERM or Ctrl-C."""
    from switch.config import address, find_link, framing, issuer_spec
    from switch.net.issuer_part import IssuerPart
    from switch.net.issuer_part import run_issuer as run

    config = placed(args, profiled(args, load_config(args)))
    names = [issuer.name for issuer in config.issuer]
    name = args.name or next(iter(names), "")
    if name not in names:
        hint = did_you_mean(name, names)
        raise CommandError(f"no [[issuer]] is named {name!r}{hint}; there is {', '.join(names) or 'none'}", USAGE)
    if args.port is not None:
        config = moved(config, {name: args.port})
    part = IssuerPart(
        name=name,
        spec=issuer_spec(config, name),
        seed=config.seed,
        listen=address(find_link(config, name)),
        framing=framing(find_link(config, name)),
        tls=tls_of(find_link(config, name)),
        hsm=address(config.hsm),
        hsm_header=config.hsm.header,
        data=args.data,
        profiles={profile.name: profile for profile in config.profile},
    )
    return run(part)


def profiled(args: argparse.Namespace, config: "Config") -> "Config":
    """The configuration with the profile of `--profile`; an unknown name is wrong usage."""
    from switch.config import with_profile

    try:
        return with_profile(config, args.profile) if args.profile else config
    except LookupError as error:
        raise CommandError(f"--profile: {error.args[0]}", USAGE) from None


def place(text: str) -> tuple[str, int]:
    """The type of `--at`: hsm=1501."""
    name, _, number = text.partition("=")
    return name, port(number)


def placed(args: argparse.Namespace, config: "Config") -> "Config":
    """The configuration with the ports of `--at`."""
    return moved(config, dict(args.at))


def moved(config: "Config", ports: Mapping[str, int]) -> "Config":
    """The configuration with some ports replaced; an unknown name is wrong usage."""
    from switch.config import with_ports

    known = {link.name for link in config.link} | {"hsm", "metrics"}
    if unknown := ports.keys() - known:
        name = min(unknown)
        hint = did_you_mean(name, known)
        raise CommandError(f"nothing is named {name}{hint}; there is {', '.join(sorted(known))}", USAGE)
    return with_ports(config, ports)
