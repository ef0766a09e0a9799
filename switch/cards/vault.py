"""The vault: card numbers at rest, encrypted, beside a token to search by.

A sealed number is AES-256-GCM (NIST SP 800-38D) under the data key: nonce (12 bytes), ciphertext, tag (16). The nonce
is epoch (4 bytes, big-endian) and sequence (8): a counter, as SP 800-38D section 8.2.1 builds it, because two numbers
under one nonce would give away their difference and the means to forge. The caller numbers its boots durably (epoch)
and its seals within one boot (sequence); the vault refuses to go backwards.

A token is HMAC-SHA-256 under the token key, cut to 16 bytes: the same number always gives the same token, and without
the key nobody can try numbers against it (PCI DSS 3.5.1.1 asks for a keyed hash).

Pure: the keys come in, and nothing is read, written or drawn here.
"""

import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from switch.cards.keyed import Keyed

KEY_BYTES = 32
TOKEN_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16

# ISO/IEC 7812: at most 19 digits.
MAX_PAN_DIGITS = 19

# Numbers repeat, by card within minutes: the busiest cards, about 6 MB; they live and die with a vault. A token costs
# 1 µs to compute, a sealed number as much.
CACHED_TOKENS = CACHED_SEALS = 16_384

_NONCE = struct.Struct(">IQ")


class Vault:
    """Seals, opens and tokenizes card numbers (text of 1 to 19 digits) under two keys of 32 bytes.

    >>> vault = Vault(data_key=bytes(32), token_key=bytes(32))
    >>> sealed = vault.seal("4687381234561234", epoch=1, sequence=1)
    >>> len(sealed), vault.open(sealed)
    (44, '4687381234561234')
    >>> vault.token("4687381234561234") == vault.token("4687381234561234")
    True
    """

    def __init__(self, data_key: bytes, token_key: bytes) -> None:
        if len(data_key) != KEY_BYTES or len(token_key) != KEY_BYTES:
            raise ValueError(f"data key and token key must have {KEY_BYTES} bytes each")
        self._cipher = AESGCM(data_key)
        self._last_epoch, self._last_sequence = -1, 0
        self._token_key = token_key
        self._sealed: dict[str, bytes] = {}
        self._tokens: dict[str, bytes] = {}
        self._keyed = Keyed(token_key)

    def seal(self, pan: str, epoch: int, sequence: int) -> bytes:
        """Encrypt `pan`. Each (epoch, sequence) must be greater than the one before; ValueError otherwise."""
        if not (pan.isascii() and pan.isdigit() and len(pan) <= MAX_PAN_DIGITS):
            raise ValueError(f"a card number has 1 to {MAX_PAN_DIGITS} digits")
        return self.seal_bytes(pan.encode("ascii"), epoch, sequence)

    def sealed(self, pan: str, epoch: int, sequence: int) -> bytes:
        """As `seal`, or what it gave for the same number a while ago: that tells no more than the token beside it."""
        found = self._sealed.get(pan)
        if found is None:
            found = self.seal(pan, epoch, sequence)
            if len(self._sealed) >= CACHED_SEALS:
                self._sealed.clear()  # the busiest are back at once
            self._sealed[pan] = found
        return found

    def open(self, sealed: bytes) -> str:
        """Decrypt what `seal` gave. ValueError where the bytes are damaged or sealed under another key."""
        return self.open_bytes(sealed).decode("ascii")

    def seal_bytes(self, clear: bytes, epoch: int, sequence: int) -> bytes:
        """The same for other secrets, such as an issuer's private data. They share the one series of nonces."""
        if epoch < self._last_epoch or (epoch == self._last_epoch and sequence <= self._last_sequence):
            raise ValueError(f"nonce {epoch}/{sequence} is not after the last one; a nonce must never serve twice")
        nonce = _NONCE.pack(epoch, sequence)
        self._last_epoch, self._last_sequence = epoch, sequence
        return nonce + self._cipher.encrypt(nonce, clear, None)

    def open_bytes(self, sealed: bytes) -> bytes:
        """Decrypt what `seal_bytes` gave."""
        if len(sealed) <= NONCE_BYTES + TAG_BYTES:
            raise ValueError(f"sealed data have more than {NONCE_BYTES + TAG_BYTES} bytes, not {len(sealed)}")
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except InvalidTag:
            raise ValueError("the sealed data do not open: damaged, or another data key") from None

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for something else that belongs to the same data. A purpose is no number."""
        if purpose.isdigit():
            raise ValueError("a purpose of digits alone would give away a card's token")
        return hmac.digest(self._token_key, purpose.encode(), "sha256")

    def token(self, pan: str) -> bytes:
        """16 bytes by which records of `pan` can be found."""
        found = self._tokens.get(pan)
        if found is None:
            found = self._keyed.digest(pan.encode("ascii"))[:TOKEN_BYTES]
            if len(self._tokens) >= CACHED_TOKENS:
                self._tokens.clear()
            self._tokens[pan] = found
        return found
