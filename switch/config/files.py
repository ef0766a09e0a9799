"""Reading a configuration: the shipped files, a user's file laid over them, the checks.

The user's tables come first in the merged lists, in the user's order, so that `$.link[0]` in an error means the first
`[[link]]` of the user's file.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from switch.config.checks import IDENTITY, all_problems
from switch.config.tables import Config
from switch.documents import DocumentError, Problem, read
from switch.profiles import latency
from switch.schemes import ocard

Document: TypeAlias = dict[str, Any]

DEFAULT_FILE: Final = Path(__file__).with_name("default.toml")
SHIPPED: Final = (
    DEFAULT_FILE,
    Path(__file__).with_name("keys.toml"),
    Path(__file__).with_name("cards.toml"),
    Path(latency.__file__).with_name("latency.toml"),
    Path(ocard.__file__).with_name("ocard.toml"),
)

# Tables that replace the shipped one of the same name instead of changing single values of it: the three forms of a key
# belong together, and so do a profile's hops.
WHOLE: Final = frozenset({"key", "profile"})

MAX_TOLD: Final = 20  # problems; a wrong route makes one of every card behind it
MAX_FILE_BYTES: Final = 16 * 1024 * 1024  # some 50,000 cards; more is a mistake, a log or a device file


class ConfigError(Exception):
    """What is wrong with a configuration: the file (None: the shipped one) and all problems, at least one."""

    def __init__(self, file: Path | None, problems: Sequence[Problem]) -> None:
        super().__init__(file, problems)
        self.file = file
        self.problems = tuple(problems)
        self.what, self.path = problems[0]

    def __str__(self) -> str:
        """Return a line a problem: the file, a sentence, and where, `$.link[0].port`."""
        name = self.file or "shipped configuration"
        lines = [f"{name}: {what} - at `{path}`" for what, path in self.problems[:MAX_TOLD]]
        if more := len(self.problems) - MAX_TOLD:
            lines += [f"{name}: and {more} more"] if more > 0 else []
        return "\n".join(lines)


def load(path: Path | str | None = None, *, insecure: bool = False) -> Config:
    """The shipped configuration, with the file at `path` laid over it unless that says `extends = "none"`.

    `insecure` is the command line's way to say what the file can say too. Raises ConfigError, for whatever is wrong
    with the file, its absence included.
    """
    file = None if path is None else Path(path)
    own = {} if file is None else _anchored(_read(file), file.parent)
    document = _joined(own if own.get("extends") == "none" else merged(_shipped(), own), file)
    if insecure:
        document = document | {"insecure": True}
    try:
        config = read(document, Config)
    except DocumentError as error:
        raise ConfigError(file, error.problems) from None
    if problems := all_problems(config):
        raise ConfigError(file, problems)
    return config


def merged(base: Document, own: Document) -> Document:
    """`own` laid over `base`: lists of tables by identity, tables value by value, the rest replaced.

    >>> merged({"link": [{"name": "a", "port": 1}, {"name": "b"}]}, {"link": [{"name": "b", "port": 2}]})
    {'link': [{'name': 'b', 'port': 2}, {'name': 'a', 'port': 1}]}
    """
    result = base | own
    for name in base.keys() & own.keys():
        ours, theirs = own[name], base[name]
        if name in IDENTITY and isinstance(ours, list):
            result[name] = _merged_lists(name, theirs, ours)
        elif isinstance(theirs, dict) and isinstance(ours, dict):
            result[name] = theirs | ours
    return result


def _joined(document: Document, file: Path | None) -> Document:
    """A line that joins another link is like that one in all that it does not say: address, dialect, institution …"""
    links = document.get("link")
    tables = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    primary = {str(link.get("name")): link for link in tables if not link.get("joins")}
    for index, link in enumerate(tables):
        joins = link.get("joins") or None
        if isinstance(joins, str) and joins not in primary:
            what = f"{joins} is no link, or itself a further line of one"
            raise ConfigError(file, [(what, f"$.link[{index}].joins")])
        for name, value in primary.get(str(joins), {}).items():
            link.setdefault(name, value)
    return document


def _merged_lists(name: str, base: list[Document], own: list[Any]) -> list[Any]:
    """The tables of `own`, completed by those of `base` that they name; then the rest of `base`."""

    def identity(table: Document) -> tuple[str, ...]:
        return tuple(str(table.get(key)) for key in IDENTITY[name])

    theirs = {identity(table): table for table in base}
    result = []
    for table in own:
        shipped = theirs.get(identity(table), {}) if isinstance(table, dict) else {}
        result.append(table if name in WHOLE or not shipped else shipped | table)
    named = {identity(table) for table in own if isinstance(table, dict)}
    return result + [table for key, table in theirs.items() if key not in named]


def _anchored(document: Document, folder: Path) -> Document:
    """Dialect files, certificates and keys are named relative to the file that names them."""
    links = document.get("link")
    for link in links if isinstance(links, list) else []:
        for key in ("dialect", "tls_cert", "tls_key", "tls_ca") if isinstance(link, dict) else ():
            name = link.get(key)
            if isinstance(name, str) and (name.endswith(".toml") if key == "dialect" else name):
                link[key] = str(folder / name)
    return document


def _shipped() -> Document:
    document: Document = {}
    for file in SHIPPED:
        document |= _read(file)
    return document


def _read(file: Path) -> Document:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigError(file, [(f"the file is larger than {MAX_FILE_BYTES} bytes", "$")])
        return tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigError(file, [(f"cannot be read: {error.strerror}", "$")]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(file, [(f"is not UTF-8 text: byte {error.start}", "$")]) from None
    except ValueError as error:  # TOMLDecodeError; an integer of thousands of digits is a plain one
        raise ConfigError(file, [(f"is not TOML: {error}", "$")]) from None
    except RecursionError:
        raise ConfigError(file, [("is nested too deeply", "$")]) from None
