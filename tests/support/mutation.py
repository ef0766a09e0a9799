"""Messages damaged as messages get damaged: by seed, so that a finding replays."""

import random


def hostile(rng: random.Random, seed: bytes) -> bytes:
    """Random bytes, or a good frame damaged in one of the ways in which frames get damaged."""
    frame = bytearray(seed)
    match rng.randrange(6):
        case 0:
            return rng.randbytes(rng.randrange(300))
        case 1:
            del frame[rng.randrange(len(frame)) :]
        case 2:
            for _ in range(rng.randrange(1, 6)):
                frame[rng.randrange(len(frame))] = rng.randrange(256)
        case 3:
            at = rng.randrange(len(frame))
            frame[at:at] = rng.randbytes(rng.randrange(1, 20))
        case 4:
            at = rng.randrange(len(frame))
            del frame[at : at + rng.randrange(1, 20)]
        case 5:  # in the MTI or the bitmap
            frame[rng.randrange(min(36, len(frame)))] = rng.choice(b"0123456789ABCDEF\x00\x80\xff")
    return bytes(frame)
