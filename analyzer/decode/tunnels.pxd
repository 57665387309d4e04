cdef long long udp_tunnel(const unsigned char[::1] buf, Py_ssize_t p, Py_ssize_t end, long long port, long long[::1] s) noexcept nogil
