"""`cards` and `keys`, as the contract with outsiders lists them."""

import os

import msgspec
from psec import des

from switch.config import load

CARD_FIELDS = {
    "pan",
    "expiry",
    "service_code",
    "track2",
    "cvv2",
    "psn",
    "pin",
    "issuer",
    "behaviour",
    "expect",
    "stand_in",
}
KEY_FIELDS = {
    "link",
    "role",
    "port",
    "framing",
    "header",
    "dialect",
    "institution_id",
    "acquirer_id",
    "type",
    "key",
    "kcv",
    "under_lmk",
}


def test_cards_json_has_the_promised_fields(monetique) -> None:
    result = monetique("cards", "--json")
    assert (result.status, result.err) == (0, "")
    for card in result.json:
        assert card.keys() == CARD_FIELDS
        assert card["track2"].startswith(f"{card['pan']}={card['expiry']}{card['service_code']}")
        assert card["stand_in"] is (card["behaviour"] == "stand-in")


def test_cards_of_the_sample_traffic_are_not_listed(monetique) -> None:
    listed = {card["pan"] for card in monetique("cards", "--json").json}
    assert listed == {card.pan for card in load().card if not card.sample}


def test_cards_for_people(monetique) -> None:
    out = monetique("cards").out.splitlines()
    assert out[0].split() == ["pan", "expiry", "cvv2", "psn", "pin", "issuer", "behaviour", "expect"]
    assert len(out) == 1 + len(monetique("cards", "--json").json)


def test_keys_json_has_the_promised_fields(monetique) -> None:
    result = monetique("keys", "--json")
    assert (result.status, result.err) == (0, "")
    for key in result.json:
        assert key.keys() == KEY_FIELDS
        assert des.generate_kcv(bytes.fromhex(key["key"]), 3).hex().upper() == key["kcv"]
        assert key["acquirer_id"] == (key["institution_id"] if key["role"] == "acquirer" else None)
    zpks = {key["link"]: key for key in result.json if key["type"] == "ZPK"}
    assert (zpks["acquirer"]["port"], zpks["acquirer"]["dialect"]) == (8583, "iso87-ascii")
    assert (zpks["acquirer-bcd"]["port"], zpks["acquirer-bcd"]["dialect"]) == (8584, "iso87-bcd")
    assert {key["framing"] for key in result.json} == {"len2"}


def test_keys_tell_the_ports_in_use(monetique, tmp_path) -> None:
    entries = {
        "switch": {"pid": os.getpid(), "ports": {"acquirer": 41_000}},
        "issuer-1": {"pid": 2**22 + 1, "ports": {"issuer-1": 41_001}},  # above the kernel's largest pid: not alive
    }
    (tmp_path / ".monetique").mkdir()
    (tmp_path / ".monetique" / "up.json").write_bytes(msgspec.json.encode(entries))
    ports = {key["link"]: key["port"] for key in monetique("keys", "--json").json}
    assert (ports["acquirer"], ports["issuer-1"]) == (41_000, 8591)


def test_a_file_of_ones_own_adds_cards(monetique, tmp_path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[card]]\npan = "9999990000000002"\ncvv = "1"\ncvv2 = "222"\npin = "7068"\npvv = "2049"')
    assert monetique("cards", "--config", str(file)).status == 2
    file.write_text('[[card]]\npan = "9999990000000006"\ncvv = "111"\ncvv2 = "222"\npin = "7068"\npvv = "2049"')
    assert monetique("cards", "--config", str(file), "--json").json[0]["cvv2"] == "222"
