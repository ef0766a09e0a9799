"""The vault: sealed numbers and tokens."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from switch.cards.vault import CACHED_TOKENS, Vault

DATA_KEY = bytes(range(32))
TOKEN_KEY = bytes(range(32, 64))
PAN = "4687381234561234"


def vault() -> Vault:
    return Vault(DATA_KEY, TOKEN_KEY)


@given(st.from_regex(r"[0-9]{1,19}", fullmatch=True), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_what_was_sealed_opens_and_hides_the_number(pan: str, epoch: int, sequence: int) -> None:
    sealed = vault().seal(pan, epoch, sequence)
    assert vault().open(sealed) == pan
    assert len(sealed) == 12 + len(pan) + 16
    assert len(pan) < 4 or pan.encode() not in sealed


def test_a_seal_is_plain_aes_256_gcm_under_a_counter() -> None:
    nonce = bytes.fromhex("00000007") + bytes.fromhex("00000000000004d2")
    encryptor = Cipher(algorithms.AES(DATA_KEY), modes.GCM(nonce)).encryptor()
    ciphertext = encryptor.update(PAN.encode()) + encryptor.finalize()
    assert vault().seal(PAN, epoch=7, sequence=1234) == nonce + ciphertext + encryptor.tag


@pytest.mark.parametrize("again", [(1, 5), (1, 4), (0, 9)])
def test_a_nonce_never_serves_twice(again: tuple[int, int]) -> None:
    used = vault()
    used.seal(PAN, 1, 5)
    with pytest.raises(ValueError, match=f"nonce {again[0]}/{again[1]} is not after"):
        used.seal(PAN, *again)
    assert used.seal(PAN, 1, 6) != used.seal(PAN, 2, 0)


@given(st.integers(0, 43), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(position: int, bit: int) -> None:
    sealed = bytearray(vault().seal(PAN, 1, 1))
    sealed[position] ^= 1 << bit
    with pytest.raises(ValueError, match="do not open"):
        vault().open(bytes(sealed))


def test_other_secrets_share_the_series_of_nonces() -> None:
    used = vault()
    sealed = used.seal_bytes(b'{"48":"private"}', 1, 1)
    assert vault().open_bytes(sealed) == b'{"48":"private"}'
    with pytest.raises(ValueError, match="nonce 1/1 is not after"):
        used.seal(PAN, 1, 1)
    used.seal(PAN, 1, 2)
    with pytest.raises(ValueError, match="nonce 1/2 is not after"):
        used.seal_bytes(b"more", 1, 2)


@pytest.mark.parametrize("length", [0, 12, 28])
def test_what_is_too_short_to_be_sealed_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"more than 28 bytes, not {length}"):
        vault().open(bytes(length))


def test_another_key_does_not_open() -> None:
    with pytest.raises(ValueError, match="another data key"):
        Vault(TOKEN_KEY, DATA_KEY).open(vault().seal(PAN, 1, 1))


@pytest.mark.parametrize("pan", ["", "4" * 20, "46873812 4561234", "٤٦٨٧٣٨١٢٣٤٥٦١٢٣٤"])
def test_what_is_no_card_number_is_refused_without_showing_it(pan: str) -> None:
    with pytest.raises(ValueError, match="1 to 19 digits") as caught:
        vault().seal(pan, 1, 1)
    assert not pan or pan not in str(caught.value)


@pytest.mark.parametrize(("data_key", "token_key"), [(b"", TOKEN_KEY), (DATA_KEY, bytes(31)), (bytes(16), TOKEN_KEY)])
def test_keys_of_another_length_are_refused(data_key: bytes, token_key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes each"):
        Vault(data_key, token_key)


def test_a_token_is_the_first_half_of_the_hmac() -> None:
    expected = hmac.new(TOKEN_KEY, PAN.encode(), hashlib.sha256).digest()[:16]
    mine = vault()
    assert mine.token(PAN) == expected
    assert mine.token(PAN) == expected
    assert mine.token("4687381234561242") != expected
    assert Vault(DATA_KEY, bytes(32)).token(PAN) != expected


def test_the_token_cache_is_bounded() -> None:
    mine = vault()
    for number in range(CACHED_TOKENS + 10):
        mine.token(str(number))
    assert 0 < len(mine._tokens) <= CACHED_TOKENS


def test_nothing_shows_in_the_repr() -> None:
    assert repr(vault()).startswith("<switch.cards.vault.Vault object at")
