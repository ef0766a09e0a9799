"""What a sans-IO part asks its shell to do.

The core, the simulated issuers and the simulated acquirers touch no socket, disk or clock. They leave effects, tuples
that start with one of the kinds below, and a shell (`switch.net` on uvloop, `switch.simulation` on virtual time) takes
them with `take_effects()` and carries them out in order. Tuples, because an authorization makes half a dozen of them.

    (SEND, conn, frame)          write the frame at once; `conn` is the number the shell gave in `connected`
    (FORWARD, conn, frame, tx)   write once everything committed before it is durable, then set `tx.forwarded_at`
    (ANSWER, conn, frame, tx)    the same, then set `tx.answered_at` and hand `tx` to the observer of latencies
    (HSM, tag, command)          host command (no length, no header); the answer comes back by `hsm_reply(tag, …)`
    (COMMIT, payload)            append to the log, in this order, in the next batch
    (CLOSE, conn, reason)        close the connection after what was written to it
    (EVENT, name, fields)        one structured line: why something was declined, refused, late, unmatched

`tx` is None where nobody asks for the timing. The order is the contract: a FORWARD or ANSWER waits for every COMMIT
that stands before it, and for none that stands after.
"""

from typing import Any, Final, TypeAlias

SEND: Final = 0
FORWARD: Final = 1
ANSWER: Final = 2
HSM: Final = 3
COMMIT: Final = 4
CLOSE: Final = 5
EVENT: Final = 6

Effect: TypeAlias = tuple[Any, ...]
