"""A log with a past: authorizations written straight into a switch's data directory, as many as wanted.

    python -m tests.bench.filling DIRECTORY AUTHORIZATIONS

What a switch would have written, an intent and an outcome for each, through its own store and records; they were all
approved, within the last hour. Filling takes a tenth of the time that authorizing would.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from loadtest.messages import CARDS, test_pan
from loadtest.stubs import INSTITUTION_ID
from switch.cards.vault import Vault
from switch.core import records
from switch.store.file import FileLog
from switch.store.keys import load_or_create

PART = "switch"  # whose directory it is, under the data directory
BATCH = 5_000  # authorizations in a batch: a frame of about a megabyte and a half
PAST_S = 3600.0  # within what is remembered for duplicates
STAN_MAX = 999_999
FIRST_RRN = 10**11  # what the generator counts up from is far above
EPOCH = 1  # the start of the switch that would have written it


def fill(data: Path, authorizations: int) -> None:
    """Make the data directory of a switch that has authorized so much and was then killed."""
    directory = data / PART
    directory.mkdir(mode=0o700, parents=True)
    keys = load_or_create(data / "data.key")
    (directory / "epoch").write_text(f"{EPOCH}\n")
    with contextlib.closing(FileLog(directory / "log")) as log:
        history = past(Vault(keys.data_key, keys.token_key), authorizations, time.time() - PAST_S)
        batch: list[bytes] = []
        for payload in history:
            batch.append(payload)
            if len(batch) >= 2 * BATCH:
                log.append(batch)
                log.sync()
                batch = []
        log.append(batch)


def past(vault: Vault, authorizations: int, began: float) -> Iterator[bytes]:
    """Its records. A card's number is sealed once: what matters here is that it is there."""
    pans = [test_pan(card) for card in range(CARDS)]
    cards = cycle([(vault.token(pan), vault.seal(pan, EPOCH, place)) for place, pan in enumerate(pans, 1)])
    encode, intent, outcome = records.encode, records.Intent, records.Outcome
    date, clock = time.strftime("%m%d", time.gmtime(began)), time.strftime("%H%M%S", time.gmtime(began))
    transmitted, day = date + clock, time.strftime("%y%m%d", time.gmtime(began))
    for number, (token, sealed) in zip(range(1, authorizations + 1), cards, strict=False):
        at = began + number * 1e-6
        stan = number % STAN_MAX + 1
        yield encode(
            intent(
                number, at, "acquirer", "0100", INSTITUTION_ID, f"{stan:06}", f"{FIRST_RRN + number}", "BENCH001", date,
                "000000", "000000010000", "978", transmitted, "MERCHANT0000001", token, sealed, "issuer-1", stan, day,
            )
        )  # fmt: skip
        yield encode(outcome(number, at, "00", "A1B2C3", b"", True, False))


if __name__ == "__main__":
    started = time.perf_counter()
    fill(Path(sys.argv[1]), int(sys.argv[2]))
    print(f"{sys.argv[2]} authorizations in {time.perf_counter() - started:.1f} s")
