"""A jPOS client that knows nothing but what `monetique dialect export --jpos` wrote signs on, buys and reverses.

jPOS itself packs, sends, receives and unpacks.
"""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.foreign import Foreign
from tests.support.jpos_client import converse, needs_jpos
from tests.support.running import RunningBench

ECHOED = {"2", "3", "4", "7", "11", "32", "37", "41", "42", "49"}


@needs_jpos
@pytest.mark.parametrize("link", ["acquirer", "acquirer-bcd"])
def test_jpos_signs_on_buys_and_reverses(
    bench: RunningBench,
    keys: list[dict[str, Any]],
    cards: dict[str, dict[str, Any]],
    fresh: None,
    link: str,
    tmp_path: Path,
) -> None:
    exported = bench.cli("dialect", "export", "--jpos", "--link", link, "--to", str(tmp_path))
    assert exported.returncode == 0, exported.stderr
    foreign = Foreign(next(row for row in keys if (row["link"], row["type"]) == (link, "ZPK")), count(1), salt="J")
    purchase = foreign.purchase(cards["approve"], 12_50)
    wrong = foreign.purchase(cards["pin-tries"], pin="0000" if cards["pin-tries"]["pin"] != "0000" else "1111")
    docs = [
        foreign.network("001"),
        purchase,
        foreign.repeat(purchase),
        wrong,
        foreign.purchase(cards["funds"]),
        foreign.reversal(purchase),
        foreign.network("301"),
    ]
    answers = converse(tmp_path, link, docs)
    assert [(answer["t"], answer["39"]) for answer in answers] == [
        ("0810", "00"), ("0110", "00"), ("0110", "00"), ("0110", "55"), ("0110", "51"), ("0430", "00"), ("0810", "00"),
    ]  # fmt: skip
    for request, answer in zip(docs, answers, strict=True):
        echoed = ECHOED & request.keys()
        assert {key: answer[key] for key in echoed} == {key: request[key] for key in echoed}
    assert answers[1]["38"] == answers[2]["38"]
