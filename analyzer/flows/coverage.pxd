cdef Py_ssize_t cold_of(long long[::1] tally, Py_ssize_t h, long long[::1] cold, long long[::1] state) noexcept nogil
cdef void add_piece(long long[::1] tally, Py_ssize_t h, long long[::1] cold, long long[::1] state, long long start, long long end) noexcept nogil
cdef void add_ttl(long long[::1] tally, Py_ssize_t h, long long[::1] cold, long long[::1] state, long long ttl, long long count) noexcept nogil
