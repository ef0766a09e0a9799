"""The kinds of `switch/core/effects.py`, as a compiled shell reads them: a test holds the two together."""


cdef enum:
    SEND = 0
    FORWARD = 1
    ANSWER = 2
    HSM = 3
    COMMIT = 4
    CLOSE = 5
    EVENT = 6
