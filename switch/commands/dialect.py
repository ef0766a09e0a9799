"""`monetique dialect`: is a dialect file right, what does it say, the same for jPOS, and one from pyiso8583."""

import argparse
import re
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from switch.commands.common import (
    FINE,
    USAGE,
    CommandError,
    Subparsers,
    add_command,
    add_config,
    add_data,
    add_json,
    load_config,
    print_json,
    print_table,
    running_ports,
)
from switch.documents import DocumentError

if TYPE_CHECKING:
    from switch.config import Link
    from switch.iso8583.dialect import Dialect

EXAMPLES = """\
  monetique dialect check house.toml                 say what is wrong with a dialect file
  monetique dialect show iso93-ascii                 fields, roles and response codes
  monetique dialect export iso87-ascii > house.toml  the file itself, to start from
  monetique dialect import my_spec.py:spec -o house.toml
                                                     from a specification of pyiso8583's
  monetique dialect export iso87-bcd --jpos          a field description for jPOS's GenericPackager
  monetique dialect export --jpos --link acquirer-bcd --to q2
                                                     q2/cfg: the packager, q2/deploy: a channel to that port
"""


def register(subparsers: Subparsers) -> None:
    """Add `dialect` with its four actions."""
    parser = add_command(subparsers, "dialect", "check, show, export or import a dialect", show, examples=EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="check|show|export|import")
    checked = add_command(actions, "check", "say what is wrong with a dialect file", check, examples=EXAMPLES)
    shown = add_command(actions, "show", "list fields, roles and response codes", show, examples=EXAMPLES)
    exported = add_command(actions, "export", "write a dialect's file, or it for jPOS", export, examples=EXAMPLES)
    imported = add_command(
        actions, "import", "make a dialect file of a pyiso8583 specification", import_spec, examples=EXAMPLES
    )
    imported.add_argument(
        "source",
        metavar="FILE.py:NAME",
        help="a Python file and the name of the specification in it. The file is run: take one that you trust",
    )
    imported.add_argument("--name", help="of the dialect (default: that of the file)")
    imported.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to FILE (default: standard output)")
    for action in (checked, shown):
        action.add_argument("dialect", metavar="DIALECT", help="a shipped dialect or a dialect file")
        add_json(action)
    exported.add_argument("dialect", nargs="?", metavar="DIALECT", help="default: that of --link")
    exported.add_argument("--jpos", action="store_true", help="as a GenericPackager's field description")
    exported.add_argument("--link", metavar="LINK", help="with --jpos: a channel to this link's port too, in --to")
    exported.add_argument("--to", type=Path, metavar="DIR", help="write below DIR (default: standard output)")
    add_config(exported)
    add_data(exported)


def check(args: argparse.Namespace) -> int:
    """Load it; say whether a link may speak it."""
    from switch.config import dialect_problem
    from switch.iso8583.dialect import load

    try:
        dialect = load(args.dialect)
    except (ValueError, OSError) as error:
        if not args.json:
            raise CommandError("\n".join(f"{args.dialect}: {line}" for line in _lines(error)), USAGE) from None
        print_json({"dialect": args.dialect, "ok": False, "error": _lines(error)[0], "problems": _lines(error)})
        return USAGE
    problem = dialect_problem(dialect)
    if args.json:
        document = {"dialect": args.dialect, "ok": True, "name": dialect.name, "fields": len(dialect.names)}
        print_json(document | {"link": problem is None, "why_no_link": problem})
    else:
        print(f"{args.dialect}: fine: {dialect.name}, {len(dialect.names)} fields")
        print(f"a link may not speak it: {problem}" if problem else "a link may speak it")
    return FINE


def show(args: argparse.Namespace) -> int:
    """Fields, then what each role and each result is here."""
    dialect = loaded(args.dialect)
    rows = [field_row(number, dialect) for number in sorted(dialect.names)]
    if args.json:
        print_json(
            {
                "name": dialect.name,
                "version": dialect.version,
                "fields": rows,
                "roles": dialect.roles,
                "response_codes": dialect.response_codes,
            }
        )
        return FINE
    print(f"{dialect.name}, message types {dialect.version}xxx")
    columns = ("number", "name", "class", "prefix", "max_len", "encoding", "shown")
    print_table(columns, [[cell(row[column]) for column in columns] for row in rows])
    print()
    print_table(("role", "DE"), list(dialect.roles.items()))
    print()
    print_table(("result", "DE 39"), list(dialect.response_codes.items()))
    return FINE


def export(args: argparse.Namespace) -> int:
    """The dialect's own file, or jPOS's packager and, for a link, its channel."""
    from switch.iso8583.dialect import source

    link = find(args) if args.link else None
    name = args.dialect or (link.dialect if link else None)
    if name is None:
        raise CommandError("say which: a dialect, or a link with --link", USAGE)
    if link and not (args.jpos and args.to):
        raise CommandError("a channel for --link is jPOS's, and goes to a file: add --jpos and --to DIR", USAGE)
    dialect = loaded(name)
    if not args.jpos:
        write(args.to, f"{stem(dialect)}.toml", source(name).decode())
        return FINE
    from switch.iso8583 import jpos

    try:
        packager = jpos.packager(dialect)
        channel = deployment(args, link, dialect) if link else None
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None
    write(args.to, f"cfg/{stem(dialect)}.xml", packager)
    if channel is not None and link is not None:
        write(args.to, f"deploy/10_monetique_{link.name}.xml", channel)
    return FINE


def import_spec(args: argparse.Namespace) -> int:
    """A pyiso8583 specification as a dialect file, which is loaded once before it is handed out."""
    from switch.iso8583.dialect import load_text, shipped_words
    from switch.iso8583.pyiso8583 import to_toml

    file, colon, name = args.source.rpartition(":")
    if not (file and colon and name.isidentifier()):
        raise CommandError(f"expected FILE.py:NAME, the name of a specification in a file, found {args.source}", USAGE)
    spec = specification(Path(file), name)
    try:
        text = to_toml(spec, args.name or Path(file).stem, *shipped_words())
        load_text(text)
    except ValueError as error:
        raise CommandError("\n".join(f"{args.source}: {line}" for line in _lines(error)), USAGE) from None
    if args.output is None:
        sys.stdout.write(text)
        return FINE
    try:
        args.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{args.output}: {error.strerror}", USAGE) from None
    print(args.output)
    return FINE


def specification(file: Path, name: str) -> dict[str, Any]:
    """Run a Python file, as `python FILE` would, and return the dictionary that it calls `name`."""
    sys.path.insert(0, str(file.parent))
    try:
        found = runpy.run_path(str(file)).get(name)
    except FileNotFoundError as error:
        raise CommandError(f"{error.filename}: {error.strerror}", USAGE) from None
    except Exception as error:  # whatever the file raises is the user's to read
        raise CommandError(f"{file} cannot be run: {type(error).__name__}: {error}", USAGE) from None
    finally:
        sys.path.pop(0)
    if not (isinstance(found, dict) and found and all(isinstance(entry, dict) for entry in found.values())):
        what = "has nothing of that name" if found is None else "is no specification, a dictionary of dictionaries"
        raise CommandError(f"{file}: {name} {what}", USAGE)
    return found


def deployment(args: argparse.Namespace, link: "Link", dialect: "Dialect") -> str:
    """The channel for a link, at the port in use while the bench runs."""
    from switch.config import framing
    from switch.iso8583 import jpos

    if link.host.startswith("unix:"):
        raise ValueError(f"link {link.name} is a Unix socket, which jPOS does not speak: give it a host and a port")
    number = running_ports(args.data).get(link.name, link.port)
    return jpos.deployment(
        link.name, framing(link), link.host, number, f"cfg/{stem(dialect)}.xml", dials=link.role == "acquirer"
    )


def find(args: argparse.Namespace) -> "Link":
    """The link of `--link`."""
    from switch.config import find_link

    try:
        return find_link(load_config(args), args.link)
    except LookupError as error:
        raise CommandError(str(error), USAGE) from None


def loaded(name: str) -> "Dialect":
    """The dialect, or why there is none."""
    from switch.iso8583.dialect import load

    try:
        return load(name)
    except (ValueError, OSError) as error:
        raise CommandError("\n".join(f"{name}: {line}" for line in _lines(error)), USAGE) from None


def stem(dialect: "Dialect") -> str:
    """Its name as that of a file."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", dialect.name)


def write(folder: Path | None, name: str, text: str) -> None:
    """To a file below the folder, saying so, or to standard output."""
    if folder is None:
        sys.stdout.write(text)
        return
    path = folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", USAGE) from None
    print(path)


def field_row(number: int, dialect: "Dialect") -> dict[str, Any]:
    """One field: class, length prefix (encoding and bytes), longest value, encoding, and whether it may be shown."""
    entry = dialect.spec[str(number)]
    encoding = "x+bcd" if entry.get("signed") else "bcd" if entry.get("len_count") == "nibbles" else entry["data_enc"]
    return {
        "number": number,
        "name": dialect.names[number],
        "class": entry.get("class"),
        "prefix": f"{entry['len_enc']} {entry['len_type']}" if entry["len_type"] else None,
        "max_len": entry["max_len"],
        "encoding": encoding,
        "shown": number in dialect.shown,
    }


def cell(value: object) -> object:
    """For people: yes or nothing, a dash for what is not there."""
    return {True: "yes", False: "-", None: "-"}.get(value, value) if isinstance(value, bool | None) else value


def _lines(error: Exception) -> list[str]:
    """What is wrong, a line a problem."""
    if isinstance(error, DocumentError):
        return [f"{what} - at `{path}`" for what, path in error.problems]
    return [error.strerror or str(error) if isinstance(error, OSError) else str(error)]
