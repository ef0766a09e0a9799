"""Answers find their requests, repeats what they repeat."""

from switch.traces import matching
from switch.traces.format import Side
from switch.traces.matching import Match, Matcher

NOTHING = Match()


class Wire:
    """Messages on one link, numbered as they are told to the matcher."""

    def __init__(self) -> None:
        self.matcher = Matcher()
        self.n = 0

    def pass_(self, mti: str, side: Side = "client", stream: int = 1, **fields: str) -> Match:
        self.n += 1
        by_number = {int(name[1:]): text for name, text in fields.items()}
        return self.matcher.match(self.n, stream, "acquirer", side, mti, by_number.get)


def test_answers_come_in_any_order() -> None:
    wire = Wire()
    assert wire.pass_("0100", f11="000001", f37="A", f41="T1") == NOTHING
    assert wire.pass_("0100", f11="000002", f37="B", f41="T1") == NOTHING
    assert wire.pass_("0110", "server", f11="000002", f37="B", f41="T1") == Match(answers=2)
    assert wire.pass_("0110", "server", f11="000001", f37="A", f41="T1") == Match(answers=1)
    assert wire.pass_("0110", "server", f11="000001", f37="A", f41="T1") == NOTHING, "answered already"


def test_what_differs_is_no_answer() -> None:
    wire = Wire()
    wire.pass_("0100", f11="000001", f37="A", f41="T1")
    assert wire.pass_("0110", "server", stream=2, f11="000001", f37="A") == NOTHING, "another connection"
    assert wire.pass_("0110", "client", f11="000001", f37="A") == NOTHING, "the asker itself"
    assert wire.pass_("0410", "server", f11="000001", f37="A") == NOTHING, "another class"
    assert wire.pass_("0110", "server", f11="000003", f37="A") == NOTHING, "another STAN"
    assert wire.pass_("0110", "server", f11="000001", f37="B") == NOTHING, "another RRN"
    assert wire.pass_("0110", "server", f11="000001", f41="T2") == NOTHING, "another terminal"
    assert wire.pass_("0110", "server", f37="A") == NOTHING, "no STAN"
    assert wire.pass_("0110", "server", f11="000001") == Match(answers=1), "what it leaves out does not differ"


def test_one_stan_of_two_terminals() -> None:
    wire = Wire()
    wire.pass_("0100", f11="000001", f41="T1")
    wire.pass_("0100", f11="000001", f41="T2")
    assert wire.pass_("0110", "server", f11="000001", f41="T2") == Match(answers=2)
    assert wire.pass_("0110", "server", f11="000001", f41="T1") == Match(answers=1)


def test_both_sides_ask_with_the_same_stan() -> None:
    wire = Wire()
    wire.pass_("0800", "client", f11="000001")
    wire.pass_("0800", "server", f11="000001")
    assert wire.pass_("0810", "client", f11="000001") == Match(answers=2)
    assert wire.pass_("0810", "server", f11="000001") == Match(answers=1)


def test_a_repeat_names_its_original_and_gets_an_answer_of_its_own() -> None:
    wire = Wire()
    wire.pass_("0420", f11="000001", f37="A", f41="T1")
    assert wire.pass_("0421", f11="000001", f37="A", f41="T1") == Match(same_as=1)
    assert wire.pass_("0421", stream=9, f11="000001", f37="A", f41="T1") == Match(same_as=1), "another connection"
    assert wire.pass_("0430", "server", f11="000001", f37="A", f41="T1") == Match(answers=1)
    assert wire.pass_("0430", "server", f11="000001", f37="A", f41="T1") == Match(answers=2)
    assert wire.pass_("0420", f11="000001", f37="B", f41="T1") == NOTHING, "another RRN"


def test_network_messages_with_a_stan_used_again_are_no_repeats() -> None:
    wire = Wire()
    wire.pass_("0800", f7="1130120000", f11="000001")
    assert wire.pass_("0800", f7="1130120000", f11="000001") == Match(same_as=1)
    assert wire.pass_("0800", f7="1130130000", f11="000001") == NOTHING


def test_what_is_never_answered_does_not_gather(monkeypatch) -> None:
    monkeypatch.setattr(matching, "MAX_WAITING", 10)
    monkeypatch.setattr(matching, "MAX_REMEMBERED", 10)
    wire = Wire()
    for stan in range(30):
        wire.pass_("0100", f11=f"{stan:06}")
    assert len(wire.matcher._waiting) == wire.matcher._waiting_count == 10
    assert len(wire.matcher._seen) == 10
    assert wire.pass_("0110", "server", f11="000029") == Match(answers=30)
    assert wire.pass_("0110", "server", f11="000000") == NOTHING
