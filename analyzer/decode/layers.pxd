cdef long long descend(const unsigned char[::1] buf, Py_ssize_t p, Py_ssize_t end, long long what, long long kind, long long[::1] s) noexcept nogil
cdef long long stop(long long[::1] s, long long reason) noexcept nogil
