cdef long long negotiate(const unsigned char[::1] buf, Py_ssize_t p, long long size, long long word, bint to_server) noexcept nogil
