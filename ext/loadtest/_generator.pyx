"""A generator of load, in one process with the hosts: all that stands around a measured switch.

One process, because with the switch on one core its counterparts share another: each process more there would be a
change of context more for every batch, and the switch would wait for them instead of they for it.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from loadtest._histogram cimport Histogram
from loadtest._hosts cimport Hosts
from loadtest._iso cimport AsciiLayout, Scan, decimal, has, put_decimal
from loadtest._wire cimport PEERS, Peer, monotonic_s

from loadtest._wire import WireError

cdef enum:
    ACQUIRER = 3
    REQUEST_LIMIT = 1024  # the run's message has 500 bytes
    STANS = 1000000
    CODES = 100  # DE 39 as a number
    OUTBOX_LIMIT = 512 * 1024  # what a connection takes of an open loop: 1,000 requests that the other side left unread
    TICK_NS = 100000  # how late an open loop sends at most: a tenth of what the fastest switch takes to answer at rest


cdef class Generator(Hosts):
    """A closed loop (`drive`: so many requests in flight over all connections, an answer is followed by the next
    request) or an open one (`pour`: so many requests a second, whatever is answered).

    `frames` are prepared requests of one kind whose DE 11 and DE 37 stand at `stan_at` and `rrn_at`; every request takes
    the next of them under a STAN and RRN of its own, the RRN counting up from `first_rrn`.
    """

    cdef list prepared
    cdef int stan_at, rrn_at
    cdef unsigned long long rrn
    cdef int[PEERS] acquirers  # slots of the connections to the acquirer port
    cdef int connections, turn_of
    cdef bint draining
    cdef double *asked_at  # by STAN: when it was sent, in an open loop when it was to be; 0: not in flight
    cdef Histogram latencies, refusal_latencies  # of the answers that are 00, and of all others
    cdef long long[CODES] codes
    cdef unsigned char[4] response_mti
    cdef int next_frame, frame_count
    cdef const unsigned char **frames
    cdef Py_ssize_t frame_size
    cdef readonly int outstanding, signed_on
    cdef readonly long long answers, unmatched, asked, held_back

    def __init__(self, AsciiLayout layout, list frames, int stan_at, int rrn_at, unsigned long long first_rrn):
        super().__init__(layout)
        self.rrn = first_rrn
        self.latencies, self.refusal_latencies = Histogram(), Histogram()
        self.asked_at = <double *> calloc(STANS, sizeof(double))
        if self.asked_at == NULL:
            raise MemoryError
        self.load(frames, stan_at, rrn_at)

    def __dealloc__(self):
        free(self.frames)
        free(self.asked_at)

    def load(self, list prepared, int stan_at, int rrn_at):
        """Send these frames from now on."""
        cdef bytes frame
        cdef Py_ssize_t size = len(prepared[0])
        if {len(frame) for frame in prepared} != {size} or not 4 <= size <= REQUEST_LIMIT:
            raise ValueError(f"the prepared frames must all be of one size, at most {REQUEST_LIMIT} bytes")
        if len({frame[:4] for frame in prepared}) > 1:
            raise ValueError("the prepared frames must all be of one MTI")
        if not (0 <= stan_at <= size - 6 and 0 <= rrn_at <= size - 12):
            raise ValueError("DE 11 and DE 37 must lie within the frame")
        free(self.frames)
        self.frames = <const unsigned char **> calloc(len(prepared), sizeof(unsigned char *))
        if self.frames == NULL:
            raise MemoryError
        self.prepared, self.frame_count, self.frame_size, self.next_frame = prepared, len(prepared), size, 0
        self.stan_at, self.rrn_at = stan_at, rrn_at
        for index, frame in enumerate(prepared):
            self.frames[index] = frame  # `prepared` keeps them alive
        memcpy(self.response_mti, self.frames[0], 4)
        self.response_mti[2] += 1

    def connect(self, list fds, bytes sign_on, double patience_s):
        """Sign on over these connected sockets (`socket.detach()`); returns when every one has been answered 00."""
        cdef Peer *peer
        cdef double until = monotonic_s() + patience_s
        self.signed_on = self.outstanding = self.connections = self.turn_of = 0
        memset(self.asked_at, 0, STANS * sizeof(double))
        for fd in fds:
            self.acquirers[self.connections] = self.adopt(fd, ACQUIRER, False)
            peer = &self.peers[self.acquirers[self.connections]]
            self.connections += 1
            memcpy(self.room(peer, len(sign_on)), <const unsigned char *> sign_on, len(sign_on))
            self.queue(peer, len(sign_on))
        self.flush()
        while self.signed_on < self.connections:
            if monotonic_s() > until:
                raise WireError(f"{self.signed_on} of {self.connections} sign-ons approved in {patience_s:g} s")
            with nogil:
                self.turn(100)

    def hang_up(self):
        """Close the connections to the acquirer port."""
        cdef int index
        cdef int count = self.connections
        self.connections = 0
        for index in range(count):
            self._close(&self.peers[self.acquirers[index]])

    def drive(self, int in_flight, double seconds):
        """Keep `in_flight` requests outstanding for `seconds`; counts and percentiles start anew."""
        cdef double until = monotonic_s() + seconds
        if not self.connections:
            raise WireError("not connected")
        self.forget()
        self.draining = False
        with nogil:
            self.woke_at = monotonic_s()
            while self.outstanding < in_flight:
                self.ask(&self.peers[self.acquirers[self.turn_of]], self.woke_at)
                self.turn_of = (self.turn_of + 1) % self.connections
            self.flush()
            while self.woke_at < until:
                self.turn(100)

    def pour(self, double rate_per_s, double seconds):
        """Send `rate_per_s` requests a second for `seconds`, whatever is answered; counts and percentiles start anew.

        Each request has its moment beforehand, and latency counts from there: what is sent late, because this side was
        busy or asleep, has waited as well. A request that its connection has no room for, because the other side reads
        too slowly, is `held_back`.
        """
        cdef double began
        cdef long long due
        cdef long long count = <long long> (rate_per_s * seconds + 0.5)
        cdef Peer *peer
        if not self.connections:
            raise WireError("not connected")
        self.forget()
        self.draining = True
        self.tick_every(TICK_NS)
        try:
            with nogil:
                began = self.woke_at = monotonic_s()
                while self.asked + self.held_back < count or self.woke_at < began + seconds:
                    due = min(<long long> ((self.woke_at - began) * rate_per_s) + 1, count)
                    while self.asked + self.held_back < due:
                        peer = &self.peers[self.acquirers[self.turn_of]]
                        self.turn_of = (self.turn_of + 1) % self.connections
                        if peer.queued + self.frame_size + 2 > OUTBOX_LIMIT:
                            self.held_back += 1
                        else:
                            self.ask(peer, began + (self.asked + self.held_back) / rate_per_s)
                            self.asked += 1
                    self.flush()
                    self.turn(100)
        finally:
            self.tick_every(0)

    cdef int forget(self) except -1:
        """Begin a window."""
        self.answers = self.unmatched = self.asked = self.held_back = 0
        memset(self.codes, 0, sizeof(self.codes))
        self.latencies.clear()
        self.refusal_latencies.clear()

    def drain(self, double patience_s):
        """Send nothing new; returns how many requests are unanswered after at most `patience_s`."""
        cdef double until = monotonic_s() + patience_s
        self.draining = True
        with nogil:
            while self.outstanding and monotonic_s() < until:
                self.turn(100)
        return self.outstanding

    def by_de39(self):
        """Answers of this window by DE 39."""
        return {f"{code:02}": self.codes[code] for code in range(CODES) if self.codes[code]}

    def percentile_ms(self, double share, bint refusals=False):
        """The latency that `share` (0 to 1) of this window's approvals stayed within; or of its refusals."""
        cdef Histogram histogram = self.refusal_latencies if refusals else self.latencies
        return histogram.percentile_s(share) * 1000

    cdef int ask(self, Peer *peer, double at) except -1 nogil:
        """Queue the next request on `peer`; its latency counts from `at`."""
        cdef unsigned char *request = self.room(peer, self.frame_size)
        cdef int stan = <int> (self.rrn % (STANS - 1)) + 1  # 000000 is not a STAN
        memcpy(request, self.frames[self.next_frame], self.frame_size)
        put_decimal(request + self.stan_at, 6, stan)
        put_decimal(request + self.rrn_at, 12, self.rrn)
        self.queue(peer, self.frame_size)
        self.next_frame = (self.next_frame + 1) % self.frame_count
        self.rrn += 1
        self.asked_at[stan] = at
        self.outstanding += 1
        return 0

    cdef int frame(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil:
        if peer.kind == ACQUIRER:
            return self.answered(peer, data, size)
        return Hosts.frame(self, peer, data, size)

    cdef int answered(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil:
        """Count one answer, and follow it with the next request."""
        cdef Scan found
        cdef int code, stan
        if not self.layout.scan(data, size, &found) or not has(&found, 39) or not has(&found, 11):
            return 1
        code = decimal(data + found.spans[39].start, 2)
        stan = decimal(data + found.spans[11].start, 6)
        if memcmp(data, b"0810", 4) == 0:
            self.signed_on += code == 0
            return 0
        if code < 0 or stan < 0 or self.asked_at[stan] == 0 or memcmp(data, self.response_mti, 4):
            self.unmatched += 1
            return 0
        if code == 0:
            self.latencies.add(self.woke_at - self.asked_at[stan])
        else:
            self.refusal_latencies.add(self.woke_at - self.asked_at[stan])
        self.asked_at[stan] = 0
        self.outstanding -= 1
        self.codes[code] += 1
        self.answers += 1
        return 0 if self.draining else self.ask(peer, self.woke_at)

    cdef int gone(self, Peer *peer) except -1 nogil:
        if peer.kind != ACQUIRER or not self.connections:
            return 0
        with gil:
            raise WireError(f"the other side closed a connection with {self.outstanding} requests in flight")
