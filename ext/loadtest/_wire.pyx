"""Frames over TCP for the bench's compiled programs: the counterparts of a switch, and the relays it is held against.

They must cost less than what they measure, so they do what any cheap server does and nothing else: one epoll, one
`recv` a ready connection, every whole frame of it handed to `frame()`, and when the wake-up's last frame is done one
`send` for each connection that has something to say. A program is a subclass that overrides `frame()`:

    Python socket ──adopt(fd, kind)──▶ Peer ──turn()──▶ frame(peer, data, size) ──room(), queue()──▶ outbox ──▶ send

Frames are `length(2, big-endian, not counting itself) ‖ payload`. `frame()` returns 0, or 1 for "malformed: close".
Everything is bounded, and each bound is checked in one place: `_receive` proves that a frame lies within its inbox
before `frame()` sees it, `room` that an answer fits its outbox before anybody writes.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memmove
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close, read

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    uint32_t EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR
    int epoll_create1(int flags)
    int epoll_ctl(int epoll_fd, int operation, int fd, epoll_event *event)
    int epoll_wait(int epoll_fd, epoll_event *events, int limit, int timeout_ms)

cdef extern from "<sys/timerfd.h>" nogil:
    int TFD_NONBLOCK, TFD_CLOEXEC
    cdef struct itimerspec:
        timespec it_interval
        timespec it_value
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec *wanted, itimerspec *before)

cdef extern from "<sys/socket.h>" nogil:
    int SOCK_NONBLOCK, SOCK_CLOEXEC, MSG_NOSIGNAL, MSG_DONTWAIT
    int accept4(int fd, void *address, void *address_size, int flags)
    ssize_t recv(int fd, void *buffer, size_t size, int flags)
    ssize_t send(int fd, const void *buffer, size_t size, int flags)

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_TCP

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_NODELAY
    int setsockopt(int fd, int level, int option, const void *value, unsigned int size)

cdef enum:
    EVENTS = 256  # as many as one wake-up may bring
    TICK = PEERS  # stands for the timer where epoll names a peer
    FRAME_LIMIT = 8192  # the switch's own limit of a frame
    INBOX = 256 * 1024  # 256 requests of 500 bytes in one recv, and always room for one more frame
    OUTBOX = 1024 * 1024  # eight times the answers of 256 requests: more means that the peer has stopped reading


class WireError(Exception):
    """The run cannot go on: a peer stopped reading, left, or there are too many of them."""


cdef double monotonic_s() noexcept nogil:
    """Seconds of the monotonic clock."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef class Wire:
    """Connections on one epoll; the subclass overrides `frame`, and `gone` where a lost connection matters."""

    def __cinit__(self):
        cdef epoll_event event
        self.epoll_fd = epoll_create1(EPOLL_CLOEXEC)
        self.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        self.peers = <Peer *> calloc(PEERS, sizeof(Peer))
        self.dirty = <int *> calloc(PEERS, sizeof(int))
        if self.peers == NULL or self.dirty == NULL:
            raise MemoryError
        for index in range(PEERS):
            self.peers[index].fd = -1
        event.events, event.data.u64 = EPOLLIN, TICK
        if self.epoll_fd < 0 or self.timer_fd < 0:
            raise OSError(errno, "no epoll or no timer")
        if epoll_ctl(self.epoll_fd, EPOLL_CTL_ADD, self.timer_fd, &event):
            raise OSError(errno, "epoll_ctl failed")

    def __dealloc__(self):
        if self.peers != NULL:
            for index in range(PEERS):
                if self.peers[index].fd >= 0:
                    close(self.peers[index].fd)
                free(self.peers[index].inbox)
                free(self.peers[index].outbox)
        free(self.peers)
        free(self.dirty)
        if self.epoll_fd >= 0:
            close(self.epoll_fd)
        if self.timer_fd >= 0:
            close(self.timer_fd)

    def run(self, double seconds):
        """Serve for `seconds`, then return; other threads run meanwhile."""
        cdef double until = monotonic_s() + seconds
        cdef double left = seconds
        with nogil:
            while left > 0:
                self.turn(<int> (left * 1000) + 1)
                left = until - self.woke_at

    # For subclasses.

    cdef int frame(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil:
        """One whole frame from `peer`; 0, or 1 to have the connection closed."""
        return 1

    cdef int gone(self, Peer *peer) except -1 nogil:
        """`peer` has been closed, by whichever side."""
        return 0

    cdef int adopt(self, int fd, int kind, bint listening) except -1:
        """Take over a non-blocking socket (`socket.detach()`) in role `kind`; its number."""
        cdef int index = self._join(fd, kind, listening)
        if index < 0:
            close(fd)
            raise WireError(f"more than {PEERS} connections")
        return index

    cdef void tick_every(self, long nanoseconds) noexcept nogil:
        """Have `turn` wake up so often, below a second, whatever else happens; 0: no more.

        epoll by itself waits whole milliseconds, which is longer than a switch takes to answer.
        """
        cdef itimerspec wanted
        wanted.it_interval.tv_sec, wanted.it_interval.tv_nsec = 0, nanoseconds
        wanted.it_value = wanted.it_interval
        timerfd_settime(self.timer_fd, 0, &wanted, NULL)

    cdef unsigned char *room(self, Peer *peer, Py_ssize_t limit) except NULL nogil:
        """Where the next payload of at most `limit` bytes for `peer` goes; `queue` then says how long it became."""
        if peer.queued + 2 + limit > OUTBOX:
            with gil:
                raise WireError(f"a peer has left {peer.queued} bytes unread")
        return peer.outbox + peer.queued + 2

    cdef void queue(self, Peer *peer, Py_ssize_t size) noexcept nogil:
        """Send, at the end of this wake-up, the `size` bytes that were written to `room`."""
        cdef unsigned char *head = peer.outbox + peer.queued
        head[0] = <unsigned char> (size >> 8)
        head[1] = <unsigned char> (size & 0xFF)
        peer.queued += 2 + size
        if not peer.dirty:
            peer.dirty = True
            self.dirty[self.dirty_count] = <int> (peer - self.peers)
            self.dirty_count += 1

    cdef int turn(self, int timeout_ms) except -1 nogil:
        """One wake-up: receive all that is there, then send all that came of it. The number of events."""
        cdef epoll_event[EVENTS] events
        cdef int count = epoll_wait(self.epoll_fd, events, EVENTS, timeout_ms)
        cdef int index
        cdef uint64_t ticks
        cdef Peer *peer
        self.woke_at = monotonic_s()
        for index in range(count):
            if events[index].data.u64 == TICK:
                read(self.timer_fd, &ticks, sizeof(ticks))
                continue
            peer = &self.peers[events[index].data.u64]
            if peer.fd < 0:  # closed earlier in this wake-up
                continue
            if peer.listening:
                self._accept(peer)
                continue
            if events[index].events & EPOLLOUT:
                self._send(peer)
            if peer.fd >= 0 and events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR):
                self._receive(peer)
        self.flush()
        return max(count, 0)  # -1 by a process that was stopped meanwhile: nothing has happened

    cdef int flush(self) except -1 nogil:
        """Send what is queued, one call a connection."""
        cdef int index
        cdef Peer *peer
        for index in range(self.dirty_count):
            peer = &self.peers[self.dirty[index]]
            peer.dirty = False
            if peer.fd >= 0 and not peer.stalled:
                self._send(peer)
        self.dirty_count = 0
        return 0

    # The sockets.

    cdef int _join(self, int fd, int kind, bint listening) noexcept nogil:
        """Put `fd` into a free slot; its number, or -1 when none is free."""
        cdef int index
        cdef Peer *peer
        for index in range(PEERS):
            peer = &self.peers[index]
            if peer.fd >= 0:
                continue
            if peer.inbox == NULL:
                peer.inbox = <unsigned char *> malloc(INBOX)
            if peer.outbox == NULL:
                peer.outbox = <unsigned char *> malloc(OUTBOX)
            if peer.inbox == NULL or peer.outbox == NULL:
                return -1
            self.next_serial += 1
            peer.fd, peer.kind, peer.serial = fd, kind, self.next_serial
            peer.listening, peer.stalled = listening, False
            peer.held = peer.queued = 0
            self._watch(peer, EPOLL_CTL_ADD)
            return index
        return -1

    cdef void _watch(self, Peer *peer, int operation) noexcept nogil:
        """Tell epoll what to wait for on `peer`."""
        cdef epoll_event event
        event.events = EPOLLIN | EPOLLOUT if peer.stalled else EPOLLIN
        event.data.u64 = <uint64_t> (peer - self.peers)
        epoll_ctl(self.epoll_fd, operation, peer.fd, &event)

    cdef void _accept(self, Peer *listener) noexcept nogil:
        """Take one waiting connection; epoll is level-triggered and comes back for the next."""
        cdef int on = 1
        cdef int fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
        if fd < 0:
            return
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))
        if self._join(fd, listener.kind, False) < 0:
            close(fd)

    cdef int _receive(self, Peer *peer) except -1 nogil:
        """One recv, and every whole frame that is in the inbox then."""
        cdef ssize_t got = recv(peer.fd, peer.inbox + peer.held, INBOX - peer.held, MSG_DONTWAIT)
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t size
        if got <= 0:
            return 0 if got < 0 and (errno == EAGAIN or errno == EINTR) else self._close(peer)
        peer.held += got
        while peer.held - at >= 2:
            size = (peer.inbox[at] << 8) | peer.inbox[at + 1]
            if size == 0 or size > FRAME_LIMIT:
                return self._close(peer)
            if peer.held - at - 2 < size:
                break
            if self.frame(peer, peer.inbox + at + 2, size):
                return self._close(peer)
            at += 2 + size
        peer.held -= at
        if at and peer.held:
            memmove(peer.inbox, peer.inbox + at, peer.held)
        return 0

    cdef int _send(self, Peer *peer) except -1 nogil:
        """One send; what the kernel did not take waits for EPOLLOUT."""
        cdef bint was_stalled = peer.stalled
        cdef ssize_t sent = send(peer.fd, peer.outbox, peer.queued, MSG_NOSIGNAL | MSG_DONTWAIT)
        if sent < 0 and errno != EAGAIN and errno != EINTR:
            return self._close(peer)
        if sent > 0:
            peer.queued -= sent
            memmove(peer.outbox, peer.outbox + sent, peer.queued)
        peer.stalled = peer.queued > 0
        if peer.stalled != was_stalled:
            self._watch(peer, EPOLL_CTL_MOD)
        return 0

    cdef int _close(self, Peer *peer) except -1 nogil:
        """Close and free the slot; its buffers stay for the next connection."""
        close(peer.fd)  # epoll forgets a closed descriptor by itself
        peer.fd = -1
        return self.gone(peer)
