"""What compiled modules may reach of it."""


cpdef bytes pack(tuple values)
