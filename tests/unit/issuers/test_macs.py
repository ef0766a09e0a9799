"""MACs on the issuer's link: the gate alone, and the issuer behind it. The oracle is ISO 9797-1 written out here."""

import warnings

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from hypothesis import given
from hypothesis import strategies as st

from switch.core.effects import ANSWER, HSM
from switch.iso8583 import dialect
from switch.issuers.macs import MAX_MESSAGE_BYTES, MAX_WAITING, MacGate
from tests.unit.issuers.conftest import TAK_UNDER_LMK, Bench


def des(key: bytes, block: bytes, *, decrypt: bool = False) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cipher = Cipher(TripleDES(key * (24 // len(key)) if len(key) == 8 else key + key[:8]), modes.ECB())
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update(block) + context.finalize()


def mac(key: bytes, message: bytes, algorithm: str) -> bytes:
    """ISO 9797-1, padding 1. Algorithm 1: CBC under the whole key; 3: single DES, the last block triple."""
    message += bytes(-len(message) % 8)
    chained = bytes(8)
    for at in range(0, len(message), 8):
        block = bytes(a ^ b for a, b in zip(chained, message[at : at + 8], strict=True))
        chained = des(key if algorithm == "1" else key[:8], block)
    return chained if algorithm == "1" else des(key[:8], des(key[8:], chained, decrypt=True))


def test_the_oracle_gives_the_known_answers():
    """Published for key 0123456789ABCDEF and the text of FIPS 81; and for both halves, algorithm 3."""
    text, key = b"Now is the time for all ", bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    assert mac(key[:8], text, "1").hex().upper() == "70A30640CC76DD8B"
    assert mac(key, text, "3").hex().upper() == "A1C72E74EA3FA9B6"


class Link:
    """The switch's end: seals what it sends, opens what it gets."""

    def __init__(self, bench, secrets, algorithm="3"):
        self.bench, self.tak, self.algorithm = bench, secrets["tak"], algorithm
        self.layout = bench.dialect.layout

    def sealed(self, doc, covered_mti=None):
        field = "128" if any(name.isdecimal() and int(name) > 64 for name in doc) else "64"
        frame = self.layout.encode(doc | {field: "0" * 16})
        size = len(self.layout.scan(frame).raw(int(field)))
        covered = self.layout.encode(doc | {field: "0" * 16, "t": covered_mti or doc["t"]})[:-size]
        value = mac(self.tak, covered, self.algorithm)
        return frame[:-size] + (value if size == 8 else value.hex().upper().encode())

    def send(self, frame, conn=1):
        self.bench.issuer.receive(conn, frame, self.bench.now)
        return self.bench.settle()

    def is_sealed(self, answer):
        doc = {name: text for name, text in answer.items() if name not in ("conn", "64", "128", "p", "1")}
        return self.layout.decode(self.sealed(doc)).items() >= answer.items() - {("conn", answer["conn"])}


@pytest.fixture(params=["1", "3"])
def link(bench, secrets, request):
    made = Link(bench, secrets, request.param)
    bench.start(tak=TAK_UNDER_LMK, mac_algorithm=request.param)
    [answer] = made.send(made.sealed({"t": "0800", "7": "0115000000", "11": "000001", "70": "001"}))
    assert answer["39"] == "00"
    assert made.is_sealed(answer)
    return made


def test_what_is_sealed_is_taken_and_its_answer_is_sealed(bench, link, reverse):
    doc = bench.doc(pin="7068")
    [answer] = link.send(link.sealed(doc))
    assert (answer["39"], "64" in answer, link.is_sealed(answer)) == ("00", True, True)
    [answer] = link.send(link.sealed(reverse(doc)))
    assert (answer["39"], link.is_sealed(answer)) == ("00", True)
    assert bench.available() == 1_000_000_00


def test_a_changed_message_is_63_and_not_remembered(bench, link):
    frame = bytearray(link.sealed(bench.doc()))
    at = bench.dialect.layout.scan(bytes(frame)).span(4)[1] - 1
    frame[at] ^= 1
    before = len(bench.committed)
    [answer] = link.send(bytes(frame))
    assert (answer["39"], link.is_sealed(answer)) == ("63", True)
    assert (len(bench.committed), bench.available()) == (before, 1_000_000_00)
    assert bench.events[-1]["reason"] == "security"


def test_a_message_without_mac_or_with_it_in_the_wrong_place_is_63(bench, link, reverse):
    doc = bench.doc()
    assert link.send(bench.dialect.layout.encode(doc))[0]["39"] == "63"
    misplaced = bench.dialect.layout.encode(reverse(doc) | {"64": "0" * 16})
    assert link.send(misplaced)[0]["39"] == "63"


def test_the_mac_of_a_repeat_is_over_the_repeat(bench, link, repeat):
    doc = bench.doc()
    link.send(link.sealed(doc))
    assert link.send(link.sealed(repeat(doc)))[0]["39"] == "00"
    assert link.send(link.sealed(repeat(doc), covered_mti="0100"))[0]["39"] == "63"


def test_or_over_the_original_where_the_link_has_it_so(bench, link, repeat):
    bench.start(tak=TAK_UNDER_LMK, mac_algorithm=link.algorithm, mac_repeat="as-original")
    link.send(link.sealed({"t": "0800", "7": "0115000000", "11": "000001", "70": "001"}))
    doc = bench.doc()
    link.send(link.sealed(doc))
    assert link.send(link.sealed(repeat(doc), covered_mti="0100"))[0]["39"] == "00"
    assert link.send(link.sealed(repeat(doc)))[0]["39"] == "63"


@pytest.mark.parametrize(("reply", "de39"), [(None, "96"), (b"M942", "96"), (b"M910", "88"), (b"M901", "63")])
def test_what_the_hsm_says_of_a_mac(bench, link, reply, de39):
    frame = link.sealed(bench.doc())
    bench.hsm_up = False
    link.send(frame)
    bench.hsm_up = True
    bench.issuer.hsm_reply(bench.asked[0][0], reply, bench.now)
    assert [answer["39"] for answer in bench.settle()] == [de39]


def test_what_cannot_be_sealed_is_not_sent(bench, link):
    """The booking stands: the switch gives up, and reverses it."""
    bench.issuer.receive(1, link.sealed(bench.doc()), bench.now)
    [(_, tag, command)] = bench.issuer.take_effects()
    bench.issuer.hsm_reply(tag, bench.hsm.respond(b"0001" + command)[4:], bench.now)
    *_, (_, tag, command) = bench.issuer.take_effects()
    assert command.startswith(b"M6")
    bench.issuer.hsm_reply(tag, None, bench.now)
    assert bench.settle() == []
    assert bench.events[-1]["reason"] == "no-mac"
    assert bench.available() == 1_000_000_00 - 100_00
    assert link.send(link.sealed(bench.doc()))[0]["39"] == "00"


def test_an_answer_whose_connection_went_while_it_was_sealed_is_counted(bench, link):
    bench.issuer.receive(1, link.sealed(bench.doc()), bench.now)
    [(_, tag, command)] = bench.issuer.take_effects()
    bench.issuer.hsm_reply(tag, bench.hsm.respond(b"0001" + command)[4:], bench.now)
    *_, (_, tag, command) = bench.issuer.take_effects()
    bench.issuer.disconnected(1, bench.now)
    bench.issuer.hsm_reply(tag, bench.hsm.respond(b"0001" + command)[4:], bench.now)
    assert bench.settle() == []
    assert bench.issuer.counters["answers-undeliverable"] == 1


def test_an_unreadable_frame_and_a_forged_answer_do_no_harm(bench, link):
    assert link.send(link.sealed(bench.doc())[:-1])[0]["39"] == "30"
    forged = bench.dialect.layout.encode({"t": "0810", "7": "0115000000", "11": "000001", "39": "00", "70": "101"})
    assert link.send(forged) == []
    assert bench.events[-1]["reason"] == "bad-mac"


def test_a_message_too_long_for_one_command_is_30(bench, link):
    """An HSM command of more than 2,048 bytes would close the HSM's connection, for everybody."""
    long = bench.doc(f46="A" * 999, f47="B" * 950)
    assert len(bench.dialect.layout.encode(long)) > MAX_MESSAGE_BYTES
    assert link.send(link.sealed(long))[0]["39"] == "30"
    fits = bench.doc(f46="A" * 999, f47="B" * 600)
    assert link.send(link.sealed(fits))[0]["39"] == "00"


# -- the gate alone --------------------------------------------------------------------------------------------------


class Gate:
    """A gate whose HSM answers when it is told to."""

    def __init__(self):
        bench = Bench("iso87-ascii")
        bench.start(tak=TAK_UNDER_LMK)
        self.layout = bench.dialect.layout
        self.waiting = []
        self.events = []
        self.gate = MacGate(bench.spec, lambda _, handler: self.waiting.append(handler), self._event)
        self.delivered = []

    def _event(self, name, reason, why):
        self.events.append(reason)

    def arrive(self, number, conn=1):
        frame = self.layout.encode({"t": "0800", "11": f"{number:06d}", "64": "0" * 16})
        self.gate.verify(conn, frame, 0.0, lambda objection, at: self.delivered.append((number, objection, at)))

    def leave(self, number, conn=1):
        frame = self.layout.encode({"t": "0810", "11": f"{number:06d}"})
        self.gate.seal(conn, frame, lambda sealed: self.delivered.append((number, self.layout.scan(sealed).text(64))))


@given(st.permutations(range(6)), st.lists(st.booleans(), min_size=6, max_size=6))
def test_whatever_order_the_hsm_answers_in_frames_keep_theirs(order, good):
    gate = Gate()
    for number in range(6):
        gate.arrive(number)
    for time, index in enumerate(order):
        gate.waiting[index](b"M900" if good[index] else b"M901", float(time))
    assert [number for number, _, _ in gate.delivered] == list(range(6))
    assert [objection is None for _, objection, _ in gate.delivered] == good
    assert [at for _, _, at in gate.delivered] == [float(max(order.index(m) for m in range(n + 1))) for n in range(6)]


@given(st.permutations(range(6)), st.lists(st.booleans(), min_size=6, max_size=6))
def test_and_so_do_answers_with_gaps_where_there_was_no_mac(order, made):
    gate = Gate()
    for number in range(6):
        gate.leave(number)
    for index in order:
        gate.waiting[index](b"M700%016d" % index if made[index] else None, 0.0)
    assert gate.delivered == [(number, f"{number:016d}") for number in range(6) if made[number]]
    assert gate.events == ["no-mac"] * made.count(False)


def test_a_frame_without_mac_waits_its_turn_too():
    gate = Gate()
    gate.arrive(1)
    bare = gate.layout.encode({"t": "0800", "11": "000002"})
    gate.gate.verify(1, bare, 0.0, lambda objection, at: gate.delivered.append((2, str(objection), at)))
    assert gate.delivered == []
    gate.waiting[0](b"M900", 7.0)
    assert gate.delivered == [(1, None, 7.0), (2, "no MAC: a message of this link ends in DE 64", 7.0)]


def test_connections_do_not_wait_for_each_other():
    gate = Gate()
    gate.arrive(1, conn=1)
    gate.arrive(2, conn=2)
    gate.waiting[1](b"M900", 0.0)
    assert [number for number, _, _ in gate.delivered] == [2]


def test_a_connection_has_so_many_frames_at_the_hsm_and_no_more():
    gate = Gate()
    for number in range(MAX_WAITING + 5):
        gate.arrive(number)
    assert len(gate.waiting) == MAX_WAITING
    assert gate.events == ["mac-overload"] * 5
    gate.gate.forget(1)
    gate.arrive(0)
    assert len(gate.waiting) == MAX_WAITING + 1


def test_on_a_link_of_1993_the_mac_is_over_what_is_on_the_wire(secrets):
    bench = Bench("iso87-ascii")
    bench.dialect = dialect.load("iso93-ascii").for_link()
    bench.start(tak=TAK_UNDER_LMK)
    sign_on = {"t": "0800", "7": "0115000000", "11": "000001", "70": "001"}
    bare = bench.dialect.layout.encode(sign_on)
    frame = bench.dialect.wire.scan(bare).patch({128: "0" * 16})
    covered = frame[: bench.dialect.wire.scan(frame).span(128)[0]]
    sealed = bench.dialect.wire.scan(frame).patch({128: mac(secrets["tak"], covered, "3").hex().upper()})
    bench.issuer.receive(1, sealed, bench.now)
    answers = []
    while effects := bench.issuer.take_effects():
        for kind, *rest in effects:
            if kind == HSM:
                bench.issuer.hsm_reply(rest[0], bench.hsm.respond(b"0001" + rest[1])[4:], bench.now)
            elif kind == ANSWER:
                answers.append(bench.dialect.wire.scan(rest[1]))
    [answer] = answers
    assert (answer.mti, answer.text(39)) == ("1814", "800")
    start = answer.span(answer.fields()[-1])[0]
    assert answer.text(answer.fields()[-1]) == mac(secrets["tak"], answer.frame[:start], "3").hex().upper()
