"""The tables of the book, and what merges each kind of record into them.

    authorizations   what was asked, or advised of, and how it ended: requests, advices, refusals
    reversals        what acquirers took back
    owed             what issuers must be told by store and forward, and what became of that

A day's takings of an acquirer, as its 0500 should have them:

    SELECT currency, substr(de3, 1, 2) AS kind, count(*), sum(approved_amount), sum(approved_amount - standing_amount)
      FROM authorizations
     WHERE link = 'acquirer' AND business_date = '261122' AND outcome = 'approved' AND NOT preauthorised
     GROUP BY 1, 2;
"""

# ruff: noqa: S608 - statements are put together from our own words alone

from typing import Final

from switch.core import records

VERSION: Final = 2  # of the tables below; a book of another version is made anew from the log

TABLES: Final = """
CREATE TABLE authorizations (
    number      INTEGER PRIMARY KEY,  -- the switch's own, ascending
    at          REAL NOT NULL,        -- seconds since the epoch: forwarded, refused, or advised of
    decided_at  REAL,
    link        TEXT NOT NULL,        -- the acquirer's
    mti         TEXT NOT NULL,        -- 0100 or 0200; of an advice 0120 or 0220
    acquirer_id TEXT NOT NULL,        -- DE 32
    stan        TEXT NOT NULL,        -- the acquirer's
    rrn         TEXT NOT NULL,
    terminal    TEXT NOT NULL,
    local_date  TEXT NOT NULL,        -- DE 13, MMDD
    de3         TEXT NOT NULL,
    amount      INTEGER NOT NULL,     -- minor units of currency, as asked
    currency    TEXT NOT NULL,
    transmitted TEXT NOT NULL,        -- DE 7
    token       BLOB NOT NULL,        -- the same card has the same
    business_date TEXT NOT NULL DEFAULT '',        -- YYMMDD: the day whose totals it belongs to
    preauthorised INTEGER NOT NULL DEFAULT 0,      -- 1: a hold, to be completed by an advice
    original    INTEGER,              -- number of the pre-authorization that it adds to or completes
    issuer      TEXT,                 -- link it was forwarded to; NULL when refused
    issuer_stan INTEGER,
    de39        TEXT,                 -- NULL while open
    outcome     TEXT NOT NULL CHECK (outcome IN ('open', 'approved', 'declined', 'refused')),  -- an advice's: its own
    approved_amount INTEGER,          -- less than amount after a partial approval; NULL where nothing was approved
    standing_amount INTEGER,          -- what reversals left of it
    stand_in_stan   INTEGER,          -- the switch approved for the issuer: STAN of the advice that tells it
    reversal    TEXT NOT NULL DEFAULT 'none'       -- of the whole: what became of it; dropped: nobody need be told
        CHECK (reversal IN ('none', 'owed', 'delivered', 'exhausted', 'dropped')),
    reason      TEXT                  -- why the switch refused it
) STRICT;
CREATE INDEX authorizations_by_rrn ON authorizations (rrn, stan, terminal, acquirer_id);
CREATE INDEX authorizations_by_original ON authorizations (original) WHERE original IS NOT NULL;
CREATE INDEX authorizations_by_token ON authorizations (token);
CREATE TABLE reversals (
    number      INTEGER NOT NULL,     -- the authorization's, 0 when nothing like it was ever seen
    at          REAL NOT NULL,
    link        TEXT NOT NULL,
    mti         TEXT NOT NULL,        -- the original's
    acquirer_id TEXT NOT NULL,
    stan        TEXT NOT NULL,
    rrn         TEXT NOT NULL,
    terminal    TEXT NOT NULL,
    de39        TEXT NOT NULL,        -- of the answer to it
    amount      INTEGER,              -- of a partial one: what stands after it
    issuer_stan INTEGER NOT NULL,     -- of a partial one towards the issuer; 0: its original's
    PRIMARY KEY (rrn, stan, terminal, acquirer_id, mti, number, issuer_stan)
) STRICT, WITHOUT ROWID;
CREATE TABLE owed (
    number      INTEGER NOT NULL,     -- the authorization's
    mti         TEXT NOT NULL,        -- 0420, 0120 or 0220
    issuer_stan INTEGER NOT NULL,
    at          REAL NOT NULL,        -- since when
    amount      INTEGER,              -- of a partial reversal: what stands after it
    state       TEXT NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'delivered', 'exhausted', 'dropped')),
    ended_at    REAL,
    de39        TEXT,                 -- of the issuer's acknowledgement
    attempts    INTEGER,              -- when it was given up
    UNIQUE (number, mti, issuer_stan)
) STRICT;
CREATE TABLE fed (
    sequence INTEGER NOT NULL,        -- the newest record of the log that is in here
    checksum INTEGER,                 -- its CRC-32, to tell this log from another; NULL where a snapshot was merged
    since    REAL NOT NULL            -- nothing is missing from this time on
) STRICT;
INSERT INTO fed VALUES (0, NULL, 0.0);
"""
CLEAR: Final = "".join(f"DROP TABLE IF EXISTS {table};" for table in ("authorizations", "reversals", "owed", "fed"))

# A snapshot writes what was approved and reversed since as a reversal that is owed: DE 39 tells it from a time-out.
_APPROVED: Final = "(:approved OR ltrim(:de39, '0') = '')"
_APPROVED_AMOUNT: Final = f"""CASE WHEN {_APPROVED} THEN
    CASE WHEN :approved_amount = '' THEN amount ELSE CAST(:approved_amount AS INTEGER) END END"""

_REQUEST_REVERSED: Final = """INSERT INTO owed (number, mti, issuer_stan, at)
    SELECT number, '0420', issuer_stan, :at FROM authorizations WHERE number = :number AND :reversal_owed
    ON CONFLICT DO NOTHING"""

# DE 95 of zero takes back the whole, as no DE 95 does.
_WHOLE: Final = "CAST(:amount AS INTEGER) = 0"

# A pre-authorization whose completion the issuer is told of holds nothing there, or soon will: no reversal is owed.
_COMPLETED: Final = """preauthorised AND EXISTS (
    SELECT 1 FROM authorizations AS completion WHERE completion.original = :number AND completion.outcome = 'approved'
        AND NOT completion.preauthorised AND completion.reversal <> 'dropped')"""

# What ends a message owed, and the reversal of the whole with it. Logs of the time when reversals of requests were all
# that was ever owed name no STAN.
_ENDED: Final = """UPDATE owed SET state = '{state}', ended_at = :at, {column} = :{column}
    WHERE number = :number AND mti = :mti AND state = 'owed' AND issuer_stan = CASE :issuer_stan
        WHEN 0 THEN (SELECT issuer_stan FROM authorizations WHERE number = :number) ELSE :issuer_stan END"""
_REVERSAL_ENDED: Final = """UPDATE authorizations SET reversal = '{state}'
    WHERE number = :number AND reversal = 'owed' AND :mti = '0420'
        AND :issuer_stan IN (0, coalesce(stand_in_stan, issuer_stan))"""

# What merges a record of each kind, statement by statement over its fields. The order is that of an authorization's
# life, so the records of a batch may be merged kind by kind.
MERGE: Final[dict[type[records.Record], tuple[str, ...]]] = {
    records.Intent: (
        """INSERT INTO authorizations (number, at, link, mti, acquirer_id, stan, rrn, terminal, local_date, de3, amount,
               currency, transmitted, token, business_date, preauthorised, original, issuer, issuer_stan, outcome)
           VALUES (:number, :at, :link, :mti, :acquirer_id, :stan, :rrn, :terminal, :local_date, :processing_code,
               CAST(:amount AS INTEGER), :currency, :transmitted, :token, :business_date, :preauthorised,
               nullif(:original, 0), :issuer, :issuer_stan, 'open')
           ON CONFLICT DO NOTHING""",
    ),
    records.Advice: (
        """INSERT INTO authorizations (number, at, decided_at, link, mti, acquirer_id, stan, rrn, terminal, local_date,
               de3, amount, currency, transmitted, token, business_date, original, issuer, issuer_stan, de39, outcome,
               approved_amount, standing_amount)
           VALUES (:number, :at, :at, :link, :mti, :acquirer_id, :stan, :rrn, :terminal, :local_date, :processing_code,
               CAST(:amount AS INTEGER), :currency, :transmitted, :token, :business_date, nullif(:original, 0),
               :issuer, :issuer_stan, :de39, CASE WHEN :approved THEN 'approved' ELSE 'declined' END,
               CASE WHEN :approved THEN CAST(:amount AS INTEGER) END,
               CASE WHEN :approved THEN CAST(:amount AS INTEGER) END)
           ON CONFLICT DO NOTHING""",
        """INSERT INTO owed (number, mti, issuer_stan, at) VALUES (:number, :mti, :issuer_stan, :at)
           ON CONFLICT DO NOTHING""",
    ),
    records.Refusal: (
        """INSERT INTO authorizations (number, at, decided_at, link, mti, acquirer_id, stan, rrn, terminal, local_date,
               de3, amount, currency, transmitted, token, de39, reason, outcome)
           VALUES (:number, :at, :at, :link, :mti, :acquirer_id, :stan, :rrn, :terminal, :local_date, :processing_code,
               CAST(:amount AS INTEGER), :currency, :transmitted, :token, :de39, :reason, 'refused')
           ON CONFLICT DO NOTHING""",
    ),
    records.Outcome: (
        f"""UPDATE authorizations SET decided_at = :at, de39 = :de39,
               outcome = CASE WHEN {_APPROVED} THEN 'approved' ELSE 'declined' END,
               approved_amount = {_APPROVED_AMOUNT}, standing_amount = coalesce(standing_amount, {_APPROVED_AMOUNT}),
               reversal = CASE WHEN :reversal_owed AND reversal = 'none' THEN 'owed' ELSE reversal END
           WHERE number = :number""",
        _REQUEST_REVERSED,
    ),
    records.StandIn: (
        """UPDATE authorizations SET decided_at = :at, de39 = :de39, outcome = 'approved', approved_amount = amount,
               standing_amount = coalesce(standing_amount, amount), stand_in_stan = :issuer_stan
           WHERE number = :number""",
        _REQUEST_REVERSED,
        """INSERT INTO owed (number, mti, issuer_stan, at)
           SELECT number, substr(mti, 1, 2) || '20', :issuer_stan, :at FROM authorizations WHERE number = :number
           ON CONFLICT DO NOTHING""",
    ),
    records.Reversal: (
        """INSERT INTO reversals
           VALUES (:number, :at, :link, :original_mti, :acquirer_id, :stan, :rrn, :terminal, :de39,
               CASE WHEN :amount <> '' THEN CAST(:amount AS INTEGER) END, :issuer_stan)
           ON CONFLICT DO NOTHING""",
        """UPDATE authorizations SET standing_amount = min(standing_amount, CAST(:amount AS INTEGER))
           WHERE number = :number AND outcome = 'approved'""",  # the amount of a whole one counts as zero
        f"""UPDATE authorizations SET reversal = CASE WHEN :dropped OR {_COMPLETED} THEN 'dropped' ELSE 'owed' END
           WHERE number = :number AND outcome = 'approved' AND reversal = 'none' AND {_WHOLE}""",
        f"""INSERT INTO owed (number, mti, issuer_stan, at, amount)
           SELECT number, '0420', CASE WHEN {_WHOLE} THEN coalesce(stand_in_stan, issuer_stan) ELSE :issuer_stan END,
               :at, CASE WHEN {_WHOLE} THEN NULL ELSE CAST(:amount AS INTEGER) END
           FROM authorizations
           WHERE number = :number AND outcome = 'approved' AND NOT :dropped AND NOT ({_WHOLE} AND {_COMPLETED})
           ON CONFLICT DO NOTHING""",
        # The request that was stood in for may have left, and its reversal is owed all the same.
        """UPDATE owed SET state = 'dropped', ended_at = :at
           WHERE number = :number AND state = 'owed' AND :dropped AND NOT EXISTS (
               SELECT 1 FROM authorizations AS stood_in WHERE stood_in.number = :number
                   AND stand_in_stan IS NOT NULL AND owed.mti = '0420' AND owed.issuer_stan = stood_in.issuer_stan)""",
    ),
    records.Delivery: (
        _ENDED.format(state="delivered", column="de39"),
        _REVERSAL_ENDED.format(state="delivered"),
    ),
    records.Exhausted: (
        _ENDED.format(state="exhausted", column="attempts"),
        _REVERSAL_ENDED.format(state="exhausted"),
    ),
}
