# The compiled twin of chunks.py.
from analyzer.decode.columns cimport LOW32, MARK_HIGH_SIDE
from analyzer.flows.layout cimport G_HOP, G_STRIDE, G_WORDS, REF_CAPTURE

cdef inline long long ref_of(long long[::1] pool, Py_ssize_t chunk, Py_ssize_t slot) noexcept nogil:
    cdef long long word = pool[chunk * G_STRIDE + 1 + slot * G_WORDS + G_HOP]
    cdef long long capture = (((pool[chunk * G_STRIDE] >> (32 + 8 * slot)) & 0xFF) << 7) | (word >> 56)
    return (capture << REF_CAPTURE) | (word & LOW32)

cdef inline Py_ssize_t chunk_after(long long[::1] pool, Py_ssize_t chunk) noexcept nogil:
    return pool[chunk * G_STRIDE] & LOW32

cdef inline long long side_of(long long shape) noexcept nogil:
    return 1 if shape & MARK_HIGH_SIDE else 0
