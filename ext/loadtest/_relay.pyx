"""The floor: the hops of an authorization and nothing else, compiled.

A relay that reads no more than the length of a frame. A request waits for the HSM's answer to a constant command, then
goes to the issuer; the answer goes back to the connection the request came from. Nothing names a message, so order
does: both hosts answer in the order asked, each on one connection. What a switch costs beyond this is its own work.

Requests stand in one ring from their arrival to their answer, passed by three cursors:

    … answered │ with the issuer │ with the HSM │ free …
             `answered`       `translated`     `received`
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from loadtest._wire cimport Peer, Wire

cdef enum:
    ACQUIRER = 1
    HSM = 2
    ISSUER = 3
    SLOTS = 512  # twice the requests in flight of the largest run; half a megabyte, so that the ring stays in the cache
    REQUEST_LIMIT = 1024  # the run's message has 500 bytes


cdef struct Slot:
    int peer
    unsigned int serial
    Py_ssize_t size
    unsigned char[REQUEST_LIMIT] request


cdef class Relay(Wire):
    """Acquirers dial in; the HSM and the issuer are one connected socket each (`socket.detach()`)."""

    cdef Slot *slots
    cdef unsigned int received, translated, answered
    cdef Peer *hsm
    cdef Peer *issuer
    cdef bytes command
    cdef const unsigned char *command_bytes  # of `command`, which keeps them alive
    cdef Py_ssize_t command_size

    def __init__(self, bytes command, int listening_fd, int hsm_fd, int issuer_fd):
        self.command = command
        self.command_bytes, self.command_size = command, len(command)
        self.slots = <Slot *> malloc(SLOTS * sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError
        self.adopt(listening_fd, ACQUIRER, True)
        self.hsm = &self.peers[self.adopt(hsm_fd, HSM, False)]
        self.issuer = &self.peers[self.adopt(issuer_fd, ISSUER, False)]

    def __dealloc__(self):
        free(self.slots)

    cdef int frame(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil:
        cdef Slot *slot
        if peer.kind == ACQUIRER:
            if size > REQUEST_LIMIT or self.received - self.answered == SLOTS:
                return 1
            slot = &self.slots[self.received % SLOTS]
            slot.peer, slot.serial, slot.size = <int> (peer - self.peers), peer.serial, size
            memcpy(slot.request, data, size)
            self.received += 1
            return self.pass_on(self.hsm, self.command_bytes, self.command_size)
        if peer.kind == HSM:
            if self.translated == self.received:
                return 1
            slot = &self.slots[self.translated % SLOTS]
            self.translated += 1
            return self.pass_on(self.issuer, slot.request, slot.size)
        if self.answered == self.translated:
            return 1
        slot = &self.slots[self.answered % SLOTS]
        self.answered += 1
        if self.peers[slot.peer].serial == slot.serial:
            self.pass_on(&self.peers[slot.peer], data, size)
        return 0

    cdef int pass_on(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil:
        """Queue one frame, unless its receiver has left."""
        if peer.fd >= 0:
            memcpy(self.room(peer, size), data, size)
            self.queue(peer, size)
        return 0
