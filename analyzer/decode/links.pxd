cdef long long link_layer(const unsigned char[::1] buf, Py_ssize_t p, Py_ssize_t end, long long link, long long[::1] s) noexcept nogil
