# The compiled twin of ahead.py. The index is not checked: a prefetch of any address is harmless.
cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define notconn_fetch(p) __builtin_prefetch((const void *)(p), 1, 3)
    #else
    #define notconn_fetch(p) ((void)0)
    #endif
    """
    void notconn_fetch(const void *) noexcept nogil

cdef inline void fetch(long long[::1] words, Py_ssize_t index) noexcept nogil:
    if words.shape[0]:
        notconn_fetch(<const char *>&words[0] + 8 * index)

cdef inline void fetch_slot(int[::1] slots, Py_ssize_t index) noexcept nogil:
    if slots.shape[0]:
        notconn_fetch(<const char *>&slots[0] + 4 * index)
