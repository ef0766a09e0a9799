"""The messages of `monetique send`: what each kind stands for, out of the command line and the configuration.

A kind of `AFTER` is about an earlier message: the one that `--original` names, else one that is sent first.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from switch.acquirers import compose
from switch.acquirers.pinpad import PinPad
from switch.cards.masking import mask_pan
from switch.commands.cardarg import card_number, find_card
from switch.commands.common import FAILED, USAGE, CommandError, running_ports
from switch.commands.session import Exchange, Session, stan_of
from switch.config import Card, Config, find_key
from switch.config.build import clear_if_any
from switch.iso8583.dialect import Dialect

CURRENCIES: Final = {"EUR": "978", "FRF": "250"}
WITHOUT_AMOUNT: Final = ("balance", "verification")
AFTER: Final = {  # and the kind of its original
    "reversal": "purchase",
    "partial-reversal": "purchase",
    "incremental": "preauth",
    "completion": "preauth",
}
DEFAULT_CENTS: Final = 100_00
DEFAULT_CASH_CENTS: Final = 20_00
PAN: Final = 2
LAST_STAN: Final = 999_999
MAX_ORIGINAL_BYTES: Final = 1 << 20  # the output of `send --json` is a few thousand

Doc = dict[str, str]


@dataclass(frozen=True)
class Original:
    """The message that another one is about."""

    doc: Doc
    approval: str = ""  # DE 38 of its answer


def exchange_all(args: argparse.Namespace, config: Config, session: Session) -> Iterator[Exchange]:
    """The messages that `kind` stands for, one after the other; everything but sign-on itself is preceded by it."""
    if args.kind != "sign-on":
        session.sign_on()
    if args.kind not in AFTER:
        yield session.exchange(with_changes(single(args, config, session), args.de, config, session.dialect))
        return
    if args.original:
        original = read_original(args.original, find_card(config, args.card), config.card)
    else:
        first = request(args, config, session, AFTER[args.kind], original_cents(args))
        exchange = session.exchange(first)
        yield exchange
        original = Original(first, exchange.answer.text(38) or "")
    yield session.exchange(with_changes(follow_up(args, original), args.de, config, session.dialect))


def single(args: argparse.Namespace, config: Config, session: Session) -> Doc:
    """A message that is about no other."""
    now = time.time()
    if args.kind in compose.NETWORK_CODES:
        return compose.network(args.kind, session.sender, stan=stan_of(now), now=now, date=args.date or "")
    if args.kind == "reconciliation":
        date = args.date or time.strftime("%m%d", time.gmtime(now))
        currency = CURRENCIES[args.currency]
        return compose.reconciliation(session.sender, {}, stan=stan_of(now), now=now, date=date, currency=currency)
    cents = DEFAULT_CENTS if args.amount is None else args.amount
    return request(args, config, session, args.kind, 0 if args.kind in WITHOUT_AMOUNT else cents)


def request(args: argparse.Namespace, config: Config, session: Session, kind: str, cents: int) -> Doc:
    """A request or advice with a card."""
    now, card = time.time(), find_card(config, args.card)
    cash_cents = 0
    if kind == "cashback":
        cash_cents = min(DEFAULT_CASH_CENTS, cents) if args.cash is None else args.cash
    return compose.request(
        kind,
        session.sender,
        pan=card.pan,
        expiry=card.expiry,
        amount_cents=cents,
        currency=CURRENCIES[args.currency],
        stan=stan_of(now),
        now=now,
        pin_block=None if kind in compose.MTIS else encrypted_pin(args, config, card),
        track2=card.track2() if args.track2 else "",
        cvv2=card.cvv2 if args.cvv2 is True else args.cvv2 or "",
        cash_cents=cash_cents,
    )


def follow_up(args: argparse.Namespace, original: Original) -> Doc:
    """A message about an original."""
    now, doc = time.time(), original.doc
    stan = stan_of(now) if stan_of(now) != int(doc["11"]) else stan_of(now) % LAST_STAN + 1
    cents = int(doc["4"]) if args.amount is None else args.amount
    match args.kind:
        case "incremental":
            return compose.incremental(doc, cents, stan=stan, now=now)
        case "completion":
            return compose.completion(doc, cents, stan=stan, now=now, approval=original.approval)
        case "partial-reversal":
            return compose.partial_reversal_of(doc, int(doc["4"]) // 2 if args.amount is None else args.amount, now)
        case _:
            return compose.reversal_of(doc)


def original_cents(args: argparse.Namespace) -> int:
    """The amount of an original that is sent first. A whole reversal has its original's amount."""
    if args.original_amount is not None:
        return int(args.original_amount)
    return int(args.amount) if args.kind == "reversal" and args.amount is not None else DEFAULT_CENTS


def with_changes(doc: Doc, changes: list[tuple[int, str]], config: Config, dialect: Dialect) -> Doc:
    """The message with the fields of `--de`, filled up to a fixed length; one without text is left out.

    DE 2 may be the name of a test card.
    """
    changed = dict(doc)
    for number, text in changes:
        given = card_number(config, text) if number == PAN and text else text
        changed[str(number)] = dialect.filled(number, given)
    return {key: text for key, text in changed.items() if key == "t" or text}


def read_original(path: Path, card: Card, known: Iterable[Card]) -> Original:
    """The last message of an earlier `send --json`. The PAN is masked there: the card is a known one, else `card`."""
    what = f"{path} is not what `monetique send --json` printed"
    try:
        with path.open("rb") if str(path) != "-" else sys.stdin.buffer as stream:
            said: Any = msgspec.json.decode(stream.read(MAX_ORIGINAL_BYTES))
        sent, answer = said["request"], said["answer"]
        doc = {key: text for key, text in sent.items() if text is not None}
        card = next((one for one in known if mask_pan(one.pan) == doc.get("2")), card)
        doc |= {"2": card.pan, "14": card.expiry}
        compose.reversal_of(doc)  # raises KeyError if something that identifies it is not there
        return Original(doc, answer.get("38") or "")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", USAGE) from None
    except KeyError as missing:
        raise CommandError(f"{what}: it lacks {missing}", USAGE) from None
    except (msgspec.DecodeError, TypeError, AttributeError):
        raise CommandError(what, USAGE) from None


def exchanged_key(args: argparse.Namespace) -> str:
    """The link's ZPK where an exchange has replaced the configured one, under its ZMK; "" where not, or no bench runs.

    The switch on this data directory is asked, as its log outranks the configuration; not when another's port is named.
    """
    from switch.net.control import ControlError, request, socket_path

    if args.port not in (None, running_ports(args.data).get(args.link)):
        return ""
    try:
        told = request(socket_path(args.data, "switch"), {"command": "zone-key", "name": args.link})
    except ControlError:
        return ""  # none runs here, or another than the one of this configuration: what is configured has to do
    if told["why"]:
        raise CommandError(f"the zone PIN key in use on {args.link} cannot be had: {told['why']}", FAILED)
    return str(told["field"])


def encrypted_pin(args: argparse.Namespace, config: Config, card: Card) -> bytes | None:
    """DE 52 under the link's ZPK in use, or None with `--no-pin`."""
    if args.no_pin:
        return None
    zpk = find_key(config, args.link, "ZPK")
    if not zpk.clear:
        raise CommandError(f"the ZPK of {args.link} is known under the LMK only: use --no-pin", USAGE)
    try:
        pad = PinPad(bytes.fromhex(zpk.clear), bytes.fromhex(clear_if_any(config, args.link, "ZMK")))
        if (exchanged := exchanged_key(args)) and not pad.take(exchanged):
            why = f"a key exchange has replaced the ZPK of {args.link}; its ZMK here is not the one it came under"
            raise CommandError(f"{why}: use --no-pin, or the configuration of the bench", USAGE)
        return pad.block(args.pin or card.pin, card.pan)
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None
