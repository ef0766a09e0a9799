"""What compiled modules may reach of a glance."""

cimport cython


@cython.final
cdef class Asked:
    cdef readonly long long number, issuer_stan
    cdef readonly str link, issuer, key, processing_code, amount, currency, business_date
    cdef readonly bytes record


@cython.final
cdef class Ended:
    cdef readonly long long number
    cdef readonly double at
    cdef readonly bint approved
    cdef readonly str approved_amount


@cython.final
cdef class Glance:
    cdef str link, issuer, processing_code, amount, currency, business_date, approved_amount

    cpdef Asked asked(self, bytes record)
    cpdef Ended ended(self, bytes record)
