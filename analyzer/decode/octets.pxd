# The compiled twin of octets.py. Each number is read after one range check of its own.
cdef inline long long u16(const unsigned char[::1] buf, Py_ssize_t p) noexcept nogil:
    cdef const unsigned char *at
    if p < 0 or p + 2 > buf.shape[0]:
        return 0
    at = &buf[0] + p
    return (<unsigned int>at[0] << 8) | at[1]

cdef inline long long u16le(const unsigned char[::1] buf, Py_ssize_t p) noexcept nogil:
    cdef const unsigned char *at
    if p < 0 or p + 2 > buf.shape[0]:
        return 0
    at = &buf[0] + p
    return (<unsigned int>at[1] << 8) | at[0]

cdef inline long long u32(const unsigned char[::1] buf, Py_ssize_t p) noexcept nogil:
    cdef const unsigned char *at
    if p < 0 or p + 4 > buf.shape[0]:
        return 0
    at = &buf[0] + p
    return (<unsigned int>at[0] << 24) | (<unsigned int>at[1] << 16) | (<unsigned int>at[2] << 8) | at[3]

cdef inline long long u32le(const unsigned char[::1] buf, Py_ssize_t p) noexcept nogil:
    cdef const unsigned char *at
    if p < 0 or p + 4 > buf.shape[0]:
        return 0
    at = &buf[0] + p
    return (<unsigned int>at[3] << 24) | (<unsigned int>at[2] << 16) | (<unsigned int>at[1] << 8) | at[0]
