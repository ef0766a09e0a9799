"""What must hold between tables: names that exist, ports that differ, keys that are there, test ranges, addresses.

Each check looks at the whole configuration and yields problems, a sentence and a path; CHECKS lists them all. Sentences
name no card number and no key, for they end up in logs.
"""

import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from switch.cards.bins import BinTable
from switch.cards.pan import is_pan, is_test_number
from switch.cards.testkeys import check_value, has_odd_parity
from switch.config.spoken import dialect_problem, mac_problem
from switch.config.tables import Config, Link
from switch.core.currencies import EURO, FRANC
from switch.documents import Problem, one_of
from switch.iso8583.dialect import load as load_dialect
from switch.issuers.behaviours import BEHAVIOURS
from switch.spelling import did_you_mean

DEFAULTS: Final = {field.name: field.default for field in msgspec.structs.fields(Link)}

# Options of a link that mean something in one role alone.
OF_A_ROLE: Final = {
    "timer_s": "acquirer",
    "unknown_reversal": "acquirer",
    "file_actions": "acquirer",
    "partial_approval": "acquirer",
    "timeout_s": "issuer",
    "match": "issuer",
}

EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound

CURRENCIES: Final = (EURO, FRANC)

# The types of key that links use. A key of another type would only be listed.
KEYS_OF_LINKS: Final = ("ZPK", "ZMK", "TAK")
KEYS_OF_ISSUERS: Final = (*KEYS_OF_LINKS, "PVK", "CVK")

# The values of each list that make a table the only one of its kind.
IDENTITY: Final = {
    "link": ("name",),
    "route": ("prefix",),
    "key": ("link", "type"),
    "card": ("pan",),
    "profile": ("name",),
    "issuer": ("name",),
    "traffic": ("link",),
    "site": ("name",),
}


def all_problems(config: Config) -> list[Problem]:
    """Return everything wrong with a configuration whose tables are each well formed."""
    return [problem for check in CHECKS for problem in check(config)]


def _unique(config: Config) -> Iterator[Problem]:
    for table, identity in IDENTITY.items():
        seen = set()
        for index, item in enumerate(getattr(config, table)):
            name = tuple(getattr(item, key) for key in identity)
            if name in seen:
                what = f"an earlier [[{table}]] has the same {' and '.join(identity)}"
                yield what, f"$.{table}[{index}].{identity[0]}"
            seen.add(name)


def _names(config: Config) -> Iterator[Problem]:
    """Every name that one table uses is given by another."""
    acquirers = {link.name for link in config.link if link.role == "acquirer"}
    issuers = {link.name for link in config.link if link.role == "issuer"}
    profiles = {profile.name for profile in config.profile}
    uses = [
        *((f"$.route[{i}].link", route.link, "issuer link", issuers) for i, route in enumerate(config.route)),
        *((f"$.key[{i}].link", key.link, "link", acquirers | issuers) for i, key in enumerate(config.key)),
        *((f"$.issuer[{i}].name", issuer.name, "issuer link", issuers) for i, issuer in enumerate(config.issuer)),
        *((f"$.issuer[{i}].profile", issuer.profile, "profile", profiles) for i, issuer in enumerate(config.issuer)),
        *((f"$.traffic[{i}].link", item.link, "acquirer link", acquirers) for i, item in enumerate(config.traffic)),
        *((f"$.site[{i}].link", site.link, "acquirer link", acquirers) for i, site in enumerate(config.site)),
        *((f"$.card[{i}].issuer", card.issuer, "issuer link", issuers | {""}) for i, card in enumerate(config.card)),
    ]
    for path, name, kind, known in uses:
        if name not in known:
            hint = did_you_mean(name, known)
            yield f"no {kind} is named {name!r}{hint}; there is {', '.join(sorted(known - {''})) or 'none'}", path


def _lines(config: Config) -> Iterator[Problem]:
    """A further line joins an issuer's first one; what is of the institution is said there."""
    primary = {link.name: link for link in config.link if link.role == "issuer" and not link.joins}
    further = {link.name: link.joins for link in config.link if link.joins}
    for index, link in enumerate(config.link):
        if not link.joins:
            continue
        joined = primary.get(link.joins)
        if joined is None or link.role != "issuer":
            known = ", ".join(sorted(primary)) or "none"
            yield (
                f"only a line to an issuer joins, and an issuer's first one; there is {known}",
                f"$.link[{index}].joins",
            )
        elif link.dialect != joined.dialect:
            yield f"all lines of {joined.name} speak its dialect, {joined.dialect}", f"$.link[{index}].dialect"
    uses = [(f"$.route[{index}].link", route.link) for index, route in enumerate(config.route)]
    uses += [(f"$.key[{index}].link", key.link) for index, key in enumerate(config.key)]
    uses += [(f"$.issuer[{index}].name", issuer.name) for index, issuer in enumerate(config.issuer)]
    for path, name in uses:
        if name in further:
            yield f"{name} is a further line of {further[name]}: say it of that one", path


def _dialects(config: Config) -> Iterator[Problem]:
    """Every dialect can be read; a mistake inside a dialect file is told with its own path there."""
    for index, link in enumerate(config.link):
        path = f"$.link[{index}].dialect"
        try:
            dialect = load_dialect(link.dialect)
        except (ValueError, OSError) as error:
            yield f"dialect {link.dialect}: {error}", path
            continue
        if problem := dialect_problem(dialect, link.institution_id):
            yield f"dialect {link.dialect}: {problem}", path
        elif dialect.conversion is not None and link.key_field not in dialect.conversion.same:
            yield f"DE {link.key_field} of {link.dialect} is not what it is in 1987", f"$.link[{index}].key_field"


def _macs(config: Config) -> Iterator[Problem]:
    """A link with MACs has the key for them, and a dialect that can carry them."""
    takers = {key.link for key in config.key if key.type == "TAK"}
    for index, link in enumerate(config.link):
        if not link.mac:
            said = [name for name in ("mac_algorithm", "mac_repeat") if getattr(link, name) != DEFAULTS[name]]
            yield from (("this link has no MACs: expected mac = true", f"$.link[{index}].{name}") for name in said)
            continue
        owner = link.joins or link.name
        if owner not in takers:
            yield f"there is no [[key]] of type TAK for link {owner}", f"$.link[{index}].mac"
        try:
            problem = mac_problem(load_dialect(link.dialect))
        except (ValueError, OSError):  # said by `_dialects`
            continue
        if problem:
            yield f"dialect {link.dialect}: {problem}", f"$.link[{index}].mac"


def _options(config: Config) -> Iterator[Problem]:
    """What a link says is of its role: an issuer has no timer of an acquirer, nor the reverse."""
    for index, link in enumerate(config.link):
        for name, role in OF_A_ROLE.items():
            if link.role != role and getattr(link, name) != DEFAULTS[name]:
                yield f"only {role} links have it, and this one is an {link.role}", f"$.link[{index}].{name}"


def _ports(config: Config) -> Iterator[Problem]:
    """Nothing listens where something else does."""
    own = [(index, link) for index, link in enumerate(config.link) if not link.joins]
    listeners = [(link.host, link.port, f"$.link[{index}].port") for index, link in own]
    listeners += [
        (config.hsm.host, config.hsm.port, "$.hsm.port"),
        (config.metrics.host, config.metrics.port, "$.metrics.port"),
    ]
    taken: list[tuple[str, int, str]] = []
    for host, port, path in listeners:
        place = "127.0.0.1" if host == "localhost" else host
        is_socket = place.startswith("unix:")
        for theirs, number, other in taken:
            if is_socket and place == theirs:
                yield f"{host} is {other.removesuffix('port')}host too", path.removesuffix("port") + "host"
            elif not is_socket and port and port == number and (place == theirs or {place, theirs} & EVERYWHERE):
                yield f"port {port} of {host} is {other} too", path
        taken.append((place, port, path))


def _addresses(config: Config) -> Iterator[Problem]:
    """Nothing leaves this machine, and nobody else comes in, without TLS on both sides unless the file says so."""
    links = enumerate(config.link)
    hosts = [(link.host, f"$.link[{index}].host") for index, link in links if not link.has_mutual_tls]
    hosts += [(config.hsm.host, "$.hsm.host"), (config.metrics.host, "$.metrics.host")]
    for host, path in hosts:
        if not config.insecure and not is_local(host):
            remedy = "give tls_cert, tls_key and tls_ca, or say insecure = true (or --insecure)"
            if not path.startswith("$.link"):
                remedy = "say insecure = true (or --insecure) to go there unencrypted"
            yield f"{host} is not this machine: {remedy}", path


def _tls(config: Config) -> Iterator[Problem]:
    """What a link says of TLS is complete: a server presents a certificate, a client knows whom it trusts."""
    simulated = {issuer.name for issuer in config.issuer}
    for index, link in enumerate(config.link):
        path = f"$.link[{index}]"
        if bool(link.tls_cert) != bool(link.tls_key):
            yield "tls_cert and tls_key go together", f"{path}.tls_{'key' if link.tls_cert else 'cert'}"
        if link.tls_name and not link.has_tls:
            yield "a name alone makes no TLS, and this link would speak without: give tls_ca", f"{path}.tls_name"
        if link.has_tls and link.host.startswith("unix:"):
            yield "a Unix socket stays on this machine and has no name to verify: leave tls_* out", f"{path}.host"
        if link.tls_ca and not link.tls_cert and (link.role == "acquirer" or link.name in simulated):
            yield "who listens has to present a certificate: give tls_cert and tls_key", f"{path}.tls_cert"
        if link.tls_cert and not link.tls_ca and link.role == "issuer":
            yield "give tls_ca, by which the issuer's certificate is verified", f"{path}.tls_ca"
        for name in ("tls_cert", "tls_key", "tls_ca"):
            file = getattr(link, name)
            if file and not Path(file).is_file():
                yield f"there is no file {file}", f"{path}.{name}"


def is_local(host: str) -> bool:
    """Whether an address stays on this machine: loopback, or a Unix socket.

    >>> [is_local(host) for host in ("127.0.0.1", "::1", "localhost", "unix:/run/hsm", "0.0.0.0", "hsm.example")]
    [True, True, True, True, False, False]
    """
    if host == "localhost" or host.startswith("unix:"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _keys(config: Config) -> Iterator[Problem]:
    """Each link has a ZPK, each simulated issuer a PVK, each simulated terminal a key it can encrypt under."""
    keys = {(key.link, key.type): key for key in config.key}
    roles = {link.name: link.role for link in config.link}
    for index, key in enumerate(config.key):
        used = KEYS_OF_LINKS if roles.get(key.link) == "acquirer" else KEYS_OF_ISSUERS
        if key.type not in used:
            yield f"{key.link} uses no {key.type}: expected {one_of(used)}", f"$.key[{index}].type"
        if not key.clear and not key.under_lmk:
            yield "a key needs clear or under_lmk", f"$.key[{index}]"
        if not has_odd_parity(key.clear):
            yield "every byte of a DES key has odd parity; one of these has not", f"$.key[{index}].clear"
        if key.clear and key.kcv and key.kcv != check_value(key.clear):
            yield "this is not the check value of clear", f"$.key[{index}].kcv"
    for index, link in enumerate(config.link):
        if not link.joins and (link.name, "ZPK") not in keys:
            yield f"there is no [[key]] of type ZPK for link {link.name}", f"$.link[{index}].name"
    for index, issuer in enumerate(config.issuer):
        if (issuer.name, "PVK") not in keys:
            yield f"there is no [[key]] of type PVK for issuer {issuer.name}", f"$.issuer[{index}].name"
    for index, card in enumerate(config.card):
        if card.stand_in and (card.issuer, "PVK") not in keys:
            yield "stand-in verifies PINs: its issuer needs a [[key]] of type PVK", f"$.card[{index}].stand_in"
    sealed = {link.name for link in config.link if link.mac}
    for index, traffic in enumerate(config.traffic):
        if (zpk := keys.get((traffic.link, "ZPK"))) and not zpk.clear:
            yield f"sample traffic encrypts PINs: the ZPK of {traffic.link} needs clear", f"$.traffic[{index}].link"
        if traffic.link in sealed and (tak := keys.get((traffic.link, "TAK"))) and not tak.clear:
            yield f"sample traffic makes MACs: the TAK of {traffic.link} needs clear", f"$.traffic[{index}].link"


def _timers(config: Config) -> Iterator[Problem]:
    """R6: who asks waits longer than who is asked, else both give up at once and every answer is late."""
    acquirers = [link for link in config.link if link.role == "acquirer"]
    if not acquirers:
        return
    first = min(acquirers, key=lambda link: link.timer_s)
    for index, link in enumerate(config.link):
        if link.role == "issuer" and link.timeout_s >= first.timer_s:
            why = f"it must be shorter than the {first.timer_s:g} s that {first.name} waits (its timer_s)"
            yield why, f"$.link[{index}].timeout_s"


def _repeats(config: Config) -> Iterator[Problem]:
    """What is owed is repeated at growing intervals."""
    limits = config.limits
    if limits.reversal_repeat_s > limits.reversal_repeat_max_s:
        why = f"the wait grows from {limits.reversal_repeat_s:g} s (reversal_repeat_s) to this, which is less"
        yield why, "$.limits.reversal_repeat_max_s"


def _traffic(config: Config) -> Iterator[Problem]:
    """Sample traffic has cards to pay with."""
    if config.traffic and not any(card.sample for card in config.card):
        yield "there is no [[card]] with sample = true to pay with", "$.traffic[0]"


def _files(config: Config) -> Iterator[Problem]:
    lmk = config.hsm.lmk
    if lmk not in ("", "test") and not Path(lmk).is_file():
        yield f"expected test or a file, and there is no file {lmk}", "$.hsm.lmk"


def _currencies(config: Config) -> Iterator[Problem]:
    """A simulated issuer keeps accounts in euro and knows one other currency."""
    if not config.currencies:
        yield f"expected at least one currency, such as {EURO}", "$.currencies"
    for index, currency in enumerate(config.currencies):
        if config.issuer and currency not in CURRENCIES:
            what = f"simulated issuers know no rate for it: expected {one_of(CURRENCIES)}, found {currency}"
            yield what, f"$.currencies[{index}]"


def _disposable_numbers(config: Config) -> Iterator[Problem]:
    """Disposable numbers are routed like cards; a place is one site."""
    for index, prefix in enumerate(config.ocard.bins):
        if not any(prefix.startswith(route.prefix) or route.prefix.startswith(prefix) for route in config.route):
            yield f"no [[route]] leads from {prefix} to an issuer", f"$.ocard.bins[{index}]"
    places: dict[tuple[str, str], str] = {}
    for index, site in enumerate(config.site):
        first = places.setdefault((site.link, site.merchant), site.name)
        if first != site.name:
            yield f"this merchant of {site.link} is the site {first} already", f"$.site[{index}].merchant"


def _test_numbers(config: Config) -> Iterator[Problem]:
    if config.allow_real_bins:
        return
    advice = "is outside the ranges set aside for tests; real ones need allow_real_bins = true"
    for index, route in enumerate(config.route):
        if not is_test_number(route.prefix):
            yield f"prefix {route.prefix[:6]} {advice}", f"$.route[{index}].prefix"
    for index, prefix in enumerate(config.ocard.bins):
        if not is_test_number(prefix):
            yield f"BIN {prefix} {advice}", f"$.ocard.bins[{index}]"
    for index, card in enumerate(config.card):
        if not is_test_number(card.pan):
            yield f"a card of {card.pan[:6]} {advice}", f"$.card[{index}].pan"


def _cards(config: Config) -> Iterator[Problem]:
    """A card behaves in a known way, its PAN ends in its check digit, and the routes lead to its issuer."""
    routes = BinTable((route.prefix, route.link) for route in config.route)
    for index, card in enumerate(config.card):
        if card.behaviour not in BEHAVIOURS:
            known = ", ".join(BEHAVIOURS)
            yield f"no behaviour is named {card.behaviour!r}; there is {known}", f"$.card[{index}].behaviour"
        if not is_pan(card.pan):
            yield "the PAN's last digit is not its Luhn check digit", f"$.card[{index}].pan"
        route = routes.find(card.pan) or ""
        if route != card.issuer:
            yield (
                f"the card is of {card.issuer or 'no issuer'}, but its PAN is routed to {route or 'none'}",
                f"$.card[{index}].issuer",
            )


CHECKS: Final[tuple[Callable[[Config], Iterator[Problem]], ...]] = (
    _unique,
    _names,
    _lines,
    _dialects,
    _macs,
    _options,
    _ports,
    _addresses,
    _tls,
    _keys,
    _traffic,
    _files,
    _currencies,
    _timers,
    _repeats,
    _test_numbers,
    _disposable_numbers,
    _cards,
)
