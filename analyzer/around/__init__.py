"""What the rest of a capture says of one flow: other flows, name lookups, ICMP, ARP, moves, the other capture."""
