"""The gate alone: order, limits, and what it asks of the HSM, with an HSM that is a list of open questions."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.cards.vault import Vault
from switch.core.context import Context
from switch.core.effects import ANSWER, CLOSE, COMMIT, EVENT, FORWARD, HSM, SEND, Effect
from switch.core.macs import MAX_WAITING, PIECE_BYTES, Macs
from switch.core.specs import LinkSpec, SwitchSpec
from switch.iso8583.dialect import load

DIALECT = load("iso87-ascii")
TAK = "U" + "0" * 32
GUARDED = LinkSpec("guarded", "acquirer", DIALECT, "1", "", tak=TAK)
PLAIN = LinkSpec("plain", "acquirer", DIALECT, "2", "")
KEY = f"31003{TAK}"  # algorithm 3, padding 1, a key of type 003
MAC = "0123456789ABCDEF"


class Gate:
    """The gate between a shell that carries nothing out and rules that only take note."""

    def __init__(self) -> None:
        self.context = Context(SwitchSpec(links=(GUARDED, PLAIN), routes=()), Vault(bytes(32), bytes(32)), 1)
        self.handed_in: list[tuple[int, str]] = []
        self.macs = Macs(self.context, self.hand_in)
        self.open: list[tuple[int, bytes]] = []  # tag and command
        self.out: list[Effect] = []

    def hand_in(self, conn: int, frame: bytes, _now: float) -> None:
        self.handed_in.append((conn, DIALECT.layout.scan(frame).text(11) or ""))

    def connect(self, *conns: int) -> "Gate":
        for conn in conns:
            self.macs.connected(conn, GUARDED)
            self.context.acquirer_of_conn[conn] = self.context.acquirers[0]
        return self

    def leave(self, *effects: Effect) -> None:
        self.context.effects.extend(effects)

    def take(self) -> None:
        effects, self.context.effects = self.context.effects, []
        for effect in self.macs.seal(effects):
            if effect[0] == HSM:
                self.open.append((effect[1], effect[2]))
            else:
                self.out.append(effect)

    def reply(self, index: int = 0, good: bool = True) -> None:
        tag, command = self.open.pop(index)
        verdicts = {b"M6": b"M700" + MAC.encode() if good else b"M741", b"M8": b"M900" if good else b"M901"}
        self.context.hsm_reply(tag, verdicts[command[:2]], 0.0)

    def events(self) -> list[dict[str, Any]]:
        return [effect[2] for effect in self.out if effect[0] == EVENT]


def message(stan: int, **fields: str) -> dict[str, str]:
    return {"t": "0800", "11": f"{stan:06d}", **{key[1:]: text for key, text in fields.items()}}


def frame(stan: int, **fields: str) -> bytes:
    return DIALECT.layout.encode(message(stan, **fields))


@given(
    st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=30), st.randoms(use_true_random=False)
)
def test_what_arrives_is_handed_in_in_the_order_of_its_connection(sent: list[tuple[int, bool]], draw: Random) -> None:
    """Whatever order the HSM answers in, and whatever it says of each."""
    gate = Gate().connect(1, 2, 3)
    right: dict[int, list[str]] = {1: [], 2: [], 3: []}
    verdicts = {}
    for stan, (conn, good) in enumerate(sent):
        gate.macs.arrive(conn, frame(stan, f64=MAC), 0.0)
        gate.take()
        verdicts[gate.open[-1][0]] = good
        if good:
            right[conn].append(f"{stan:06d}")
    for _ in sent:
        index = draw.randrange(len(gate.open))
        gate.reply(index, verdicts[gate.open[index][0]])
    assert {conn: [stan for at, stan in gate.handed_in if at == conn] for conn in right} == right


LEAVING = st.lists(st.tuples(st.sampled_from([SEND, FORWARD, ANSWER, COMMIT, CLOSE]), st.integers(1, 3)), max_size=30)


@given(LEAVING, st.randoms(use_true_random=False))
def test_what_leaves_keeps_the_order_of_its_connection_and_of_the_log(
    left: list[tuple[int, int]], draw: Random
) -> None:
    """An effect follows those before it on its connection, and every COMMIT that stood before it. 3 is unguarded."""
    gate = Gate().connect(1, 2)
    commits_before: dict[int, int] = {}
    order: dict[int, list[int]] = {1: [], 2: [], 3: []}
    commits = 0
    for number, (kind, conn) in enumerate(left):
        if kind == COMMIT:
            commits += 1
            gate.leave((COMMIT, b""))
        else:
            commits_before[number] = commits
            order[conn].append(number)
            gate.leave((kind, conn, "") if kind == CLOSE else (kind, conn, frame(number), number))
        while draw.random() < 0.5:
            gate.take()
            if gate.open:
                gate.reply(draw.randrange(len(gate.open)))
    gate.take()
    while gate.open:
        gate.reply(draw.randrange(len(gate.open)))
        gate.take()
    closes = {conn: [number for number in order[conn] if left[number][0] == CLOSE] for conn in order}
    seen: dict[int, list[int]] = {1: [], 2: [], 3: []}
    commits = 0
    for effect in gate.out:
        if effect[0] == COMMIT:
            commits += 1
            continue
        number = closes[effect[1]].pop(0) if effect[0] == CLOSE else effect[3]
        assert commits >= commits_before[number]
        assert (effect[0], effect[1]) == left[number]
        seen[effect[1]].append(number)
        if effect[0] != CLOSE:
            assert (MAC.encode() in effect[2]) is (effect[1] != 3)
    assert seen == order


def test_what_gets_no_mac_is_left_out_and_holds_nobody_up() -> None:
    gate = Gate().connect(1)
    gate.leave((SEND, 1, frame(1)), (SEND, 1, frame(2)), (CLOSE, 1, "the end"))
    gate.take()
    gate.reply(1)
    gate.take()
    assert gate.out == []
    gate.reply(0, good=False)
    gate.take()
    assert [(effect[0], effect[1]) for effect in gate.out if effect[0] != EVENT] == [(SEND, 1), (CLOSE, 1)]
    assert gate.events()[0]["reason"] == "no-mac"


def test_the_mac_is_the_last_field_and_covers_all_before_it() -> None:
    gate = Gate().connect(1)
    gate.leave((SEND, 1, frame(1)), (SEND, 1, frame(2, f70="301")))
    gate.take()
    for stan, field, fields in ((1, "64", {}), (2, "128", {"f70": "301"})):
        whole = DIALECT.layout.encode(message(stan, **fields) | {field: MAC})
        command = gate.open[0][1]
        assert command == f"M6001{KEY}{len(whole) - 16:04X}".encode() + whole[:-16]
        gate.reply()
        gate.take()
        assert gate.out[-1] == (SEND, 1, whole)


@pytest.mark.parametrize("repeat", ["as-sent", "as-original"])
def test_what_the_mac_of_a_repeat_covers(repeat: str) -> None:
    gate = Gate()
    gate.macs.connected(1, LinkSpec("guarded", "acquirer", DIALECT, "1", "", tak=TAK, mac_repeat=repeat))
    gate.leave((SEND, 1, DIALECT.layout.encode({"t": "0421", "11": "000001"})))
    gate.take()
    assert (b"0420" if repeat == "as-original" else b"0421") in gate.open[0][1]
    gate.reply()
    gate.take()
    assert gate.out[0][2].startswith(b"0421")


def test_a_long_message_goes_in_pieces_each_on_from_the_one_before() -> None:
    gate = Gate().connect(1)
    fields = {f"f{number}": "A" * 999 for number in (46, 47, 48, 60, 61)}
    gate.macs.arrive(1, frame(1, **fields, f64=MAC), 0.0)
    commands = []
    for iv in (b"1" * 16, b"2" * 16, b""):
        gate.take()
        tag, command = gate.open.pop()
        commands.append(command)
        assert len(command) <= 2048 - 32
        gate.context.hsm_reply(tag, b"M900" + iv, 0.0)
    head = len(f"M8001{KEY}")
    assert [command[2:3] for command in commands] == [b"1", b"2", b"3"]
    assert commands[0][head : head + 4] == b"%04X" % PIECE_BYTES
    assert [command[head : head + 16] for command in commands[1:]] == [b"1" * 16, b"2" * 16]
    assert commands[2].endswith(MAC.encode())
    assert gate.handed_in == [(1, "000001")]


def test_behind_a_thousand_frames_it_is_96_early() -> None:
    gate = Gate().connect(1, 2)
    for stan in range(MAX_WAITING + 1):
        gate.macs.arrive(1, frame(stan, f64=MAC), 0.0)
    gate.macs.arrive(2, frame(0, f64=MAC), 0.0)
    gate.take()
    assert [event["reason"] for event in gate.events()] == ["overload"]
    assert gate.events()[0]["de39"] == "96"
    verifying = [command for _, command in gate.open if command.startswith(b"M8")]
    assert len(verifying) == MAX_WAITING + 1


def test_a_connection_that_is_gone_takes_its_frames_with_it() -> None:
    """They are released to a connection that the shell has no more; the next one of the link is not held up."""
    gate = Gate().connect(1, 2)
    gate.leave((SEND, 1, frame(1)))
    gate.take()
    gate.macs.disconnected(1)
    gate.macs.disconnected(2)
    gate.reply()
    gate.take()
    assert [effect[1] for effect in gate.out] == [1]
    gate.leave((SEND, 3, frame(3)))
    gate.take()
    assert gate.out[-1] == (SEND, 3, frame(3))


def test_without_a_tak_nothing_is_touched() -> None:
    gate = Gate()
    gate.macs.connected(1, PLAIN)
    effects: list[Effect] = [(SEND, 1, b"as it is")]
    assert not gate.macs.lines
    assert gate.macs.seal(effects) is effects
