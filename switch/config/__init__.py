"""The configuration: what the bench consists of, as data.

Five TOML files ship with the package (links, routes and limits; keys; cards; latency profiles; a payment scheme), a
user's file is laid over them (`files`), each table is a struct (`tables`), what must hold between them is a list of
checks (`checks`), and what each part is told at start is worked out at the end (`build`). A mistake is a `ConfigError`
that ends in a path.

    >>> config = load()
    >>> [link.name for link in config.link if link.role == "acquirer"]
    ['acquirer', 'acquirer-bcd']
"""

from switch.config.build import (
    acquirer_spec,
    address,
    check_value,
    find_key,
    find_link,
    framing,
    issuer_spec,
    ocard_spec,
    switch_spec,
    traced_links,
    under_lmk,
    with_port_base,
    with_ports,
    with_profile,
)
from switch.config.files import DEFAULT_FILE, ConfigError, load
from switch.config.spoken import dialect_problem
from switch.config.tables import Card, Config, Key, Link

__all__ = [
    "DEFAULT_FILE",
    "Card",
    "Config",
    "ConfigError",
    "Key",
    "Link",
    "acquirer_spec",
    "address",
    "check_value",
    "dialect_problem",
    "find_key",
    "find_link",
    "framing",
    "issuer_spec",
    "load",
    "ocard_spec",
    "switch_spec",
    "traced_links",
    "under_lmk",
    "with_port_base",
    "with_ports",
    "with_profile",
]
