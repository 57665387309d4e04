# The compiled twin of distance.py.
cdef inline long long distance(long long start, long long end) noexcept nogil:
    return ((end - start + 0x80000000LL) & 0xFFFFFFFFLL) - 0x80000000LL
