"""How a flow's state is laid out in words; ``layout.pxd`` is the compiled twin."""
