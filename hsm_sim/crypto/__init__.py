"""Pure cryptography of the HSM: TDES keys, PIN blocks, PVV, keys under variants. No state, no randomness of its own."""
