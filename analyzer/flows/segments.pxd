cdef long long ref_of(long long[::1] pool, Py_ssize_t chunk, Py_ssize_t slot) noexcept nogil
cdef Py_ssize_t chunk_after(long long[::1] pool, Py_ssize_t chunk) noexcept nogil
cdef void save_extra(long long[::1] kept, Py_ssize_t s, long long[::1] extras, long long[::1] state, long long[::1] pool, Py_ssize_t g, long long ref) noexcept nogil
cdef void note_silence(long long[::1] kept, Py_ssize_t s, long long[::1] lists, long long[::1] state, long long before_ref, long long before_ns, long long after_ref, long long after_ns, long long shape, long long answer_ref, long long answer_ns, long long open_side) noexcept nogil
cdef void note_answer(long long[::1] kept, Py_ssize_t s, long long[::1] lists, long long side, long long ref, long long ns, long long flags) noexcept nogil
cdef void note_pair(long long[::1] kept, Py_ssize_t s, long long[::1] pool, long long[::1] lists, long long[::1] state, long long at, long long left) noexcept nogil
cdef void append_segment(long long[::1] kept, Py_ssize_t s, long long[::1] pool, long long[::1] lists, long long[::1] extras, long long[::1] state, long long seqack, long long hop, long long shape, long long ns, long long ref) noexcept nogil
