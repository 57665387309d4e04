cdef long long radio_header(const unsigned char[::1] buf, Py_ssize_t p, Py_ssize_t end, long long link, long long[::1] s) noexcept nogil
cdef Py_ssize_t frame_body(const unsigned char[::1] buf, Py_ssize_t p, Py_ssize_t end, long long flags) noexcept nogil
