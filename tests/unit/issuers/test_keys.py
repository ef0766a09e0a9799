"""A new zone PIN key, from either side (R15); encrypted and checked by psec, imported by the HSM."""

import pytest
from psec import des

from switch.acquirers.pinpad import pin_block

NEW = bytes.fromhex("F80E49F13D29DC866D91B62C98A1EA46")
OTHER = bytes.fromhex("A4433858838610CB3132F19B0BBA0815")


@pytest.fixture
def key_change(secrets):
    """0800/101 with a key under the ZMK, variant scheme U as host commands give it: each half under a variant."""

    def compose(key=NEW, kcv=None, stan="000500", code="101", field="48"):
        text = "U" + _under(secrets["zmk"], key).hex().upper() + (kcv or des.generate_kcv(key, 3).hex().upper())
        return {"t": "0800", "7": "0115000000", "11": stan, "70": code, field: text}

    return compose


def _under(zmk: bytes, key: bytes) -> bytes:
    halves = []
    for variant, half in zip((0xA6, 0x5A), (key[:8], key[8:]), strict=True):
        varied = zmk[:8] + bytes([zmk[8] ^ variant]) + zmk[9:]
        halves.append(des.encrypt_tdes_ecb(varied, half))
    return b"".join(halves)


def pin(bench, key, entered="7068"):
    """DE 39 of a purchase whose PIN block is under `key`."""
    return bench.de39(f52=pin_block(entered, "4687380000000016", key).hex().upper())


def test_a_new_key_is_taken_and_the_old_one_is_good_until_the_new_one_served(bench, key_change, secrets):
    bench.start()
    [answer] = bench.send(key_change())
    assert (answer["t"], answer["39"], answer["70"], answer["11"]) == ("0810", "00", "101", "000500")
    assert [pin(bench, secrets["zpk"]), pin(bench, secrets["zpk"]), pin(bench, NEW)] == ["00", "00", "00"]
    assert pin(bench, secrets["zpk"]) == "88"


def test_a_wrong_pin_proves_the_new_key_too_and_counts_once(bench, key_change, secrets):
    bench.start()
    bench.send(key_change())
    assert [pin(bench, secrets["zpk"], "1111"), pin(bench, NEW, "1111")] == ["55", "55"]
    assert pin(bench, secrets["zpk"]) == "88"
    assert pin(bench, NEW, "1111") == "75"


def test_the_grace_ends_by_itself(bench, key_change, secrets):
    bench.start()
    bench.send(key_change())
    bench.now += 59
    assert pin(bench, secrets["zpk"]) == "00"
    bench.now += 2
    assert pin(bench, secrets["zpk"]) == "88"
    assert pin(bench, NEW) == "00"


def test_a_block_under_neither_is_88_and_counts_no_try(bench, key_change):
    bench.start()
    bench.send(key_change())
    assert pin(bench, OTHER, "1111") == "88"
    assert [pin(bench, NEW, "1111") for _ in range(3)] == ["55", "55", "75"]


def test_a_wrong_check_value_is_63_and_the_old_key_stays(bench, key_change, secrets):
    bench.start()
    before = len(bench.committed)
    assert bench.send(key_change(kcv="000000"))[0]["39"] == "63"
    assert bench.events[-1]["reason"] == "security"
    assert len(bench.committed) == before
    assert [pin(bench, secrets["zpk"]), pin(bench, NEW)] == ["00", "88"]


@pytest.mark.parametrize(
    ("reply", "de39"), [(None, "96"), (b"A710", "63"), (b"A742", "96"), (b"A701U" + b"1" * 38, "63")]
)
def test_what_the_hsm_says_of_a_key(bench, key_change, secrets, reply, de39):
    bench.start()
    bench.hsm_up = False
    bench.send(key_change())
    bench.issuer.hsm_reply(bench.asked[0][0], reply, bench.now)
    assert [answer["39"] for answer in bench.settle()] == [de39]
    bench.hsm_up = True
    assert pin(bench, secrets["zpk"]) == "00"


@pytest.mark.parametrize("field", [{"48": "U123"}, {"48": "X" * 39}, {"48": None}])
def test_a_malformed_key_is_a_format_error(bench, key_change, field):
    bench.start()
    doc = {number: text for number, text in (key_change() | field).items() if text is not None}
    assert bench.send(doc)[0]["39"] == "30"


def test_without_a_zmk_or_before_sign_on_no_key_is_taken(bench, key_change):
    bench.start(zmk="")
    assert bench.send(key_change())[0]["39"] == "12"
    bench.start()
    bench.issuer.connected(2, 0, bench.now)
    assert bench.send(key_change(), conn=2)[0]["39"] == "91"


def test_code_and_field_are_the_links(bench, key_change):
    bench.start(key_code="161", key_field=60)
    assert bench.send(key_change())[0]["39"] == "12"
    assert bench.send(key_change(code="161", field="60"))[0]["39"] == "00"
    assert pin(bench, NEW) == "00"


def test_a_repeat_is_acknowledged_and_does_not_end_the_old_keys_grace(bench, key_change, secrets):
    bench.start()
    bench.send(key_change())
    before = len(bench.committed)
    assert bench.send(key_change() | {"t": "0801"})[0]["39"] == "00"
    assert len(bench.committed) == before
    assert pin(bench, secrets["zpk"]) == "00"


def test_a_second_change_leaves_the_first_key_behind(bench, key_change, secrets):
    bench.start()
    bench.send(key_change())
    bench.send(key_change(OTHER, stan="000501"))
    assert [pin(bench, secrets["zpk"]), pin(bench, NEW), pin(bench, OTHER), pin(bench, NEW)] == ["88", "00", "00", "88"]


def test_each_change_has_its_own_grace(bench, key_change):
    bench.start()
    bench.send(key_change())
    assert pin(bench, NEW) == "00"
    bench.send(key_change(OTHER, stan="000501"))
    assert [pin(bench, NEW), pin(bench, OTHER), pin(bench, NEW)] == ["00", "00", "88"]


@pytest.mark.parametrize("through_snapshot", [False, True])
def test_keys_survive_a_restart_grace_included(bench, key_change, secrets, through_snapshot):
    bench.start()
    bench.send(key_change())
    bench.reload(through_snapshot=through_snapshot)
    assert [pin(bench, secrets["zpk"]), pin(bench, NEW)] == ["00", "00"]
    bench.now += 61
    bench.reload(through_snapshot=through_snapshot)
    assert [pin(bench, secrets["zpk"]), pin(bench, NEW)] == ["88", "00"]


def test_the_key_is_durable_before_it_is_acknowledged(bench, key_change):
    bench.start()
    bench.issuer.receive(1, bench.dialect.layout.encode(key_change()), bench.now)
    [(_, tag, command)] = bench.issuer.take_effects()
    bench.issuer.hsm_reply(tag, bench.hsm.respond(b"0001" + command)[4:], bench.now)
    commit, event, answer = (effect[0] for effect in bench.issuer.take_effects())
    assert (commit, event, answer) == (4, 6, 2)


def test_no_key_is_told(bench, key_change):
    bench.start()
    bench.send(key_change())
    text = str(bench.events)
    assert des.generate_kcv(NEW, 3).hex().upper() in text
    assert not [part for part in (NEW.hex().upper(), key_change()["48"][1:33]) if part in text]


# -- the issuer's own ------------------------------------------------------------------------------------------------


@pytest.fixture
def offered(bench, secrets):
    """What the switch gets when the issuer starts an exchange: the message, and the key in it in clear."""
    bench.start()
    bench.issuer.exchange_key()
    [offer] = bench.settle()
    halves = [bytes.fromhex(offer["48"][1 + 16 * i : 17 + 16 * i]) for i in range(2)]
    zmk = secrets["zmk"]
    varied = [zmk[:8] + bytes([zmk[8] ^ variant]) + zmk[9:] for variant in (0xA6, 0x5A)]
    return offer, b"".join(des.decrypt_tdes_ecb(key, half) for key, half in zip(varied, halves, strict=True))


def _answer(offer, de39="00"):
    return {"t": "0810", "7": offer["7"], "11": offer["11"], "39": de39, "70": offer["70"]}


def test_the_issuer_offers_a_key_and_uses_it_once_it_is_taken(bench, offered, secrets):
    offer, key = offered
    assert (offer["t"], offer["70"]) == ("0800", "101")
    assert offer["48"][33:] == des.generate_kcv(key, 3).hex().upper()
    assert pin(bench, key) == "88"
    assert bench.send(_answer(offer)) == []
    assert [pin(bench, secrets["zpk"]), pin(bench, key), pin(bench, secrets["zpk"])] == ["00", "00", "88"]
    bench.reload(through_snapshot=False)
    assert pin(bench, key) == "00"


def test_a_refused_offer_changes_nothing(bench, offered, secrets):
    offer, key = offered
    bench.send(_answer(offer, "63"))
    assert bench.events[-1]["reason"] == "key-refused"
    bench.send(_answer(offer))
    assert bench.events[-1]["reason"] == "answer-unmatched"
    assert [pin(bench, secrets["zpk"]), pin(bench, key)] == ["00", "88"]


def test_an_answer_to_another_offer_changes_nothing(bench, offered):
    offer, key = offered
    bench.send(_answer(offer) | {"11": "000999"})
    assert bench.events[-1]["reason"] == "answer-unmatched"
    assert pin(bench, key) == "88"


def test_without_hsm_there_is_no_offer(bench):
    bench.start()
    bench.hsm_up = False
    bench.issuer.exchange_key()
    bench.settle()
    bench.issuer.hsm_reply(bench.asked[0][0], None, bench.now)
    assert bench.settle() == []
    assert bench.events[-1]["reason"] == "no-key"


def test_an_offer_needs_a_zmk_and_a_session(bench):
    bench.start(zmk="")
    with pytest.raises(ValueError, match="issuer-1 has no ZMK"):
        bench.issuer.exchange_key()
    bench.start()
    bench.issuer.disconnected(1, bench.now)
    with pytest.raises(ValueError, match="not signed on with issuer issuer-1"):
        bench.issuer.exchange_key()
