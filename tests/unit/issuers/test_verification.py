"""CVV and CVV2: verified by the HSM where they are given, before the PIN, at the cost of no PIN try."""

import psec
import pytest


def track2(bench, secrets, cvv, service_code="201", expiry="3012"):
    separator = "D" if bench.dialect.name == "iso87-bcd" else "="
    return f"{secrets['pan']}{separator}{expiry}{service_code}1{secrets['pvv']}{cvv}"


def test_the_values_of_these_tests_are_from_psec(secrets):
    cvk, pan = secrets["cvk"], secrets["pan"]
    assert psec.cvv.generate_cvv(cvk, pan, "3012", "201") == secrets["cvv"]
    assert psec.cvv.generate_cvv(cvk, pan, "3012", "000") == secrets["cvv2"]


@pytest.mark.rule("63")
@pytest.mark.parametrize(("cvv", "de39"), [("266", "00"), ("267", "63"), ("000", "63"), ("", "00"), ("26", "00")])
def test_the_cvv_on_the_track_is_verified_if_it_is_there(bench, secrets, cvv, de39):
    bench.start()
    assert bench.de39(f35=track2(bench, secrets, cvv)) == de39


def test_a_track_of_another_service_code_has_another_cvv(bench, secrets):
    bench.start()
    assert bench.de39(f35=track2(bench, secrets, "266", service_code="101")) == "63"


@pytest.mark.parametrize(
    ("private", "de39"),
    [
        ("9203375", "00"), ("9203376", "63"), ("2004ABCD9203375", "00"), ("2004ABCD92033769901X", "63"),
        ("920437", "00"), ("9203XYZ", "00"), ("anything", "00"), ("9203", "00"), ("20999203376", "00"),
    ],
)  # fmt: skip
def test_the_cvv2_is_an_element_of_de_48(bench, private, de39):
    bench.start()
    assert bench.de39(f48=private) == de39


def test_a_wrong_value_says_which_and_shows_none(bench, secrets):
    bench.start()
    bench.ask(f35=track2(bench, secrets, "911"))
    assert bench.events[-1]["reason"] == "security"
    assert bench.events[-1]["why"].startswith("the CVV given is not the card's: it must fit the PAN, expiry date")
    bench.ask(f48="9203912")
    assert bench.events[-1]["why"].startswith("the CVV2 given is not the card's: it is made with")
    assert "911" not in str(bench.events)
    assert "912" not in str(bench.events)
    assert all(b"911" not in entry and b"912" not in entry for entry in bench.committed)


def test_a_forged_card_costs_no_pin_try(bench, secrets):
    bench.start()
    assert [bench.de39(pin="1111", f48="9203376") for _ in range(5)] == ["63"] * 5
    assert bench.de39(pin="7068", f48="9203375", f35=track2(bench, secrets, "266")) == "00"


def test_the_order_of_the_reasons(bench, make_card, secrets):
    bench.start(make_card(balance_cents=0))
    wrong_cvv = track2(bench, secrets, "000")
    assert bench.de39(f14="2912", f35=wrong_cvv) == "54"
    assert bench.de39(pin="1111", f35=wrong_cvv, f48="9203375") == "63"
    assert bench.de39(pin="1111", f35=track2(bench, secrets, "266"), f48="9203376") == "63"
    assert [bench.de39(pin="1111", f48="9203375") for _ in range(3)] == ["55", "55", "75"]
    assert bench.de39(f35=wrong_cvv) == "75"


def test_money_comes_after_the_cvv(bench, make_card):
    bench.start(make_card(balance_cents=0))
    assert bench.de39(f48="9203376") == "63"
    assert bench.de39(f48="9203375") == "51"


def test_the_hsm_is_asked_for_one_thing_after_the_other(bench, secrets):
    bench.start()
    bench.hsm_up = False
    bench.send(bench.doc(pin="7068", f35=track2(bench, secrets, "266"), f48="9203375"))
    commands = []
    for reply in (b"CZ00", b"CZ00", b"ED00"):
        tag, command = bench.asked.pop()
        commands.append(command)
        bench.issuer.hsm_reply(tag, reply, bench.now)
        answers = bench.settle()
    assert [command[:2] for command in commands] == [b"CY", b"CY", b"EC"]
    assert commands[0].endswith(b"266" + secrets["pan"].encode() + b";3012201")
    assert commands[1].endswith(b"375" + secrets["pan"].encode() + b";3012000")
    assert [answer["39"] for answer in answers] == ["00"]


@pytest.mark.parametrize(("reply", "de39"), [(None, "96"), (b"CZ10", "88"), (b"CZ42", "96"), (b"CZ01", "63")])
def test_what_the_hsm_says_of_a_cvv2(bench, reply, de39):
    bench.start()
    bench.hsm_up = False
    bench.send(bench.doc(f48="9203375"))
    bench.issuer.hsm_reply(bench.asked[0][0], reply, bench.now)
    assert [answer["39"] for answer in bench.settle()] == [de39]


def test_a_status_that_changed_meanwhile_counts(bench, secrets):
    """The last PIN try was used up while the HSM worked on the CVV."""
    bench.start()
    for _ in range(2):
        bench.ask(pin="1111")
    bench.hsm_up = False
    bench.send(bench.doc(f35=track2(bench, secrets, "266")))
    [(tag, _)] = bench.asked
    bench.hsm_up = True
    assert bench.de39(pin="1111") == "75"
    bench.issuer.hsm_reply(tag, b"CZ00", bench.now)
    assert [answer["39"] for answer in bench.settle()] == ["75"]


def test_without_a_cvk_nothing_is_verified(bench):
    bench.start(cvk="")
    assert bench.de39(f48="9203376") == "00"
