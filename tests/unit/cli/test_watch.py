"""`watch`: what a terminal shows and what keys do, lines without one, and what is selected."""

import io
from typing import Any

import pytest
from msgspec.structs import replace as changed
from rich.console import Console

from switch.commands.watch_lines import Liner
from switch.commands.watch_screen import DOWN, ENTER, ESCAPE, QUIT, TAIL, UP, Screen
from switch.traces.format import FORMAT, Gap, Header, Message, TracedLink
from switch.traces.selection import Selection

LINKS = {
    "acquirer": TracedLink("acquirer", "iso87-ascii", "len2"),
    "issuer-1": TracedLink("issuer", "iso87-ascii", "len2"),
}
HEADER = Header(FORMAT, "iso87-ascii", "len2", masked=True, scrubbed=False, links=LINKS)
FIELDS = {
    "2": "468738******0017", "4": "000000001250", "11": "000001", "35": None, "37": "R1", "41": "TERM0001", "49": "978",
}  # fmt: skip


def message(n: int, **changes: Any) -> Message:
    fields = FIELDS | changes.pop("fields", {})
    values = {"stream": 1, "leg": "acquirer", "link": "acquirer", "from_": "client", "mti": "0100"} | changes
    return Message(n=n, t=1000.0 + n / 10, fields=fields, **values)


def purchase(n: int, **fields: str) -> list[Message]:
    """One authorization on both legs, from id `n`."""
    answer = fields | {"39": "51"}
    issuer = {"leg": "issuer", "link": "issuer-1"}
    return [
        message(n, fields=fields),
        message(n + 1, fields=fields | {"11": "000777"}, **issuer),
        message(n + 2, fields=answer | {"11": "000777"}, mti="0110", from_="server", answers=n + 1, **issuer),
        message(n + 3, fields=answer, mti="0110", from_="server", answers=n),
    ]


def shown(screen: Screen, height: int = 20, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, no_color=True)
    console.print(screen.render(height, width))
    return console.file.getvalue()  # type: ignore[attr-defined]


def screen_of(*lines: Any) -> Screen:
    screen = Screen()
    for line in (HEADER, *lines):
        screen.add(line)
    return screen


def test_a_row_an_exchange() -> None:
    told = shown(screen_of(*purchase(1)))
    row = next(line for line in told.splitlines() if " acquirer " in line)
    for words in ("0100", "authorization request", "468738******0017", "12.50 EUR", "51 insufficient funds", "300.0"):
        assert words in row
    assert told.count("0100") == 2
    assert "4 messages" in told


def test_on_a_narrow_terminal_the_numbers_stay_whole() -> None:
    told = shown(screen_of(*purchase(1)), width=80)
    row = next(line for line in told.splitlines() if " acquirer " in line)
    for words in (" 0100 ", "468738******0017", "12.50 EUR", " 51 ", "300.0"):
        assert words in row
    assert "…" not in told


def test_a_request_that_waits_has_no_time_yet() -> None:
    assert "EUR" in (told := shown(screen_of(message(1))))
    assert "insufficient" not in told


def test_enter_opens_both_legs_and_the_fields() -> None:
    screen = screen_of(*purchase(1), *purchase(11, **{"37": "R2"}))
    screen.press(UP)
    screen.press(UP)
    screen.press(UP)
    screen.press(ENTER)
    told = shown(screen)
    way = [line.split() for line in told.splitlines()[:4]]
    assert [(row[-3], row[-2], row[-1]) for row in way] == [
        ("acquirer", "→", "0100"),
        ("issuer-1", "→", "0100"),
        ("issuer-1", "←", "0110"),
        ("acquirer", "←", "0110"),
    ]
    assert "+    300.0 ms" in told
    assert "not shown" in told
    assert "R1" in told
    assert "R2" not in told
    screen.press(ESCAPE)
    assert "R1" not in shown(screen)


def test_the_selection_stays_in_sight_and_where_it_is() -> None:
    screen = screen_of(*(message(n, fields={"4": f"{n:012}"}) for n in range(1, 101)))
    assert "1.00 EUR" in shown(screen), "the latest"
    for _ in range(200):
        screen.press(UP)
    assert "0.01 EUR" in shown(screen)
    screen.add(message(101, fields={"4": "000000000101"}))
    assert "0.01 EUR" in shown(screen)
    screen.press(TAIL)
    assert "1.01 EUR" in shown(screen)
    screen.press(DOWN)
    screen.press(DOWN)
    assert "1.01 EUR" in shown(screen)
    assert not screen.quit
    screen.press(QUIT)
    assert screen.quit


def test_keys_before_anything_came() -> None:
    screen = Screen()
    for key in (UP, DOWN, ENTER, TAIL, ESCAPE):
        screen.press(key)
    assert "0 messages" in shown(screen)


def test_what_was_dropped_is_said() -> None:
    assert "12 dropped: this reader was behind" in shown(screen_of(Gap(1, 1.0, 12)))
    assert Liner().line(Gap(1, 1.0, 12)).endswith("12 messages were dropped here: this reader was behind")


@pytest.mark.parametrize("evil", ["\x1b[2J", "[red]x[/red]", "\r\n"])
def test_data_drives_no_terminal(evil: str) -> None:
    screen = screen_of(message(1, fields={"4": evil, "37": evil, "41": evil, "49": evil}, mti=evil, problem=evil))
    told = shown(screen)
    screen.press(ENTER)
    told += shown(screen)
    assert "\x1b[2J" not in told
    assert "\r" not in told
    assert "[red]x[/red]" in told or evil != "[red]x[/red]"
    line = Liner().line(message(1, fields={"41": evil}))
    assert line.isprintable()


def test_lines_without_a_terminal() -> None:
    liner = Liner()
    assert liner.line(HEADER) == ""
    lines = [liner.line(item) for item in purchase(1)]
    assert "-> 0100 authorization request" in lines[0]
    assert "STAN 000001  TERM0001" in lines[0]
    assert lines[3].endswith("51 insufficient funds  300.0 ms")
    repeat = liner.line(changed(message(9), same_as=1, mti="0101"))
    assert repeat.endswith("repeats message 1")


def test_a_selection_takes_requests_that_fit_and_their_answers() -> None:
    mine, other = purchase(1), purchase(11, **{"41": "TERM0002", "2": "468739******0015"})
    bare = [changed(other[3], fields={"11": "000001", "39": "51"})]

    def taken(**wanted: str) -> list[int]:
        selection = Selection(**wanted)
        return [item.n for item in (*mine, *other[:3], *bare) if selection.takes(item)]

    assert taken() == [1, 2, 3, 4, 11, 12, 13, 14]
    assert taken(terminal="TERM0001") == [1, 2, 3, 4]
    assert taken(terminal="TERM0002") == [11, 12, 13, 14], "an answer that echoes nothing goes with its request"
    assert taken(card="0015", link="acquirer") == [11, 14]
    assert taken(mti="0110") == [3, 4, 13, 14]
    assert taken(mti="04") == []
