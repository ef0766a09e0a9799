"""Codes in words: of each version its own, never for what is masked."""

import pytest

from switch.iso8583.describe import meanings, values
from switch.iso8583.dialect import SHIPPED, load
from switch.iso8583.meanings import of_field, of_fields, of_message_type


@pytest.mark.parametrize(
    ("version", "field", "text", "words"),
    [
        ("0", 3, "000000", "purchase"),
        ("0", 3, "003000", "purchase, from credit"),
        ("0", 3, "401020", "account transfer, from savings, to a cheque account"),
        ("0", 22, "051", "chip, terminal takes PINs"),
        ("0", 22, "012", "keyed, terminal takes no PINs"),
        ("1", 22, "A10101511124", "cardholder present, card present, chip, verified by PIN, PINs of up to 4 digits"),
        ("0", 25, "59", "electronic commerce"),
        ("1", 25, "4021", "time-out waiting for the response"),
        ("1", 24, "831", "echo test"),
        ("0", 39, "51", "insufficient funds"),
        ("1", 39, "116", "insufficient funds"),
        ("0", 39, "116", ""),
        ("0", 70, "301", "echo test"),
        ("1", 70, "301", ""),  # a country there
        ("0", 49, "978", "EUR"),
        ("0", 3, "00", "purchase"),
        ("0", 11, "000001", ""),
        ("2", 39, "0000", ""),
    ],
)
def test_codes(version: str, field: int, text: str, words: str) -> None:
    assert of_field(field, text, version) == words


def test_amounts_are_told_in_their_currencies() -> None:
    assert of_fields({4: "000000001250", 49: "392"}, "0")[4] == "1250 JPY"
    assert of_fields({6: "000000001250", 51: "414"}, "0")[6] == "1.250 KWD"
    assert 4 not in of_fields({4: "000000001250", 49: "999"}, "0")


@pytest.mark.parametrize("mti", ["", "01", "9999", "0900"])
def test_message_types_that_say_nothing(mti: str) -> None:
    assert of_message_type(mti) == ""


@pytest.mark.parametrize("name", SHIPPED)
def test_every_response_code_of_a_shipped_dialect_has_words(name: str) -> None:
    dialect = load(name)
    assert all(of_field(39, code, dialect.version) for code in dialect.response_codes.values())


def test_masked_values_have_none() -> None:
    dialect = load("iso87-ascii")
    view = dialect.layout.scan(dialect.layout.encode({"t": "0110", "3": "000000", "39": "51"}))
    assert meanings(view, values(view, dialect, structure=True), dialect) == {"t": "authorization response"}
    assert meanings(view, values(view, dialect), dialect) == {
        "t": "authorization response", "3": "purchase", "39": "insufficient funds"
    }  # fmt: skip
