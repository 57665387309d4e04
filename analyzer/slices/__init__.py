"""Captures cut down to one incident: the guilty packets and what explains them, with comments that Wireshark shows."""
