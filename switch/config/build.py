"""What each part is told at start, worked out of the configuration; and the ports, which the command line may move."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from switch.acquirers.specs import AcquirerSpec, TerminalCard
from switch.cards import testkeys
from switch.config.tables import Card, Config, Hsm, Key, Link, Metrics
from switch.core.specs import LinkSpec, RouteSpec, StandInCard, SwitchSpec
from switch.iso8583 import dialect
from switch.iso8583.framing import Framing
from switch.issuers.specs import CardSpec, IssuerSpec
from switch.profiles.latency import Profile
from switch.profiles.mix import MIXES
from switch.schemes.ocard import OcardSpec, Place
from switch.spelling import did_you_mean
from switch.traces.format import TracedLink

LAST_PORT: Final = 65_535

# `--port-base N` puts these at N, N+1, …; the three in between belong to parts that have their own configuration.
PORT_ORDER: Final = ("acquirer", "acquirer-bcd", "issuer-1", "issuer-2", "hsm", "web", "mqtt", "smtp", "metrics")


def switch_spec(config: Config) -> SwitchSpec:
    """What the core decides by."""
    return SwitchSpec(
        links=tuple(_link_spec(config, link) for link in config.link),
        routes=tuple(RouteSpec(route.prefix, route.link) for route in config.route),
        currencies=config.currencies,
        stand_in=tuple(_stand_in_card(config, card) for card in config.card if card.stand_in),
        **msgspec.structs.asdict(config.limits),
    )


def ocard_spec(config: Config) -> OcardSpec | None:
    """What the payment scheme is told; None where no BIN has disposable numbers."""
    if not config.ocard.bins:
        return None
    places = (Place(site.name, find_link(config, site.link).institution_id, site.merchant) for site in config.site)
    return OcardSpec(config.ocard, tuple(places), frozenset(card.pan for card in config.card))


def traced_links(config: Config) -> dict[str, TracedLink]:
    """What a trace says of each link, in the order of `switch_spec`."""
    return {
        link.name: TracedLink(
            link.role,
            link.dialect if link.dialect in dialect.SHIPPED else str(Path(link.dialect).resolve()),
            link.framing,
        )
        for link in config.link
    }


def issuer_spec(config: Config, name: str) -> IssuerSpec:
    """What the simulated issuer behind the link `name` is told. Raises LookupError where there is none."""
    issuer = next(issuer for issuer in config.issuer if issuer.name == name)
    link = find_link(config, name)
    return IssuerSpec(
        name=name,
        dialect=dialect.load(link.dialect).for_link(),
        zpk=under_lmk(find_key(config, name, "ZPK")),
        pvk=under_lmk(find_key(config, name, "PVK")),
        cvk=_key_if_any(config, link, "CVK"),
        zmk=_key_if_any(config, link, "ZMK"),
        key_code=link.key_code,
        key_field=link.key_field,
        key_grace_s=link.key_grace_s,
        tak=_key_if_any(config, link, "TAK") if link.mac else "",
        mac_algorithm=link.mac_algorithm,
        mac_repeat=link.mac_repeat,
        check_values=_check_values(config, link),
        cards=tuple(_card_spec(card) for card in config.card if card.issuer == name),
        profile=find_profile(config, issuer.profile),
    )


def acquirer_spec(config: Config, name: str) -> AcquirerSpec:
    """What the simulated acquirer on the link `name` is told. Raises LookupError where it has no sample traffic."""
    traffic = next(traffic for traffic in config.traffic if traffic.link == name)
    link = find_link(config, name)
    return AcquirerSpec(
        name=name,
        dialect=dialect.load(link.dialect).for_link(),
        institution_id=link.institution_id,
        zpk=bytes.fromhex(find_key(config, name, "ZPK").clear),
        cards=tuple(
            TerminalCard(card.pan, card.expiry, card.pin, card.track2(), card.cvv2)
            for card in config.card
            if card.sample
        ),
        mix=MIXES[traffic.mix],
        rate_per_s=traffic.rate_per_s,
        terminals=traffic.terminals,
        zmk=bytes.fromhex(clear_if_any(config, name, "ZMK")),
        key_code=link.key_code,
        key_field=link.key_field,
        tak=bytes.fromhex(clear_if_any(config, name, "TAK")) if link.mac else b"",
        mac_algorithm=link.mac_algorithm,
        mac_repeat=link.mac_repeat,
    )


def framing(link: Link) -> Framing:
    """How the link's messages are delimited."""
    return Framing.parse(link.framing, link.header)


def find_link(config: Config, name: str) -> Link:
    """The link of that name. Raises LookupError listing those there are."""
    for link in config.link:
        if link.name == name:
            return link
    known = [link.name for link in config.link]
    raise LookupError(f"no link is named {name!r}{did_you_mean(name, known)}; there is {', '.join(known)}")


def find_key(config: Config, link: str, type_name: str) -> Key:
    """The key of that link and type. Raises LookupError."""
    for key in config.key:
        if key.link == link and key.type == type_name:
            return key
    raise LookupError(f"link {link} has no key of type {type_name}")


def find_profile(config: Config, name: str) -> Profile:
    """The latency profile of that name. Raises LookupError listing those there are."""
    for profile in config.profile:
        if profile.name == name:
            return profile
    known = ", ".join(profile.name for profile in config.profile)
    raise LookupError(f"no latency profile is named {name!r}; there is {known}")


def clear_if_any(config: Config, link: str, type_name: str) -> str:
    """The link's key of that type in clear; "" where it has none, or the configuration knows it under the LMK only."""
    return next((key.clear for key in config.key if key.link == link and key.type == type_name), "")


def under_lmk(key: Key) -> str:
    """The key as the HSM takes it: as the configuration gives it, else under the published test LMK."""
    return key.under_lmk or testkeys.under_test_lmk(key.type, key.clear)


def check_value(key: Key) -> str:
    """The key's KCV, worked out where it is not given; empty where only `under_lmk` is known."""
    return key.kcv or (testkeys.check_value(key.clear) if key.clear else "")


def address(place: Link | Hsm | Metrics) -> str:
    """Where a table says something listens, in one word: `127.0.0.1:8583`, `[::1]:8583` or `unix:/path`."""
    if place.host.startswith("unix:"):
        return place.host
    return f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"


def with_port_base(config: Config, base: int) -> Config:
    """The bench's ports moved: PORT_ORDER at `base` and up, links with other names after it; base 0: free ports.

    An issuer that is not simulated stays where it is: its port is not ours to choose. Further lines of an issuer go
    where `with_ports` takes them. Raises ValueError where the last port is none.
    """
    simulated = {issuer.name for issuer in config.issuer}
    foreign = {link.name for link in config.link if link.role == "issuer"} - simulated
    others = [link.name for link in config.link if link.name not in (*PORT_ORDER, *foreign) and not link.joins]
    ports = {name: base and base + offset for offset, name in enumerate((*PORT_ORDER, *others))}
    if (last := max(ports.values())) > LAST_PORT:
        raise ValueError(f"--port-base {base} would end at {last}: expected at most {LAST_PORT - last + base}")
    return with_ports(config, {name: number for name, number in ports.items() if name not in foreign})


def with_ports(config: Config, ports: Mapping[str, int]) -> Config:
    """The ports of some links, of `hsm` and of `metrics` replaced, by name.

    A line to the very address of the link that it joins goes with it.
    """
    addresses = {link.name: address(link) for link in config.link}

    def moved(link: Link) -> Link:
        together = link.joins and addresses[link.name] == addresses.get(link.joins)
        name = link.joins if together and link.name not in ports else link.name
        return msgspec.structs.replace(link, port=ports.get(name, link.port))

    return msgspec.structs.replace(
        config,
        link=tuple(moved(link) for link in config.link),
        hsm=msgspec.structs.replace(config.hsm, port=ports.get("hsm", config.hsm.port)),
        metrics=msgspec.structs.replace(config.metrics, port=ports.get("metrics", config.metrics.port)),
    )


def with_profile(config: Config, name: str) -> Config:
    """All simulated issuers on the latency profile `name`. Raises LookupError where there is none."""
    find_profile(config, name)
    issuers = tuple(msgspec.structs.replace(issuer, profile=name) for issuer in config.issuer)
    return msgspec.structs.replace(config, issuer=issuers)


def _link_spec(config: Config, link: Link) -> LinkSpec:
    return LinkSpec(
        name=link.name,
        role=link.role,
        dialect=dialect.load(link.dialect).for_link(),
        institution_id=link.institution_id,
        zpk=under_lmk(find_key(config, link.joins or link.name, "ZPK")),
        zmk=_key_if_any(config, link, "ZMK"),
        tak=_key_if_any(config, link, "TAK") if link.mac else "",
        joins=link.joins,
        file_actions=link.file_actions,
        partial_approval=link.partial_approval,
        key_code=link.key_code,
        key_field=link.key_field,
        key_grace_s=link.key_grace_s,
        mac_algorithm=link.mac_algorithm,
        mac_repeat=link.mac_repeat,
        check_values=_check_values(config, link),
        timeout_s=link.timeout_s,
        match=link.match,
        enabled=link.enabled,
        unknown_reversal=link.unknown_reversal,
    )


def _key_if_any(config: Config, link: Link, type_name: str) -> str:
    """The link's key of that type under the LMK; "" where it has none, and does without what it is for."""
    return next(
        (under_lmk(key) for key in config.key if key.link == (link.joins or link.name) and key.type == type_name),
        "",
    )


def _check_values(config: Config, link: Link) -> dict[str, str]:
    """The check values of the link's keys by type, where they are known."""
    keys = (key for key in config.key if key.link == (link.joins or link.name))
    return {key.type: kcv for key in keys if (kcv := check_value(key))}


def _stand_in_card(config: Config, card: Card) -> StandInCard:
    limits = config.stand_in
    return StandInCard(
        pan=card.pan,
        expiry=card.expiry,
        pvki=card.pvki,
        pvv=card.pvv,
        pvk=under_lmk(find_key(config, card.issuer, "PVK")),
        max_amount=limits.max_amount_cents,
        max_total=limits.max_total_cents,
        max_count=limits.max_count,
    )


def _card_spec(card: Card) -> CardSpec:
    return CardSpec(
        pan=card.pan,
        expiry=card.expiry,
        pvki=card.pvki,
        pvv=card.pvv,
        behaviour=card.behaviour,
        prompt=not card.sample,
        balance_cents=card.balance_cents,
        limit_cents=card.limit_cents,
        max_count=card.max_count,
    )
