"""What the bench's compiled programs share: peers on one epoll, whole frames in, one send a wake-up out."""

cdef enum:
    PEERS = 1024  # the largest run has 64 connections; a process may open 1,024 files by default


cdef struct Peer:
    int fd  # -1: the slot is free
    int kind  # which of the subclass's roles this connection plays
    unsigned int serial  # grows with every use of the slot: an answer for an earlier use is not sent to the next
    bint listening
    bint dirty  # waits for this wake-up's send
    bint stalled  # the kernel took less than all: waits for EPOLLOUT
    unsigned char *inbox
    Py_ssize_t held
    unsigned char *outbox
    Py_ssize_t queued


cdef class Wire:
    cdef int epoll_fd, timer_fd
    cdef Peer *peers
    cdef int *dirty
    cdef int dirty_count
    cdef unsigned int next_serial
    cdef double woke_at  # monotonic; read once a wake-up

    cdef int adopt(self, int fd, int kind, bint listening) except -1
    cdef int turn(self, int timeout_ms) except -1 nogil
    cdef int flush(self) except -1 nogil
    cdef void tick_every(self, long nanoseconds) noexcept nogil
    cdef unsigned char *room(self, Peer *peer, Py_ssize_t limit) except NULL nogil
    cdef void queue(self, Peer *peer, Py_ssize_t size) noexcept nogil

    cdef int frame(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil
    cdef int gone(self, Peer *peer) except -1 nogil

    cdef int _join(self, int fd, int kind, bint listening) noexcept nogil
    cdef void _accept(self, Peer *listener) noexcept nogil
    cdef int _receive(self, Peer *peer) except -1 nogil
    cdef int _send(self, Peer *peer) except -1 nogil
    cdef int _close(self, Peer *peer) except -1 nogil
    cdef void _watch(self, Peer *peer, int operation) noexcept nogil


cdef double monotonic_s() noexcept nogil
