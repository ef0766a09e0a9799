"""`monetique send`: compose one message as an acquirer, send it, show the answer.

The PIN is encrypted in `switch.acquirers.pinpad`, as a terminal does it. What is shown is masked.
"""

import argparse
import sys
import time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

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
)
from switch.commands.describe import fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from switch.commands.session import Exchange, Session
    from switch.config import Card, Config
    from switch.iso8583.codec import View

EXAMPLES = """\
  monetique send purchase --amount 100.00            the `approve` card, with its PIN
  monetique send purchase --card funds --expect 51   a card by what it is for; exit status 1 if DE 39 differs
  monetique send cash --card 4687380000000024 --pin 9999
  monetique send reversal                            a purchase, then its 0420
  monetique send echo --link acquirer-bcd --json
"""

KINDS: Final = ("purchase", "cash", "cashback", "refund", "balance", "verification", "reversal", "echo", "sign-on")
WITHOUT_AMOUNT: Final = ("balance", "verification")
CURRENCIES: Final = {"EUR": "978", "FRF": "250"}
# DE 54, an entry: account type 2, amount type 2, currency 3, sign 1, amount 12.
BALANCE_CHARACTERS: Final = 20
BALANCES: Final = {"01": "ledger", "02": "available"}
MAX_CENTS: Final = 10**12 - 1  # DE 4 has 12 digits


def register(subparsers: Subparsers) -> None:
    """Add `send`."""
    parser = add_command(subparsers, "send", "send one message as an acquirer", send, examples=EXAMPLES)
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--card", default="approve", help="a PAN of `monetique cards`, or a behaviour (approve)")
    pins = parser.add_mutually_exclusive_group()
    pins.add_argument("--pin", help="default: the card's")
    pins.add_argument("--no-pin", action="store_true", help="leave DE 52 out")
    parser.add_argument("--amount", type=amount_cents, default="100.00", help="in units of the currency (100.00)")
    parser.add_argument("--currency", choices=sorted(CURRENCIES), default="EUR", help="DE 49 (EUR)")
    parser.add_argument("--link", default="acquirer", help="the acquirer link to use (acquirer)")
    parser.add_argument("--port", type=port, help="default: the link's, in use or configured")
    parser.add_argument("--merchant", default="MERCHANT0000001", help="DE 42 (MERCHANT0000001)")
    parser.add_argument("--terminal", default="SEND0001", help="DE 41 (SEND0001)")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="an acquirer's timer (10)")
    parser.add_argument("--expect", metavar="CC", help="exit status 1 unless the last answer's DE 39 is this")
    add_config(parser)
    add_data(parser)
    add_json(parser)


def send(args: argparse.Namespace) -> int:
    """Sign on, exchange, show; the last answer's DE 39 decides about `--expect`."""
    from switch.acquirers.compose import Sender
    from switch.commands.session import Session
    from switch.config import find_link, framing
    from switch.iso8583.dialect import load

    config = load_config(args)
    try:
        link = find_link(config, args.link)
    except LookupError as error:
        raise CommandError(str(error), USAGE) from None
    number = args.port or running_ports(args.data).get(link.name, link.port)
    sender = Sender(link.institution_id, args.terminal, args.merchant)
    with Session(link.host, number, load(link.dialect).for_link(), framing(link), sender, args.timeout) as session:
        exchanges = list(exchange_all(args, config, session))
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


def exchange_all(args: argparse.Namespace, config: "Config", session: "Session") -> "Iterator[Exchange]":
    """The messages that `kind` stands for, one after the other; everything but sign-on itself is preceded by it."""
    from switch.acquirers import compose
    from switch.commands.session import stan_of

    now = time.time()
    stan = stan_of(now)
    if args.kind != "sign-on":
        session.sign_on()
    if args.kind in compose.NETWORK_CODES:
        yield session.exchange(compose.network(args.kind, session.sender, stan=stan, now=now))
        return
    card = find_card(config, args.card)
    request = compose.request(
        "purchase" if args.kind == "reversal" else args.kind,
        session.sender,
        pan=card.pan,
        expiry=card.expiry,
        amount_cents=0 if args.kind in WITHOUT_AMOUNT else args.amount,
        currency=CURRENCIES[args.currency],
        stan=stan,
        now=now,
        pin_block=encrypted_pin(args, config, card),
    )
    yield session.exchange(request)
    if args.kind == "reversal":
        yield session.exchange(compose.reversal_of(request))


def find_card(config: "Config", wanted: str) -> "Card":
    """The card with that PAN, or the first with that behaviour."""
    for card in config.card:
        if wanted in (card.pan, card.behaviour):
            return card
    known = ", ".join(sorted({card.behaviour for card in config.card}))
    raise CommandError(f"no such card among `monetique cards`; behaviours: {known}", USAGE)


def encrypted_pin(args: argparse.Namespace, config: "Config", card: "Card") -> bytes | None:
    """DE 52 under the link's ZPK, or None with `--no-pin`."""
    from switch.acquirers.pinpad import pin_block
    from switch.config import find_key

    if args.no_pin:
        return None
    zpk = find_key(config, args.link, "ZPK")
    if not zpk.clear:
        raise CommandError(f"the ZPK of {args.link} is known under the LMK only: use --no-pin", USAGE)
    try:
        return pin_block(args.pin or card.pin, card.pan, bytes.fromhex(zpk.clear))
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None


def as_json(exchange: "Exchange", session: "Session") -> dict[str, Any]:
    """One exchange: both messages masked, what DE 39 means, how long it took."""
    return {
        "request": fields(exchange.request, session.dialect),
        "answer": fields(exchange.answer, session.dialect),
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
