"""`monetique send`: compose one message as an acquirer, send it, show the answer.

The PIN is encrypted in `switch.acquirers.pinpad`, as a terminal does it. What is shown is masked. What each kind sends
is in `switch.commands.messages`.
"""

import argparse
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from switch.commands.cardarg import HELP, WORDS, secret
from switch.commands.common import (
    FAILED,
    FINE,
    USAGE,
    CommandError,
    Subparsers,
    add_command,
    add_config,
    add_data,
    add_json,
    load_config,
    port,
    print_json,
    running_ports,
    seconds_above_0,
    tls_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from switch.acquirers.macs import Macs
    from switch.commands.session import Exchange, Session
    from switch.config import Config, Link
    from switch.iso8583.codec import View
    from switch.iso8583.dialect import Dialect

EXAMPLES = """\
  monetique send purchase --amount 100.00            the `approve` card, with its PIN
  monetique send purchase --card funds --expect 51   a card by what it is for; exit status 1 if DE 39 differs
  monetique send cash --card pin-tries --pin 9999
  monetique send purchase --no-pin --de 2=@number    a card number from a file; 2=- from standard input
  monetique send purchase --track2                   the stripe was read: DE 35 instead of DE 2 and 14
  monetique send purchase --no-pin --cvv2 000 --de 25=59
  monetique send cashback --amount 60 --cash 20      DE 54 says how much of it is paid out
  monetique send reversal                            a purchase, then its 0420
  monetique send partial-reversal --amount 30        a purchase of 100.00, of which 30.00 are to stand (DE 95)
  monetique send completion --amount 90              a pre-authorization of 100.00, then its 0220 over 90.00
  monetique send preauth --json > held.json
  monetique send incremental --original held.json --amount 20
  monetique send completion --original held.json --amount 115
  monetique send force-post --amount 12              a 0220 of what was approved without asking; `advice`: a 0120
  monetique send reconciliation --de 76=0000000001       an 0500 with this figure; DE 66 of the answer: 1 or 2
  monetique send cutover --date 1231                 0800/201: this acquirer's business day is over
  monetique send echo --link acquirer-bcd --json
"""

KINDS: Final = (
    "purchase", "cash", "cashback", "refund", "balance", "verification", "preauth", "incremental", "completion",
    "advice", "force-post", "reversal", "partial-reversal", "reconciliation", "cutover", "echo", "sign-on", "sign-off",
)  # fmt: skip
CURRENCIES: Final = ("EUR", "FRF")
# DE 54, an entry: account type 2, amount type 2, currency 3, sign 1, amount 12.
BALANCE_CHARACTERS: Final = 20
BALANCES: Final = {"01": "ledger", "02": "available"}
MAX_FIELD: Final = 128
MAX_DIGITS: Final = 3
CARD_FIELDS: Final = (2, 34, 35, 36, 45)  # card numbers and tracks
MAX_CENTS: Final = 10**12 - 1  # DE 4 has 12 digits


def register(subparsers: Subparsers) -> None:
    """Add `send`."""
    parser = add_command(subparsers, "send", "send one message as an acquirer", send, examples=EXAMPLES)
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    add_card(parser)
    add_message(parser)
    parser.add_argument("--link", default="acquirer", help="the acquirer link to use (acquirer)")
    parser.add_argument("--port", type=port, help="default: the link's, in use or configured")
    parser.add_argument(
        "--timeout", type=seconds_above_0, default=10.0, metavar="SECONDS", help="an acquirer's timer (10)"
    )
    parser.add_argument("--expect", metavar="CC", help="exit status 1 unless the last answer's DE 39 is this")
    add_config(parser, addresses=True)
    add_data(parser)
    add_json(parser)


def add_card(parser: argparse.ArgumentParser) -> None:
    """Who pays, and how the card is read."""
    parser.add_argument("--card", default="approve", type=secret, help=f"{HELP} (approve)")
    pins = parser.add_mutually_exclusive_group()
    pins.add_argument("--pin", help="default: the card's")
    pins.add_argument("--no-pin", action="store_true", help="leave DE 52 out")
    parser.add_argument("--track2", action="store_true", help="DE 35 as the stripe has it, instead of DE 2 and 14")
    parser.add_argument(
        "--cvv2", nargs="?", const=True, type=three_digits, metavar="DIGITS", help="in DE 48 (the card's)"
    )


def add_message(parser: argparse.ArgumentParser) -> None:
    """What the message says."""
    parser.add_argument(
        "--amount", type=amount_cents,
        help="in units of the currency (100.00; about an original: as much; partial-reversal: what is to stand, half)",
    )  # fmt: skip
    parser.add_argument("--cash", type=amount_cents, metavar="AMOUNT", help="the cash part of a cashback (20.00)")
    parser.add_argument("--currency", choices=CURRENCIES, default="EUR", help="DE 49 (EUR)")
    parser.add_argument("--merchant", default="MERCHANT0000001", help="DE 42 (MERCHANT0000001)")
    parser.add_argument("--terminal", default="SEND0001", help="DE 41 (SEND0001)")
    parser.add_argument("--date", type=month_and_day, metavar="MMDD", help="DE 15 of a cutover or a reconciliation")
    originals = parser.add_mutually_exclusive_group()
    originals.add_argument(
        "--original",
        type=Path,
        metavar="FILE",
        help="what it is about: the output of `send --json` (-: stdin)",
    )
    originals.add_argument(
        "--original-amount", type=amount_cents, metavar="AMOUNT", help="of an original that is sent first (100.00)"
    )
    parser.add_argument(
        "--de", type=data_element, action="append", default=[], metavar="NUMBER=TEXT",
        help=f"set a field of the message, or with no text leave it out; DE 2, 34, 35, 36, 45: also {WORDS}",
    )  # fmt: skip


def send(args: argparse.Namespace) -> int:
    """Sign on, exchange, show; the last answer's DE 39 decides about `--expect`."""
    from switch.commands.messages import AFTER, exchange_all
    from switch.iso8583.codec import EncodeError

    if (args.original or args.original_amount is not None) and args.kind not in AFTER:
        raise CommandError(f"{args.kind} is about no other message; with an original go {', '.join(AFTER)}", USAGE)
    config = load_config(args)
    check_fields(args.de, config, acquirer_link(args, config))
    with open_session(args, config) as session:
        try:
            exchanges = list(exchange_all(args, config, session))
        except EncodeError as error:
            raise CommandError(f"{session.dialect.name} cannot say that: {error}", USAGE) from None
    if args.json:
        *before, last = [as_json(exchange, session) for exchange in exchanges]
        print_json(last | ({"original": before[0]} if before else {}))
    else:
        for exchange in exchanges:
            show(exchange, session)
    got = exchanges[-1].de39
    if args.expect and got != args.expect:
        print(f"DE 39 = {got}, expected {args.expect}", file=sys.stderr)
        return FAILED
    return FINE


def open_session(args: argparse.Namespace, config: "Config") -> "Session":
    """A connection to the acquirer link of `--link`, on the port in use, by the terminal and merchant of `args`."""
    from switch.acquirers.compose import Sender
    from switch.commands.session import Session
    from switch.config import framing
    from switch.iso8583.dialect import load

    link = acquirer_link(args, config)
    running = running_ports(args.data)
    number = args.port or running.get(link.name, link.port)
    sender = Sender(link.institution_id, args.terminal, args.merchant)
    dialect = load(link.dialect).for_link()
    macs = macs_of(config, link, dialect)
    absent = whereabouts(args.data, running)
    return Session(link.host, number, dialect, framing(link), sender, args.timeout, tls_of(link), macs, absent)


def acquirer_link(args: argparse.Namespace, config: "Config") -> "Link":
    """The acquirer link of `--link`."""
    from switch.config import find_link

    try:
        link = find_link(config, args.link)
    except LookupError as error:
        raise CommandError(str(error), USAGE) from None
    if link.role != "acquirer":
        raise CommandError(f"{link.name} leads to an issuer; as an acquirer one sends on an acquirer link", USAGE)
    return link


def check_fields(chosen: "Iterable[tuple[int, str]]", config: "Config", link: "Link") -> None:
    """Refuse, before anything is sent, fields of `--de` that the link's dialect cannot write."""
    from switch.commands.messages import with_changes
    from switch.iso8583.codec import EncodeError
    from switch.iso8583.dialect import load

    dialect = load(link.dialect).for_link()
    for number, given in chosen:
        try:
            dialect.layout.encode(with_changes({"t": "0100"}, [(number, given)], config, dialect))
        except EncodeError as error:
            raise CommandError(f"--de {number}: {error.reason}, in {dialect.name}", USAGE) from None


def whereabouts(data: Path, running: dict[str, int]) -> str:
    """Where a bench was looked for, and what to do."""
    if running:
        return f"the bench in {data} listens on " + ", ".join(f"{name} {port}" for name, port in running.items())
    return (
        f"no bench runs in {data.resolve()} (there is no up.json of a process that lives): start one with "
        "`monetique up`, or name the directory of the one that runs with --data, or its port with --port"
    )


def macs_of(config: "Config", link: "Link", dialect: "Dialect") -> "Macs | None":
    """What seals the messages of a link with MACs."""
    from switch.acquirers.macs import Macs
    from switch.config.build import clear_if_any

    if not link.mac:
        return None
    tak = clear_if_any(config, link.name, "TAK")
    if not tak:
        raise CommandError(f"the TAK of {link.name} is known under the LMK only: no MAC can be made here", USAGE)
    return Macs(dialect, bytes.fromhex(tak), link.mac_algorithm, link.mac_repeat)


def as_json(exchange: "Exchange", session: "Session") -> dict[str, Any]:
    """One exchange: both messages masked, what DE 39 means, how long it took."""
    from switch.iso8583.describe import shown_fields

    return {
        "request": shown_fields(exchange.request, session.dialect),
        "answer": shown_fields(exchange.answer, session.dialect),
        "de39": exchange.de39,
        "result": result_name(exchange, session),
        "balances": balances(exchange.answer),
        "elapsed_ms": round(exchange.elapsed_ms, 3),
    }


def show(exchange: "Exchange", session: "Session") -> None:
    """Both messages field by field, masked, then the outcome in a line."""
    from switch.iso8583.describe import describe

    for title, view in (("sent", exchange.request), ("received", exchange.answer)):
        print(title)
        print("\n".join(f"  {line}" for line in describe(view, session.dialect)))
    for kind, amount in balances(exchange.answer).items():
        print(f"{kind} balance {amount}")
    print(f"DE 39 = {exchange.de39}, {result_name(exchange, session)}, in {exchange.elapsed_ms:.1f} ms")


def balances(answer: "View") -> dict[str, str]:
    """DE 54 of a balance inquiry: {"ledger": "100.00", "available": "87.50"}; {} where there is none."""
    text = answer.text(54) or ""
    found = {}
    for at in range(0, len(text), BALANCE_CHARACTERS):
        kind, sign, digits = text[at + 2 : at + 4], text[at + 7 : at + 8], text[at + 8 : at + BALANCE_CHARACTERS]
        if kind in BALANCES and digits.isdigit():
            found[BALANCES[kind]] = f"{'-' if sign == 'D' else ''}{int(digits) / 100:.2f}"
    return found


def result_name(exchange: "Exchange", session: "Session") -> str:
    """What the dialect calls this DE 39."""
    names = {code: name for name, code in session.dialect.response_codes.items()}
    return names.get(exchange.de39, "unknown code").replace("_", " ")


def amount_cents(text: str) -> int:
    """100.00 → 10000. Amounts are never floats on their way to DE 4."""
    try:
        cents = Decimal(text) * 100
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"an amount is written 100.00, not {text!r}") from None
    if not cents.is_finite() or cents != int(cents) or not 0 <= cents <= MAX_CENTS:
        raise argparse.ArgumentTypeError(f"an amount has two decimals and at most 12 digits in all: {text!r}")
    return int(cents)


def data_element(text: str) -> tuple[int, str]:
    """48=9203407 → (48, "9203407"); 52= → (52, ""); 2=- → (2, the card number on standard input).

    What is wrong is told without the text, which may be a secret.
    """
    number, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("expected NUMBER=TEXT, such as 48=ABC (48= leaves the field out)")
    if not (number.isascii() and number.isdecimal()):
        raise argparse.ArgumentTypeError("expected the number of a field before the =, such as 48=ABC")
    if len(number) > MAX_DIGITS or not 2 <= int(number) <= MAX_FIELD:
        found = number if len(number) <= MAX_DIGITS else f"{len(number)} digits"
        raise argparse.ArgumentTypeError(f"expected a field from 2 to {MAX_FIELD}, found {found}")
    return int(number), secret(value) if int(number) in CARD_FIELDS else value


def three_digits(text: str) -> str:
    """The type of `--cvv2`."""
    if not (len(text) == 3 and text.isdecimal()):
        raise argparse.ArgumentTypeError("three digits, or nothing for the card's own")
    return text


def month_and_day(text: str) -> str:
    """The type of `--date`."""
    if not (len(text) == 4 and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"a day is given as MMDD, not {text!r}")
    return text
