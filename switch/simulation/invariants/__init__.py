"""The invariants, checked while a simulation runs by code that shares nothing with what it checks.

    I1   debits = credits      what an acquirer was told and did not take back is one effect, of the amount that stands
    I2   limits                no debit beyond what the account has or its card may spend in a day; advices are exempt
    I3   duplicates            one decision and one effect per duplicate key, advices included
    I5   every request ends    answered, or reversed and acknowledged; nothing is owed, or given up, in the end
    I6   released once         no hold, and no credit, is taken back twice, wholly or in part
    I7   journal first         what leaves rests on records that are durable by then
    I8   final is final        an answer never changes but by a reversal
    I9   totals                figures of reconciliations are what the log adds up to, by link, day and currency
    R11  order                 what is owed about a card leaves in the order in which it came to be owed, one at a time
    R13  stand-in              the reversal of an unanswered request before the advice that approves it; what is dropped
                               never leaves
    R15  keys                  no PIN block is lost to a change of keys alone
    OC1  site                  a disposable number is approved at its own site only
    OC2  cap                   what was asked for, approved and not taken back is within a number's cap at every instant
    OC3  one use               one purchase at most stands on a number for one (so does I4, for what is good for once)
    OC4  disguise              no acquirer is told the card behind a number
    OC5  no card's             a number has its card's BIN, is no card's and ends otherwise; OC6 is I2, of those cards
    R16  days                  every message of a transaction carries the day of its acceptance; days never go back

Theory of operation. The checker is an onlooker (`world.Watch`). It reads the frames on the wires and the bytes of the
logs as they become durable (`wiretap`), and keeps models of its own, each a few dictionaries: what acquirers were told
(`acquirer_wire`), what the switch has written down and owes (`switch_log`), what that adds up to (`sums`), what the
issuers have booked (`issuer_log`). A record or a frame that contradicts the models is a violation at once; `finish`
compares them, and the accounts themselves, when all is said and done. An account may go below zero in two ways, by a
refund that was spent and then reversed, and by an advice; so debits are checked, not balances.

What stands of a transaction is followed through its life: approved, perhaps for less than was asked; reduced by partial
reversals; taken back; released, as a pre-authorization with its increments is by the first completion. Where the switch
stood in for an issuer, the effect is that of its advice, and the request itself leaves none.
"""

from switch.simulation.invariants.checker import STOPPED, Checker
from switch.simulation.invariants.issuer_log import Card
from switch.simulation.invariants.names import SWITCH, Violation

__all__ = ["STOPPED", "SWITCH", "Card", "Checker", "Violation"]
