"""What control changes while the issuer runs: a share of the approvals is declined, another latency profile holds."""

import pytest

from switch.issuers.steering import Declining
from switch.profiles.latency import Constant, Profile

PLENTY = 1_000_000_00
SLOW = Profile(name="slow", source="test", hops=(Constant(ms=3000),))
REQUESTS = 400


def test_a_share_of_the_approvals_is_declined_and_nothing_is_booked_for_it(bench):
    bench.start()
    bench.issuer.decline(20, "51")
    answers = [bench.ask(euros=1) for _ in range(REQUESTS)]
    declined = [answer for answer in answers if answer["39"] == "51"]
    assert len(declined) / REQUESTS == pytest.approx(0.2, abs=0.06)  # three standard deviations
    assert all("38" not in answer for answer in declined)
    assert bench.available() == PLENTY - (REQUESTS - len(declined)) * 1_00
    assert {event["why"] for event in bench.events if event["event"] == "declined"} == {
        "declined by control: 20% with 51"
    }
    assert {event["reason"] for event in bench.events if event["event"] == "declined"} == {"declined-by-control"}


@pytest.mark.parametrize(("percent", "de39"), [(0, "00"), (100, "05")])
def test_none_and_all(bench, percent, de39):
    bench.start()
    bench.issuer.decline(percent, "05")
    assert {bench.de39() for _ in range(50)} == {de39}


def test_it_ends_with_0(bench):
    bench.start()
    bench.issuer.decline(100, "05")
    bench.issuer.decline(0, "05")
    assert bench.de39() == "00"
    assert bench.issuer.settings() == {"profile": "instant", "declines": "nothing"}


@pytest.mark.parametrize("kind", ["purchase", "cash", "refund", "balance", "verification"])
def test_every_kind_of_request_is_meant(bench, kind):
    bench.start()
    bench.issuer.decline(100, "57")
    assert bench.de39(kind) == "57"


def test_the_share_is_of_what_would_be_approved(bench, make_card):
    """A lost card stays 41, a wrong PIN 55 and counts, no funds 51; an approval of a part is an approval."""
    lost, empty = "4687380000000032", "4687380000000040"
    part = "4687380000000081"
    bench.start(
        make_card(), make_card("lost", lost), make_card("funds", empty, balance_cents=0),
        make_card("partial", part, balance_cents=40_00),
    )  # fmt: skip
    bench.issuer.decline(100, "05")
    assert [bench.de39(pan=lost), bench.de39(pan=empty), bench.de39(pan=part)] == ["41", "51", "05"]
    assert [bench.de39(pin="1111") for _ in range(3)] == ["55", "55", "75"]
    assert bench.available(part) == 40_00


def test_a_right_pin_clears_the_tries_although_the_request_is_declined(bench):
    bench.start()
    bench.issuer.decline(100, "05")
    assert [bench.de39(pin=pin) for pin in ("1111", "1111", "7068", "1111")] == ["55", "55", "05", "55"]


def test_an_armed_card_is_answered_as_it_was_armed(bench, secrets):
    bench.start()
    bench.issuer.decline(100, "05")
    bench.issuer.arm(secrets["pan"], 1, "00")
    assert [bench.de39(), bench.de39()] == ["00", "05"]


def test_advices_reversals_and_network_messages_are_taken(bench, reverse):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    bench.issuer.decline(100, "05")
    assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.send(bench.advice())[0]["39"] == "00"
    bench.sign_on(2)
    assert bench.available() == PLENTY - 100_00


def test_a_restart_keeps_what_was_declined_and_forgets_the_share(bench, repeat):
    bench.start()
    bench.issuer.decline(100, "51")
    doc = bench.doc()
    [first] = bench.send(doc)
    bench.reload(through_snapshot=False)
    assert bench.send(repeat(doc)) == [first]
    assert first["39"] == "51"
    assert bench.de39() == "00"


def test_the_draw_belongs_to_the_transaction_not_to_its_turn():
    draws = [Declining(50, "05").takes(1, "issuer-1", f"{number}") for number in range(100)]
    again = [Declining(50, "05").takes(1, "issuer-1", f"{number}") for number in reversed(range(100))]
    assert draws == again[::-1]
    assert len(set(draws)) == 2


@pytest.mark.parametrize(
    ("percent", "de39", "why"),
    [
        (-1, "05", "from 0% to 100%, not -1%"),
        (100.5, "05", "from 0% to 100%, not 100.5%"),
        (float("nan"), "05", "from 0% to 100%"),
        (20, "ZZ", "DE 39 = ZZ declines nothing in this issuer's dialect; there is 05, 12"),
        (20, "00", "DE 39 = 00 declines nothing"),
        (20, "10", "DE 39 = 10 declines nothing"),
    ],
)
def test_what_cannot_be_declined_is_refused_and_changes_nothing(bench, percent, de39, why):
    bench.start()
    bench.issuer.decline(100, "51")
    with pytest.raises(ValueError, match=why):
        bench.issuer.decline(percent, de39)
    assert bench.issuer.settings()["declines"] == "100% with 51"


def test_another_profile_holds_for_what_is_decided_from_now_on(bench, make_card):
    bench.start(make_card())
    bench.issuer.use_profile(SLOW)
    assert bench.send(bench.doc()) == []
    assert bench.wait(2.9) == []
    assert [answer["39"] for answer in bench.wait(0.2)] == ["00"]
    assert bench.issuer.settings()["profile"] == "slow"


def test_a_prompt_card_stays_prompt(bench, make_card):
    bench.start(make_card(prompt=True))
    bench.issuer.use_profile(SLOW)
    assert bench.send(bench.doc()) == []
    assert [answer["39"] for answer in bench.wait(2.0)] == ["00"]


def test_a_change_leaves_a_line(bench):
    bench.start()
    bench.issuer.decline(20, "51")
    bench.issuer.use_profile(SLOW)
    bench.issuer.decline(0, "05")
    bench.settle()
    assert [event["why"] for event in bench.events if event["event"] == "control"] == [
        "declines 20% with 51 by control",
        "answers as late as slow says",
        "declines nothing by control",
    ]
