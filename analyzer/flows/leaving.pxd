cdef void save_extra(long long[::1] kept, Py_ssize_t s, long long[::1] extras, long long[::1] state, long long[::1] pool, Py_ssize_t g, long long ref) noexcept nogil
cdef void note_pair(long long[::1] kept, Py_ssize_t s, long long[::1] pool, long long[::1] lists, long long[::1] state, long long at, long long left) noexcept nogil
cdef void note_silence(long long[::1] kept, Py_ssize_t s, long long[::1] lists, long long[::1] state, long long before_ref, long long before_ns, long long after_ref, long long after_ns, long long shape, long long answer_ref, long long answer_ns, long long open_side) noexcept nogil
cdef void note_answer(long long[::1] kept, Py_ssize_t s, long long[::1] lists, long long side, long long ref, long long ns, long long flags) noexcept nogil
cdef void leave(long long[::1] kept, Py_ssize_t s, long long[::1] pool, long long[::1] lists, long long[::1] extras, long long[::1] state, long long n, Py_ssize_t chunk, Py_ssize_t slot) noexcept nogil
