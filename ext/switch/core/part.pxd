"""The types of `switch/core/part.py`, compiled."""


cdef class Part:
    cpdef list take_effects(self)
    cpdef receive(self, long long conn, bytes frame, double now)
    cpdef hsm_reply(self, long long tag, bytes reply, double now)
