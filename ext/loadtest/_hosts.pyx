"""An issuer and an HSM as small as they get: the switch's counterparts while its CPU time is measured.

They hold no accounts and no keys: the issuer approves whatever is well-formed, the HSM answers every translation with
the same block. Compiled, and without a Python twin: a slow counterpart would measure itself.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy

from loadtest._iso cimport BITMAP_DIGITS, AsciiLayout, Scan, Span, bit, put_hex, take_field
from loadtest._wire cimport Peer, Wire

cdef enum:
    ISSUER = 1
    HSM = 2
    HSM_HEADER = 4  # the default of the device, and of the switch's client
    HSM_COMMAND_LIMIT = 2048  # the device's own
    RESPONSE_LIMIT = 1024  # the echoed fields of R2 take 200 bytes

# What a response echoes of its request (R2), and DE 70, which the answer to a network message carries back too.
ECHOED = (2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 70)


cdef class Hosts(Wire):
    """An issuer (every kind of request is answered 00) and an HSM (PIN translation only), each on its own port."""

    def __init__(self, AsciiLayout layout):
        longest = 4 + 2 * BITMAP_DIGITS + 6 + 2  # MTI, bitmaps, DE 38, DE 39
        for field in ECHOED:
            self.echoed[(field - 1) // 64] |= bit(field)
            longest += layout.prefixes[field] + layout.widths[field]
        if longest > RESPONSE_LIMIT:
            raise ValueError(f"a response of this layout may take {longest} bytes, more than {RESPONSE_LIMIT}")
        self.layout = layout

    def listen_issuer(self, int fd):
        """Serve the switch's issuer link on this listening socket (`socket.detach()`)."""
        self.adopt(fd, ISSUER, True)

    def listen_hsm(self, int fd):
        """Serve host commands on this listening socket (`socket.detach()`)."""
        self.adopt(fd, HSM, True)

    cdef int frame(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil:
        if peer.kind == ISSUER:
            return self.authorize(peer, data, size)
        return self.translate(peer, data, size)

    cdef int authorize(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil:
        """0100 → 0110, 0420 → 0430, 0800 → 0810: echo, and approve."""
        cdef Scan found
        cdef uint64_t left
        cdef Span span
        cdef int field, half
        cdef int at = 4 + BITMAP_DIGITS
        if not self.layout.scan(data, size, &found):
            return 1
        cdef unsigned char *response = self.room(peer, RESPONSE_LIMIT)
        found.present[0] = found.present[0] & self.echoed[0] | bit(39)
        found.present[1] &= self.echoed[1]
        if data[1] == 49 or data[1] == 50:  # an authorization, 01xx or 02xx, gets a code
            found.present[0] |= bit(38)
        if found.present[1]:
            found.present[0] |= bit(1)
            put_hex(response + at, found.present[1])
            at += BITMAP_DIGITS
        memcpy(response, data, 2)
        response[2] = data[2] | 1  # request 0 → response 1, advice 2 → its response 3
        response[3] = 48  # from the acquirer, not a repeat
        put_hex(response + 4, found.present[0])
        for half in range(2):
            left = found.present[half] & ~bit(1)
            while left:
                field = 64 * half + take_field(&left)
                if field == 38:
                    memcpy(response + at, b"A1B2C3", 6)
                    at += 6
                elif field == 39:
                    memcpy(response + at, b"00", 2)
                    at += 2
                else:
                    span = found.spans[field]
                    memcpy(response + at, data + span.start, span.end - span.start)
                    at += span.end - span.start
        self.queue(peer, at)
        self.authorizations += 1
        return 0

    cdef int translate(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil:
        """CC → CD 00, PIN length 04, a block, format 01; anything else is refused with 68 (disabled)."""
        cdef unsigned char *reply
        if not HSM_HEADER + 2 <= size <= HSM_COMMAND_LIMIT:
            return 1
        reply = self.room(peer, HSM_HEADER + 24)
        memcpy(reply, data, HSM_HEADER)
        if memcmp(data + HSM_HEADER, b"CC", 2):
            reply[HSM_HEADER] = data[HSM_HEADER]
            reply[HSM_HEADER + 1] = data[HSM_HEADER + 1] + 1
            memcpy(reply + HSM_HEADER + 2, b"68", 2)
            self.queue(peer, HSM_HEADER + 4)
            return 0
        memcpy(reply + HSM_HEADER, b"CD00040123456789ABCDEF01", 24)
        self.queue(peer, HSM_HEADER + 24)
        self.translations += 1
        return 0
