"""SipHash-1-3 (Aumasson and Bernstein, 2012): the keyed hash of the native tables."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy


cdef struct Key:
    uint64_t k0
    uint64_t k1


cdef struct State:
    uint64_t v0
    uint64_t v1
    uint64_t v2
    uint64_t v3


cdef inline uint64_t rotated(uint64_t word, int bits) noexcept nogil:
    return word << bits | word >> (64 - bits)


cdef inline void sip_round(State* s) noexcept nogil:
    s.v0 += s.v1
    s.v2 += s.v3
    s.v1 = rotated(s.v1, 13) ^ s.v0
    s.v3 = rotated(s.v3, 16) ^ s.v2
    s.v0 = rotated(s.v0, 32) + s.v3
    s.v2 += s.v1
    s.v1 = rotated(s.v1, 17) ^ s.v2
    s.v3 = rotated(s.v3, 21) ^ s.v0
    s.v2 = rotated(s.v2, 32)


cdef inline State begun(Key key) noexcept nogil:
    cdef State s
    s.v0 = key.k0 ^ <uint64_t>0x736F6D6570736575
    s.v1 = key.k1 ^ <uint64_t>0x646F72616E646F6D
    s.v2 = key.k0 ^ <uint64_t>0x6C7967656E657261
    s.v3 = key.k1 ^ <uint64_t>0x7465646279746573
    return s


cdef inline void absorb(State* s, uint64_t word) noexcept nogil:
    s.v3 ^= word
    sip_round(s)
    s.v0 ^= word


cdef inline uint64_t ended(State* s) noexcept nogil:
    s.v2 ^= 0xFF
    sip_round(s)
    sip_round(s)
    sip_round(s)
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3


cdef inline uint64_t hash_of_word(Key key, uint64_t word) noexcept nogil:
    """Of the eight bytes of `word`, the lowest first."""
    cdef State s = begun(key)
    absorb(&s, word)
    absorb(&s, <uint64_t>8 << 56)
    return ended(&s)


cdef inline uint64_t hash_of_bytes(Key key, const uint8_t* data, Py_ssize_t size) noexcept nogil:
    """Of `size` bytes: words of eight, then what is left over under the length's lowest byte."""
    cdef State s = begun(key)
    cdef uint64_t word
    cdef Py_ssize_t i, whole = size & ~<Py_ssize_t>7
    for i in range(0, whole, 8):
        memcpy(&word, data + i, 8)
        absorb(&s, word)
    word = 0
    memcpy(&word, data + whole, size - whole)
    absorb(&s, word | (<uint64_t>size & 0xFF) << 56)
    return ended(&s)


cdef inline Key key_of_bytes(bytes hash_key):
    """The two little-endian words of 16 bytes, which the caller has counted."""
    cdef uint64_t[2] words
    memcpy(words, PyBytes_AS_STRING(hash_key), 16)
    return Key(words[0], words[1])
