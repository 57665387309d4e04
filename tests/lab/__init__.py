"""Makes labelled captures: real programs over the kernel's TCP, in network namespaces that vanish with the process.

Run as root on Linux: ``python -m tests.lab OUT_DIR [--only CAUSE,...] [--count N] [--seed S]``. One folder a case:
``capture.pcapng`` (client side), ``server.pcapng`` (some cases), ``app.log``, ``label.json``, ``README``. A case whose
capture does not show what its label claims is thrown away, never kept.
"""
