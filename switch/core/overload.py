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
from switch.core.transaction import reference
from switch.iso8583.codec import FormatError

ANSWERS: Final = {"0100": "0110", "0200": "0210"}  # what is refused, and as what


def refuse_new(context: Context, conn: int, frames: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The frames that are to be handed in all the same, and the answers to the others."""
    link = context.acquirer_of_conn.get(conn)
    if link is None or not link.sessions[conn]:
        return list(frames), []
    scan, emit, knows = link.layout.scan, link.layout.emit, context.transactions.knows
    code = link.code_of[results.MALFUNCTION]
    echoed, patches = link.echoed, {de.RESPONSE: code}
    kept: list[bytes] = []
    answers: list[bytes] = []
    for frame in frames:
        try:
            view = scan(frame)
        except FormatError:
            kept.append(frame)
            continue
        mti, text = view.mti, view.text
        key = reference(
            text(de.ACQUIRER) or "", text(de.STAN) or "", text(de.RRN) or "", text(de.TERMINAL) or "", mti
        )  # fmt: skip
        if mti not in ANSWERS or knows(key):
            kept.append(frame)
        else:
            answers.append(emit(ANSWERS[mti], ((view, echoed),), patches))
    if answers:
        context.counters[f"de39-{code}"] += len(answers)
        context.counters["overload-refused"] += len(answers)
    return kept, answers
