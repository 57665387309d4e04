# The compiled twin of layout.py; tests/test_layout.py keeps them equal.
cdef enum:
