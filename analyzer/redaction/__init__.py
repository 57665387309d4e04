"""Makes what leaves the house safe to show: addresses, names and payload replaced, the proof kept."""
