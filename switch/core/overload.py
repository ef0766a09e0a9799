"""Refusing early: what is done with new requests that come faster than they can be served.

A request costs some thirty times as much to serve as to turn away, and one that is served too late has cost the same
and helps nobody: its acquirer has given up and reversed it. So a shell that falls behind hands frames in here instead,
and each new request is answered 96 on the spot: read, but neither recorded nor remembered. Everything else is given
back, to be handled as ever: reversals, network messages, malformed ones, and repeats of requests that we know, whose
answer must be the original's.
"""

from collections.abc import Sequence
from typing import Final

from switch.core import fields as de
from switch.core import results
from switch.core.context import Context
from switch.core.transaction import reference_of
from switch.iso8583.codec import FormatError, emit, scan

ANSWERS: Final = {"0100": "0110", "0200": "0210"}  # what is refused, and as what


def refuse_new(context: Context, conn: int, frames: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The frames that are to be handed in all the same, and the answers to the others."""
    link = context.acquirer_of_conn.get(conn)
    if link is None or not link.sessions[conn]:
        return list(frames), []
    layout, transactions = link.layout, context.transactions
    code = link.code_of[results.MALFUNCTION]
    echoed, patches = link.echoed, {de.RESPONSE: code}
    kept: list[bytes] = []
    answers: list[bytes] = []
    for frame in frames:
        try:
            view = scan(layout, frame)
        except FormatError:
            kept.append(frame)
            continue
        mti = view.mti
        answer = ANSWERS.get(mti)
        key = reference_of(
            view.text(de.ACQUIRER) or "", view.text(de.STAN) or "", view.text(de.RRN) or "",
            view.text(de.TERMINAL) or "", mti,
        )  # fmt: skip
        if answer is None or transactions.knows(key):
            kept.append(frame)
        else:
            answers.append(emit(layout, answer, view, echoed, patches))
    if answers:
        context.counters[f"de39-{code}"] += len(answers)
        context.counters["overload-refused"] += len(answers)
    return kept, answers
