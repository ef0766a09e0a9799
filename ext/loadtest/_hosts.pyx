"""An issuer and an HSM as small as they get: the switch's counterparts while its CPU time is measured.

They hold no accounts and no keys: the issuer approves whatever is well-formed, the HSM answers every translation with
the same block. Compiled, and without a Python twin: a slow counterpart would measure itself.
"""

from libc.string cimport memcmp, memcpy, memset

from loadtest._iso cimport BITMAP_DIGITS, LAST_FIELD, AsciiLayout, Span
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
        self.layout = layout
        for field in ECHOED:
            self.echoed[field] = True

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
        cdef Span[LAST_FIELD + 1] spans
        cdef unsigned char[BITMAP_DIGITS] nibbles
        cdef unsigned char *reply
        cdef int field, width
        cdef int at = 20
        cdef const unsigned char *source
        if not self.layout.scan(data, size, spans):
            return 1
        memset(nibbles, 0, sizeof(nibbles))
        reply = self.room(peer, RESPONSE_LIMIT)
        if spans[70].end:
            nibbles[0] = 8
            at = 36
        for field in range(2, LAST_FIELD + 1):
            if field == 38 and (data[1] == 49 or data[1] == 50):  # an authorization (01xx, 02xx) gets a code
                source, width = b"A1B2C3", 6
            elif field == 39:
                source, width = b"00", 2
            elif self.echoed[field] and spans[field].end:
                source, width = data + spans[field].start, spans[field].end - spans[field].start
            else:
                continue
            memcpy(reply + at, source, width)
            at += width
            nibbles[(field - 1) // 4] |= 8 >> (field - 1) % 4
        memcpy(reply, data, 2)
        reply[2] = data[2] | 1  # request 0 → response 1, advice 2 → its response 3
        reply[3] = 48  # from the acquirer, not a repeat
        for field in range(BITMAP_DIGITS if nibbles[0] & 8 else BITMAP_DIGITS // 2):
            reply[4 + field] = b"0123456789ABCDEF"[nibbles[field]]
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
