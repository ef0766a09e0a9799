"""What compiled modules call of the cutting and joining of frames."""

cpdef tuple cut(bytes data, int width, bint inclusive, Py_ssize_t header_bytes, Py_ssize_t max_frame)
cpdef bytes join(list payloads, bytes header, int width, bint inclusive)
cpdef list parted(list frames, Py_ssize_t count)
